// The cabinets of both banks: money, payments, refunds, receipts, methods, notifications and calls.

import { post, put } from "./api.js";
import { el, every, icon } from "./dom.js";
import { timeWithSeconds } from "./formats.js";
import { currentLanguage, locale, plural, say } from "./language.js";
import { attempt, quietly, startPage } from "./page.js";

const REFRESH_MS = 2_000;
const SHOWN = 50;
const BANKS = [["yookassa", () => say("ЮKassa", "YooKassa")], ["tbank", () => say("Т-Банк", "T-Bank")]];
const FORGERIES = [
  ["sender", () => say("правда, но с чужого адреса", "true, from a stranger's address")],
  ["token", () => say("с чужой подписью", "with a foreign signature")],
  ["state", () => say("будто оплачено", "claims it is paid")],
  ["amount", () => say("с другой суммой", "with another sum")],
  ["shop", () => say("другого магазина", "of another shop")],
  ["unknown", () => say("о платеже, которого нет", "of a payment that isn't there")],
];

let bank = new URLSearchParams(location.search).get("bank") === "tbank" ? "tbank" : "yookassa";
const facts = {};
const open = new Set();

function money(kopecks) {
  return new Intl.NumberFormat(locale(), { style: "currency", currency: "RUB", currencyDisplay: "narrowSymbol" }).format(kopecks / 100);
}

const STATES = {
  pending: ["", () => say("ждёт оплаты", "awaits payment")],
  held: ["warn", () => say("удержано", "held")],
  paid: ["ok", () => say("оплачено", "paid")],
  partially_refunded: ["ok", () => say("возвращено частично", "partly refunded")],
  refunded: ["", () => say("возвращено", "refunded")],
  canceled: ["bad", () => say("отменён", "canceled")],
  expired: ["bad", () => say("истёк", "expired")],
};

function chip(kind, text) {
  return el("span", { class: `status ${kind}` }, text);
}

function details(key, title, value) {
  return el("details", { open: open.has(key), ontoggle: (event) => (event.target.open ? open.add(key) : open.delete(key)) },
    el("summary", {}, title), el("pre", {}, typeof value === "string" ? value : JSON.stringify(value, null, 2)));
}

async function act(path, body, done) {
  await attempt(() => post(`/sandbox/banks/${path}`, body), done);
  await refresh();
}

function small(label, testId, run) {
  return el("button", { type: "button", class: "button small", "data-testid": testId, onclick: run }, label);
}

function paymentRow(one) {
  const [kind, title] = STATES[one.state];
  const base = `${bank}/payments/${encodeURIComponent(one.id)}`;
  const forge = el("select", { class: "button small", "aria-label": say("Подделать уведомление", "Forge a notification"), "data-testid": `forge-${one.id}`, onchange: (event) => {
    const chosen = event.target.value;
    event.target.value = "";
    if (chosen) act(`${base}/forge`, { kind: chosen }, say("Подделка отправлена", "The forgery is sent"));
  } }, el("option", { value: "" }, say("Подделать…", "Forge…")), FORGERIES.map(([value, name]) => el("option", { value }, name())));
  forge.style.width = "auto";
  const pending = one.state === "pending";
  const back = one.paid_minor - one.refunded_minor > 0;
  return el("div", { class: "bank-item", "data-testid": `payment-${one.id}` },
    el("div", {},
      el("b", {}, money(one.amount_minor)), " ", one.description ?? "",
      el("div", { class: "muted" }, `${timeWithSeconds(one.created_at_ms)} · ${say("заказ", "order")} ${one.order_id ?? "—"} · `, el("code", {}, one.id)),
      one.refunded_minor > 0 ? el("div", { class: "muted" }, say(`возвращено ${money(one.refunded_minor)}`, `${money(one.refunded_minor)} refunded`)) : null),
    el("div", {}, chip(kind, title()), one.reason ? el("div", { class: "muted" }, one.reason) : null),
    el("div", { class: "buttons" },
      pending ? el("a", { class: "button small primary", href: one.pay_path, target: "_blank", rel: "noopener" }, say("Страница оплаты", "Pay page"), icon("external")) : null,
      pending ? small(say("Оплатить", "Pay"), `pay-${one.id}`, () => act(`${base}/act`, { action: "pay", outcome: "success" })) : null,
      pending ? small(say("Отказать", "Decline"), `decline-${one.id}`, () => act(`${base}/act`, { action: "pay", outcome: bank === "tbank" ? "1051" : "insufficient_funds" })) : null,
      pending ? small(say("Пусть истечёт", "Expire"), `expire-${one.id}`, () => act(`${base}/act`, { action: "expire" })) : null,
      back ? small(say("Вернуть из кабинета", "Refund from the cabinet"), `refund-${one.id}`, () => act(`${base}/refund`, { amount_minor: null })) : null,
      pending ? null : small(say("Уведомить ещё раз", "Notify again"), `notify-${one.id}`, () => act(`${base}/notify`, {})),
      forge),
    details(`p${one.id}`, say("Всё о платеже", "All about the payment"), one));
}

