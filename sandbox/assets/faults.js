// The fault switches and the journal of what the bot has asked of Telegram.

import { get, post, put } from "./api.js";
import { bankFaults } from "./bank_faults.js";
import { el, every, icon } from "./dom.js";
import { timeWithSeconds } from "./formats.js";
import { say } from "./language.js";
import { llmModes, sheetModes, modeChoices } from "./modes.js";
import { attempt, quietly, startPage } from "./page.js";

const REFRESH_MS = 2_000;
const JOURNAL_LIMIT = 200;

const COUNTERS = [
  ["too_many_requests_next", () => say("Слишком много запросов", "Too many requests"), () => say("Столько следующих вызовов получат 429 с просьбой подождать.", "So many next calls get 429 and a request to wait."), 1],
  ["retry_after_s", () => say("Просить подождать, секунд", "Ask to wait, seconds"), () => say("Что стоит в retry_after ответа 429.", "What the 429 answer carries in retry_after."), 1],
  ["server_error_next", () => say("Ошибка сервера", "Server error"), () => say("Столько следующих вызовов получат 500, ничего не сделав.", "So many next calls get 500 with nothing done."), 1],
  ["error_after_effect_next", () => say("Сделал и ответил ошибкой", "Done, then an error"), () => say("Сообщение уходит, но бот получает 500. Повтор отправит его дважды.", "The message goes out, yet the bot gets 500. A careless retry sends it twice."), 1],
  ["drop_response_next", () => say("Сделал и оборвал связь", "Done, then cut off"), () => say("Сообщение уходит, а соединение рвётся до ответа.", "The message goes out and the connection breaks before the answer."), 1],
  ["slow_ms", () => say("Задержка, миллисекунд", "Delay, milliseconds"), () => say("Каждый вызов отвечает позже на столько.", "Every call answers later by this much."), 100],
];

const SWITCHES = [
  ["duplicate_updates", () => say("Каждое событие дважды", "Every update twice"), () => say("Так бывает, когда Телеграм не услышал ответа.", "Happens when Telegram has not heard the answer.")],
  ["limits", () => say("Настоящие лимиты отправки", "Real sending limits"), () => say("Около одного сообщения в секунду в чат и тридцати всего. Обычно включены.", "About one message a second in a chat and thirty overall. Normally on.")],
];

let faults = null;
let journal = [];
let paused = false;
let onlyFailures = false;
let withoutPolling = true;

async function change(part) {
  const answer = await attempt(() => put("/sandbox/faults", part));
  if (answer?.telegram) faults = answer;
  else faults = (await quietly("/sandbox/faults")) ?? faults;
  renderFaults();
}

function counter([name, title, lead, step]) {
  const input = el("input", {
    type: "number", min: 0, max: 600000, step, inputmode: "numeric", value: faults.telegram[name] ?? 0, "data-testid": name, "aria-label": title(),
    onchange: () => change({ telegram: { [name]: Math.max(0, Math.trunc(Number(input.value) || 0)) } }),
  });
  const on = name !== "retry_after_s" && faults.telegram[name] > 0;
  return el("div", { class: `switch-row ${on ? "on" : ""}` }, el("span", {}, el("b", {}, title()), el("span", {}, lead())), input);
}

function toggle([name, title, lead]) {
  const input = el("input", {
    type: "checkbox", role: "switch", class: "toggle", checked: Boolean(faults.telegram[name]), "data-testid": name,
    onchange: () => change({ telegram: { [name]: input.checked } }),
  });
  const unusual = name === "limits" ? faults.telegram.limits === false : faults.telegram[name];
  return el("label", { class: `switch-row ${unusual ? "on" : ""}` }, el("span", {}, el("b", {}, title()), el("span", {}, lead())), input);
}

function slowness(part, title) {
  const input = el("input", {
    type: "number", min: 0, max: 600000, step: 500, value: faults[part].slow_ms ?? 0, "data-testid": `${part}-slow`,
    onchange: () => change({ [part]: { slow_ms: Math.max(0, Math.trunc(Number(input.value) || 0)) } }),
  });
  return el("label", { class: "switch-row" }, el("span", {}, el("b", {}, title)), input);
}

