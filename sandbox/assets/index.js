// The index: what the sandbox plays, how it is doing, and where the product itself is.

import { post } from "./api.js";
import { countBankFaults } from "./bank_faults.js";
import { confirmDialog } from "./dialogs.js";
import { el, every, icon } from "./dom.js";
import { fullDate } from "./formats.js";
import { currentLanguage, plural, say } from "./language.js";
import { attempt, quietly, SECTIONS, startPage } from "./page.js";

const REFRESH_MS = 3_000;
const PRODUCT = [
  { title_ru: "Документация API", title_en: "API documentation", url: "http://127.0.0.1:8080/api/docs" },
  { title_ru: "Всё ли живо", title_en: "Is it alive", url: "http://127.0.0.1:8080/healthz" },
];

const facts = {};

function describe(key) {
  const { state, clock, faults, sheets, requests, banks, mail } = facts;
  switch (key) {
    case "telegram":
      return state && plural(state.users.length, ["человек", "человека", "человек"], ["person", "people"]);
    case "clock":
      return clock && fullDate(clock.now_ms);
    case "faults": {
      const active = faults && countFaults(faults);
      if (!faults) return null;
      return active === 0 ? say("всё исправно", "all is well") : say(`включено: ${active}`, `switched on: ${active}`);
    }
    case "banks": {
      const count = banks && banks.yookassa.totals.payments + banks.tbank.totals.payments;
      return banks && plural(count, ["платёж", "платежа", "платежей"], ["payment", "payments"]);
    }
    case "mail":
      return mail && plural(mail.mails.length, ["письмо", "письма", "писем"], ["letter", "letters"]);
    case "sheets":
      return sheets && sheets.flatMap((sheet) => sheet.tabs).map((tab) => tab.name).join(", ");
    case "llm":
      return requests && plural(requests.length, ["запрос", "запроса", "запросов"], ["request", "requests"]);
    default:
      return null;
  }
}

function countFaults({ telegram, sheets, llm, ...others }) {
  const counters = ["too_many_requests_next", "server_error_next", "error_after_effect_next", "drop_response_next", "slow_ms"];
  return counters.filter((name) => telegram[name] > 0).length + Number(Boolean(telegram.duplicate_updates)) + Number(telegram.limits === false)
    + Number(sheets.mode !== "ok") + Number(llm.mode !== "ok") + Number(llm.slow_ms > 0) + countBankFaults(others);
}

const LEADS = {
  banks: () => say("ЮKassa и Т-Банк: платежи, возвраты, чеки, уведомления.", "YooKassa and T-Bank: payments, refunds, receipts, notifications."),
  mail: () => say("Письма, которые продукт отправил клиентам.", "Letters the product has sent to clients."),
  clock: () => say("Остановить время, перевести на час, день или неделю вперёд.", "Stop time, move it an hour, a day or a week ahead."),
  faults: () => say("Отказы, обрывы, повторы и лимиты. И журнал каждого вызова.", "Refusals, dropped answers, repeats and limits. And a journal of every call."),
  sheets: () => say("Шаблоны программ: посмотреть, исправить, испортить, вернуть.", "Programme templates: look, edit, spoil, restore."),
  llm: () => say("Честная, лживая, молчащая. Видно каждый запрос и ответ.", "Honest, lying, silent. Every request and answer is shown."),
};

function render() {
  const { state } = facts;
  const connected = state && state.connected !== "none";
  document.getElementById("hero").replaceChildren(
    el("a", { class: "hero", href: "/telegram" },
      el("span", { class: "hero-icon" }, icon("chat")),
      el("span", { class: "hero-text" },
        el("b", {}, say("Открыть чат с ботом", "Open the chat with the bot")),
        el("span", {}, say("Начните здесь: нажмите «Запустить», пройдите анкету и получите программу в PDF. Рядом виден чат тренера.",
          "Start here: press “Start”, answer the questionnaire and receive a programme in PDF. The trainer's chat is beside it.")),
      ),
      el("span", { class: `status ${connected ? "ok" : "warn"}` }, connected
        ? say(`@${state.bot.username} на связи`, `@${state.bot.username} is connected`)
        : say("бот ещё не подключился", "the bot has not connected yet")),
    ),
  );
  document.getElementById("sections").replaceChildren(...SECTIONS.filter((section) => section.key !== "telegram").map((section) =>
    el("a", { class: "tile", href: section.href, "data-testid": `section-${section.key}` },
      el("span", { class: "tile-icon" }, icon(section.icon)),
      el("b", {}, section.name()),
      el("span", { class: "muted" }, LEADS[section.key]()),
      el("span", { class: "tile-fact" }, describe(section.key) ?? "…"),
    )));
  document.getElementById("links").replaceChildren(...(facts.links ?? PRODUCT).map((link) =>
    el("a", { href: link.url, target: "_blank", rel: "noopener" }, el("span", {}, currentLanguage() === "ru" ? link.title_ru : link.title_en), el("span", { class: "muted" }, link.url), icon("external"))));
  const resetButton = el("button", { type: "button", class: "button danger", "data-testid": "reset", onclick: reset }, icon("trash"), say("Очистить песочницу", "Clear the sandbox"));
  const place = document.getElementById("reset");
  if (!place.childElementCount || place.textContent !== resetButton.textContent) place.replaceChildren(resetButton);
}

async function reset() {
  const sure = await confirmDialog(
    say("Очистить песочницу?", "Clear the sandbox?"),
    say("Чаты, банки и почта опустеют, неполадки выключатся.", "Chats, banks and mail become empty, faults are switched off."),
    say("Очистить", "Clear"),
  );
  if (sure) await attempt(() => post("/sandbox/reset"), say("Готово, всё с начала", "Done, everything from the start"));
}

async function refresh() {
  const [state, clock, faults, sheets, requests, banks, mail] = await Promise.all([
    quietly("/sandbox/telegram/state"), quietly("/sandbox/clock"), quietly("/sandbox/faults"), quietly("/sandbox/sheets"), quietly("/sandbox/llm/requests"),
    quietly("/sandbox/banks"), quietly("/sandbox/mail"),
  ]);
  const before = JSON.stringify(facts);
  Object.assign(facts, { state, clock, faults, sheets, requests, banks, mail });
  // Redrawing under the pointer would swallow a click for nothing.
  if (JSON.stringify(facts) !== before) render();
}

startPage(null, () => say("Обзор", "Overview"), render);
quietly("/sandbox/links").then((answer) => {
  if (answer?.links?.length) facts.links = answer.links;
  render();
});
every(REFRESH_MS, refresh);