function refundRow(one) {
  const kinds = { succeeded: "ok", pending: "warn", canceled: "bad" };
  const words = { succeeded: say("возвращено", "refunded"), pending: say("в пути", "under way"), canceled: say("не вышло", "failed") };
  const settle = (action) => act(`${bank}/refunds/${encodeURIComponent(one.id)}`, { action });
  return el("div", { class: "bank-item" },
    el("div", {}, el("b", {}, money(one.amount_minor)), el("div", { class: "muted" }, `${timeWithSeconds(one.created_at_ms)} · `, el("code", {}, one.payment_id))),
    el("div", {}, chip(kinds[one.status], words[one.status]), one.reason ? el("div", { class: "muted" }, one.reason) : null),
    one.status === "pending" ? el("div", { class: "buttons" }, small(say("Деньги дошли", "The money arrived"), `settle-${one.id}`, () => settle("succeed")), small(say("Не дошли", "It did not"), `fail-${one.id}`, () => settle("fail"))) : null);
}

function receiptRow(one) {
  const titles = { payment: say("Приход", "Income"), refund: say("Возврат прихода", "Return of income") };
  return el("div", { class: "bank-item" },
    el("div", {}, el("b", {}, money(one.total)), ` ${titles[one.kind]}${one.closing ? say(", закрывает предоплату", ", closes a prepayment") : ""}`,
      el("div", { class: "muted" }, `${timeWithSeconds(one.created_at_ms)} · ФД ${one.document} · `, el("code", {}, one.payment_id))),
    chip(one.status === "succeeded" ? "ok" : "bad", one.status === "succeeded" ? say("зарегистрирован", "registered") : say("не зарегистрирован", "not registered")),
    details(`r${one.id}`, say("Позиции", "Lines"), one.data));
}

function methodRow(one) {
  const declines = bank === "tbank" ? "1051" : "insufficient_funds";
  const set = async (value) => {
    await attempt(() => put(`/sandbox/banks/${bank}/methods/${encodeURIComponent(one.id)}`, { declines: value }));
    await refresh();
  };
  return el("div", { class: "bank-item" },
    el("div", {}, el("b", {}, one.card ? `${one.card.brand} *${one.card.last4}` : say("Без карты", "No card")), el("div", { class: "muted" }, `${one.customer ?? "—"} · `, el("code", {}, one.id))),
    one.declines ? chip("warn", one.declines) : chip(one.active ? "ok" : "", one.active ? say("действует", "active") : say("нет", "inactive")),
    el("div", { class: "buttons" }, one.declines ? small(say("Снова принимать", "Accept again"), `accept-${one.id}`, () => set(null)) : small(say("Списания отклонять", "Decline charges"), `declines-${one.id}`, () => set(declines))));
}

