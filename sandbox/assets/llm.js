// The language model page: its mode, and what was asked and answered.

import { put } from "./api.js";
import { el, every, icon } from "./dom.js";
import { timeWithSeconds } from "./formats.js";
import { plural, say } from "./language.js";
import { llmModes, modeChoices } from "./modes.js";
import { attempt, quietly, startPage } from "./page.js";

const REFRESH_MS = 2_000;

let mode = null;
let requests = null;
const views = new Map();

function renderMode() {
  if (mode === null) return;
  const focused = document.activeElement?.dataset?.testid;
  document.getElementById("mode").replaceChildren(
    el("div", { class: "card-head" }, el("h2", {}, say("Как она себя ведёт", "How it behaves"))),
    modeChoices("llm", llmModes(), mode, async (next) => {
      mode = next;
      await attempt(() => put("/sandbox/faults", { llm: { mode: next } }));
      await refresh();
    }),
  );
  if (focused) document.querySelector(`#mode [data-testid="${focused}"]`)?.focus({ preventScroll: true });
}

function renderRequests() {
  if (!requests) return;
  document.getElementById("count").textContent = requests.length ? plural(requests.length, ["запрос", "запроса", "запросов"], ["request", "requests"]) : "";
  const place = document.getElementById("requests");
  if (requests.length === 0) {
    place.replaceChildren(el("p", { class: "empty" }, say("Продукт ещё ни о чём не спрашивал. Пройдите анкету в чате, и запрос появится здесь.", "The product has asked nothing yet. Finish the questionnaire in the chat, and the request appears here.")));
    return;
  }
  const keep = new Set();
  const nodes = requests.map((one) => {
    const key = JSON.stringify(one);
    keep.add(key);
    if (!views.has(key)) views.set(key, requestView(one));
    return views.get(key);
  });
  for (const key of views.keys()) if (!keep.has(key)) views.delete(key);
  place.replaceChildren(...nodes);
}

function parsed(body) {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function pretty(body) {
  const value = parsed(body);
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** The answer's text in both dialects, with JSON inside it laid out. */
function answerText(body) {
  const value = parsed(body);
  const text = value?.choices?.[0]?.message?.content ?? value?.result?.alternatives?.[0]?.message?.text ?? value?.error?.message ?? value?.error;
  return text === undefined || text === null ? null : pretty(text);
}

const ROLES = {
  system: () => say("Указание", "Instruction"),
  user: () => say("Вопрос", "Question"),
  assistant: () => say("Ответ", "Answer"),
};

function speech(role, text) {
  return el("div", { class: `speech ${role}` }, el("b", {}, ROLES[role]?.() ?? role), el("div", {}, text));
}

function requestView(one) {
  const request = parsed(one.request_body);
  const answer = answerText(one.response_body);
  const messages = (request?.messages ?? []).map((message) => speech(message.role, typeof message.content === "string" ? pretty(message.content) : message.text ?? pretty(message.content)));
  const fine = one.status >= 200 && one.status < 300;
  const raw = (title, body) => el("details", {}, el("summary", {}, title), el("pre", { class: "raw" }, pretty(body) ?? ""));
  return el("details", { class: "exchange", "data-testid": "llm-request" },
    el("summary", {},
      el("span", { class: "number muted" }, timeWithSeconds(one.at_ms)),
      el("b", {}, one.dialect === "yandex" ? "YandexGPT" : request?.model ?? "OpenAI"),
      el("span", { class: "exchange-text" }, (answer ?? "").replace(/\s+/g, " ").slice(0, 140)),
      one.mode && one.mode !== "ok" ? el("span", { class: "status warn" }, llmModes().find(([value]) => value === one.mode)?.[1] ?? one.mode) : null,
      el("span", { class: `code-status ${fine ? "ok" : "bad"}` }, String(one.status)),
    ),
    el("div", { class: "exchange-body" },
      el("p", { class: "muted" }, icon("external"), el("code", {}, one.path)),
      messages,
      answer === null ? null : speech("assistant", answer),
      raw(say("Запрос целиком", "The whole request"), one.request_body),
      raw(say("Ответ целиком", "The whole answer"), one.response_body),
    ),
  );
}

async function refresh() {
  const [faults, latest] = await Promise.all([quietly("/sandbox/faults"), quietly("/sandbox/llm/requests")]);
  if (faults?.llm && faults.llm.mode !== mode) {
    mode = faults.llm.mode;
    renderMode();
  }
  if (latest) {
    // The server lists them as they came; times may jump, since the clock can be moved.
    const latestFirst = [...latest].reverse();
    const changed = JSON.stringify(latestFirst) !== JSON.stringify(requests);
    requests = latestFirst;
    if (changed) renderRequests();
  }
}

startPage("llm", () => say("Нейросеть", "Language model"), () => {
  views.clear();
  renderMode();
  renderRequests();
});
every(REFRESH_MS, refresh);