function renderFaults() {
  if (!faults) return;
  const focused = document.activeElement?.dataset?.testid;
  document.getElementById("faults").replaceChildren(
    el("section", { class: "card" },
      el("div", { class: "card-head" },
        el("h2", {}, say("Телеграм", "Telegram")),
        el("button", { type: "button", class: "button small", "data-testid": "repeat", title: say("Последнее событие придёт боту ещё раз", "The last update is delivered to the bot once more"), onclick: () => attempt(() => post("/sandbox/telegram/updates/repeat", { count: 1 }), say("Событие доставлено ещё раз", "Delivered once more")) }, icon("refresh"), say("Повторить последнее событие", "Repeat the last update")),
        el("button", { type: "button", class: "button small", "data-testid": "reset-faults", onclick: () => change({ reset: true }) }, icon("check"), say("Всё исправить", "Fix everything")),
      ),
      el("div", { class: "switches" }, COUNTERS.map(counter), SWITCHES.map(toggle)),
    ),
    el("section", { class: "card" },
      el("div", { class: "card-head" }, el("h2", {}, say("Google-таблицы", "Google Sheets"))),
      modeChoices("sheets", sheetModes(), faults.sheets.mode, (mode) => change({ sheets: { mode } })),
      el("div", { class: "switches" }, slowness("sheets", say("Насколько медленно в режиме «Медленно», миллисекунд", "How slow the “Slow” mode is, milliseconds"))),
    ),
    el("section", { class: "card" },
      el("div", { class: "card-head" }, el("h2", {}, say("Нейросеть", "Language model"))),
      modeChoices("llm", llmModes(), faults.llm.mode, (mode) => change({ llm: { mode } })),
      el("div", { class: "switches" }, slowness("llm", say("Задержка ответа, миллисекунд", "Delay of the answer, milliseconds"))),
    ),
    ...bankFaults(faults, change),
  );
  if (focused) document.querySelector(`#faults [data-testid="${focused}"]`)?.focus({ preventScroll: true });
}

function renderTools() {
  const box = (checked, label, set) => el("label", { class: "buttons muted" }, el("input", { type: "checkbox", checked, onchange: (event) => { set(event.target.checked); renderJournal(); } }), label);
  document.getElementById("journal-tools").replaceChildren(
    box(withoutPolling, say("без опроса", "without polling"), (value) => { withoutPolling = value; }),
    box(onlyFailures, say("только отказы", "failures only"), (value) => { onlyFailures = value; }),
    el("button", { type: "button", class: "button small", onclick: () => { paused = !paused; renderTools(); } }, icon(paused ? "play" : "pause"), paused ? say("Продолжить", "Go on") : say("Пауза", "Pause")),
  );
}

const rows = new Map();

function renderJournal() {
  const shown = journal.filter((one) => (!withoutPolling || one.method?.toLowerCase() !== "getupdates") && (!onlyFailures || one.status !== 200));
  const place = document.getElementById("journal");
  if (shown.length === 0) {
    place.replaceChildren(el("p", { class: "empty" }, say("Здесь появятся вызовы бота.", "The bot's calls will appear here.")));
    return;
  }
  const keep = new Set();
  const nodes = shown.map((one) => {
    const key = JSON.stringify(one);
    keep.add(key);
    if (!rows.has(key)) rows.set(key, row(one));
    return rows.get(key);
  });
  for (const key of rows.keys()) if (!keep.has(key)) rows.delete(key);
  place.replaceChildren(el("div", { class: "scroll-x" }, el("table", { class: "journal" },
    el("thead", {}, el("tr", {}, [say("Время", "Time"), say("Метод", "Method"), say("Чат", "Chat"), say("Ответ", "Answer"), say("Параметры", "Parameters")].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, nodes))));
}

function row(one) {
  const params = JSON.stringify(one.params ?? {});
  return el("tr", {},
    el("td", { class: "number muted" }, timeWithSeconds(one.at_ms)),
    el("td", {}, el("b", {}, one.method)),
    el("td", { class: "number" }, one.chat_id ?? ""),
    el("td", {}, el("span", { class: `code-status ${one.status === 200 ? "ok" : "bad"}` }, String(one.status)), one.error ? el("div", { class: "muted" }, one.error) : null),
    el("td", { class: "journal-params" }, params === "{}" ? null : el("details", {}, el("summary", {}, params.slice(0, 160)), el("pre", {}, JSON.stringify(one.params, null, 2)))),
  );
}

async function refresh() {
  const [latest, requests] = await Promise.all([quietly("/sandbox/faults"), quietly(`/sandbox/telegram/requests?limit=${JOURNAL_LIMIT}`)]);
  // A field someone is typing into must not be redrawn under their hands.
  const typing = document.activeElement?.matches?.('#faults input[type="number"]');
  if (latest && JSON.stringify(latest) !== JSON.stringify(faults) && !typing) {
    faults = latest;
    renderFaults();
  }
  if (requests && !paused) {
    // The server lists them as they came; times may jump, since the clock can be moved.
    const latestFirst = [...requests].reverse();
    const changed = JSON.stringify(latestFirst) !== JSON.stringify(journal);
    journal = latestFirst;
    if (changed) renderJournal();
  }
}

startPage("faults", () => say("Неполадки", "Faults"), () => {
  rows.clear();
  renderFaults();
  renderTools();
  renderJournal();
});
get("/sandbox/faults").then((answer) => { faults = answer; renderFaults(); }, () => {});
every(REFRESH_MS, refresh);