const FATES = {
  waiting: ["warn", () => say("ждёт", "waits")],
  in_flight: ["warn", () => say("в пути", "under way")],
  delivered: ["ok", () => say("принято", "taken")],
  given_up: ["bad", () => say("оставлено", "given up")],
  lost: ["bad", () => say("потеряно нарочно", "lost on purpose")],
  no_address: ["bad", () => say("некуда слать", "no address")],
};

function notificationRow(one) {
  const [kind, title] = FATES[one.fate];
  const last = one.attempts.at(-1);
  return el("div", { class: "bank-item", "data-testid": `notification-${one.id}` },
    el("div", {}, el("b", {}, one.event), one.forged ? [" ", chip("bad", say(`подделка: ${one.forged}`, `forged: ${one.forged}`))] : null,
      el("div", { class: "muted" }, `${timeWithSeconds(one.made_at_ms)} · ${one.sender} → ${one.url ?? "—"} · `, el("code", {}, one.payment_id)),
      last ? el("div", { class: "muted" }, plural(one.attempts.length, ["попытка", "попытки", "попыток"], ["attempt", "attempts"]), `, ${say("последний ответ", "last answer")}: ${last.status ?? say("нет", "none")} ${last.answer.slice(0, 80)}`) : null,
      one.fate === "waiting" ? el("div", { class: "muted" }, say(`уйдёт в ${timeWithSeconds(one.due_at_ms)} по часам песочницы`, `goes at ${timeWithSeconds(one.due_at_ms)} by the sandbox's clock`)) : null),
    chip(kind, title()),
    el("div", { class: "buttons" }, small(say("Отправить ещё раз", "Send again"), `repeat-${one.id}`, () => act(`notifications/${one.id}/repeat`, {}))),
    details(`n${one.id}`, say("Тело и попытки", "Body and attempts"), { body: one.body, attempts: one.attempts }));
}

function callRow(one, at) {
  const fine = one.status === 200 && one.answer?.Success !== false;
  return el("div", { class: "bank-item" },
    el("div", {}, el("b", {}, one.call), " ", el("code", {}, one.path), el("div", { class: "muted" }, `${timeWithSeconds(one.at_ms)}${one.key ? ` · ${one.key}` : ""}${one.fault ? ` · ${one.fault}` : ""}`)),
    el("span", { class: `code-status ${fine ? "ok" : "bad"}` }, one.status === null ? say("обрыв", "cut") : `${one.status}${one.answer?.ErrorCode && one.answer.ErrorCode !== "0" ? ` · ${one.answer.ErrorCode}` : ""}`),
    details(`c${one.at_ms}${at}`, say("Запрос и ответ", "Request and answer"), { request: one.request, answer: one.answer }));
}

function card(title, rows, empty, render) {
  return el("section", { class: "card" },
    el("div", { class: "card-head" }, el("h2", {}, title), rows?.length > SHOWN ? el("span", { class: "muted" }, say(`последние ${SHOWN} из ${rows.length}`, `last ${SHOWN} of ${rows.length}`)) : null),
    rows?.length ? el("div", { class: "bank-list" }, [...rows].reverse().slice(0, SHOWN).map(render)) : el("p", { class: "empty" }, empty));
}

function accounts() {
  const about = facts.overview?.[bank];
  if (!about) return null;
  const secret = bank === "tbank" ? "password" : "secret";
  return el("section", { class: "card" },
    el("div", { class: "card-head" }, el("h2", {}, say("Доступ", "Access"))),
    Object.entries(about.accounts).map(([name, account]) => {
      const flags = Object.entries(account).filter(([, value]) => typeof value === "boolean");
      const toggle = (key, value) => el("label", { class: "switch-row" }, el("span", {}, el("b", {}, el("code", {}, key))),
        el("input", { type: "checkbox", role: "switch", class: "toggle", checked: value, "data-testid": `${name}-${key}`, onchange: async (event) => {
          await attempt(() => put(`/sandbox/banks/${bank}/accounts/${encodeURIComponent(name)}`, { [key]: event.target.checked }));
          await refresh();
        } }));
      return el("div", {},
        el("dl", { class: "facts" },
          el("dt", {}, bank === "tbank" ? "TerminalKey" : "shopId"), el("dd", {}, el("code", {}, name)),
          el("dt", {}, bank === "tbank" ? say("Пароль", "Password") : say("Секретный ключ", "Secret key")), el("dd", {}, el("code", {}, account[secret])),
          el("dt", {}, say("Базовый адрес", "Base URL")), el("dd", {}, el("code", {}, `${location.origin}${about.api_path}`)),
          el("dt", {}, say("Уведомления", "Notifications")), el("dd", {}, el("code", {}, account.notification_url || about.notification_url || say("некуда", "nowhere")))),
        details(`a${name}`, say("Настройки", "Settings"), account),
        el("div", { class: "switches" }, flags.map(([key, value]) => toggle(key, value))));
    }));
}

function sums() {
  const totals = facts.overview?.[bank]?.totals;
  if (!totals) return null;
  const sum = (label, value) => el("div", {}, el("b", {}, value), el("span", {}, label));
  return el("section", { class: "card bank-sums", "data-testid": "totals" },
    sum(say("получено", "taken"), money(totals.paid_minor)), sum(say("возвращено", "given back"), money(totals.refunded_minor)),
    sum(say("остаётся", "left"), money(totals.paid_minor - totals.refunded_minor)), sum(say("удержано", "held"), money(totals.held_minor)),
    sum(say("платежей, из них с деньгами", "payments, of them with money"), `${totals.payments} / ${totals.paid}`));
}

function render() {
  document.getElementById("tabs").replaceChildren(...BANKS.map(([key, name]) =>
    el("button", { type: "button", class: "button", role: "tab", "aria-selected": key === bank ? "true" : "false", "data-testid": `bank-${key}`, onclick: () => {
      bank = key;
      history.replaceState(null, "", `/banks?bank=${key}`);
      refresh();
    } }, name())));
  if (facts.of !== bank) return;
  const focused = document.activeElement?.dataset?.testid;
  const nothing = say("Пока ничего.", "Nothing yet.");
  document.getElementById("bank").replaceChildren(...[
    sums(),
    card(say("Платежи", "Payments"), facts.payments, say("Продукт ещё ничего не создал. Купите что-нибудь в чате или на сайте.", "The product has made none. Buy something in the chat or on the site."), paymentRow),
    card(say("Уведомления", "Notifications"), facts.notifications, nothing, notificationRow),
    card(say("Возвраты", "Refunds"), facts.refunds, nothing, refundRow),
    card(say("Чеки", "Receipts"), facts.receipts, nothing, receiptRow),
    card(say("Сохранённые карты", "Saved cards"), facts.methods, nothing, methodRow),
    card(say("Вызовы API", "API calls"), facts.calls, nothing, callRow),
    accounts(),
  ].filter(Boolean));
  if (focused) document.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

async function refresh() {
  const of = bank;
  const [overview, payments, refunds, receipts, methods, notifications, calls] = await Promise.all([
    quietly("/sandbox/banks"), ...["payments", "refunds", "receipts", "methods"].map((name) => quietly(`/sandbox/banks/${of}/${name}?limit=200`)),
    quietly(`/sandbox/banks/notifications?bank=${of}`), quietly(`/sandbox/banks/${of}/calls`),
  ]);
  if (of !== bank) return;
  const before = JSON.stringify(facts);
  Object.assign(facts, { of, overview, payments, refunds, receipts, methods, notifications, calls, language: currentLanguage() });
  // Redrawing under the pointer would swallow a click for nothing, and a list that is open would close.
  const choosing = document.activeElement?.matches?.("#bank select");
  if (JSON.stringify(facts) !== before && !choosing) render();
}

startPage("banks", () => say("Банки", "Banks"), render);
every(REFRESH_MS, refresh);
