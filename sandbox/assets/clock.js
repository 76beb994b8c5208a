// The clock page: what time the product believes it is, and the levers.

import { get, post } from "./api.js";
import { el, icon } from "./dom.js";
import { locale, plural, say } from "./language.js";
import { attempt, startPage } from "./page.js";

const WAIT_S = 25;
const RETRY_MS = 2_000;
const HOUR_MS = 3_600_000;

let clock = null;
let readAt = 0;
let parts = null;

function nowInSandbox() {
  return clock.frozen ? clock.now_ms : clock.now_ms + Date.now() - readAt;
}

function take(answer) {
  if (!answer) return;
  clock = answer;
  readAt = Date.now();
  show();
}

async function command(body) {
  take(await attempt(() => post("/sandbox/clock", body)));
}

function button(testId, label, picture, body) {
  return el("button", { type: "button", class: "button", "data-testid": testId, onclick: () => command(typeof body === "function" ? body() : body) }, picture && icon(picture), label);
}

function render() {
  const exact = el("input", { type: "datetime-local", step: 1, name: "at", "data-testid": "exact", "aria-label": say("Точное время", "Exact time"), required: true });
  parts = {
    date: el("div", { class: "clock-date" }),
    time: el("div", { class: "clock-time", "data-testid": "now" }),
    state: el("span", { class: "status" }),
    freeze: button("freeze", "", "pause", () => ({ action: clock.frozen ? "resume" : "freeze" })),
    exact,
  };
  document.getElementById("clock").replaceChildren(
    el("div", { class: "clock-face", "aria-live": "off" }, parts.date, parts.time, parts.state),
    el("div", { class: "clock-levers" },
      el("div", { class: "buttons" },
        parts.freeze,
        button("advance-hour", say("+1 час", "+1 hour"), null, { action: "advance", ms: HOUR_MS }),
        button("advance-day", say("+1 день", "+1 day"), null, { action: "advance", ms: 24 * HOUR_MS }),
        button("advance-week", say("+7 дней", "+7 days"), null, { action: "advance", ms: 7 * 24 * HOUR_MS }),
        button("reset", say("Настоящее время", "Real time"), "refresh", { action: "reset" }),
      ),
      el("form", {
        class: "buttons exact",
        onsubmit: (event) => {
          event.preventDefault();
          command({ action: "set", now_ms: new Date(exact.value).getTime() });
        },
      }, exact, el("button", { type: "submit", class: "button", "data-testid": "set" }, say("Поставить", "Set"))),
    ),
  );
  show();
}

function show() {
  if (!clock || !parts) return;
  const now = nowInSandbox();
  parts.date.textContent = new Intl.DateTimeFormat(locale(), { dateStyle: "full" }).format(now);
  parts.time.textContent = new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(now);
  parts.time.classList.toggle("frozen", clock.frozen);
  const shift_ms = now - Date.now();
  const moved = Math.abs(shift_ms) > 1500;
  parts.state.className = `status ${clock.frozen ? "warn" : moved ? "" : "ok"}`;
  parts.state.textContent = clock.frozen ? say("время стоит", "time stands still") : moved ? shiftText(shift_ms) : say("настоящее время", "real time");
  const label = clock.frozen ? say("Пустить время", "Let time run") : say("Остановить", "Freeze");
  if (parts.freeze.textContent !== label) parts.freeze.replaceChildren(icon(clock.frozen ? "play" : "pause"), label);
  if (!parts.exact.value) parts.exact.value = localInput(now);
}

/** "на 7 дней и 1 час вперёд" */
function shiftText(shift_ms) {
  const minutes = Math.round(Math.abs(shift_ms) / 60_000);
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  const pieces = [];
  if (days) pieces.push(plural(days, ["день", "дня", "дней"], ["day", "days"]));
  if (hours) pieces.push(plural(hours, ["час", "часа", "часов"], ["hour", "hours"]));
  if (minutes % 60 || !pieces.length) pieces.push(plural(minutes % 60, ["минуту", "минуты", "минут"], ["minute", "minutes"]));
  const amount = pieces.join(" ");
  return shift_ms > 0 ? say(`на ${amount} вперёд`, `${amount} ahead`) : say(`на ${amount} назад`, `${amount} behind`);
}

/** The value of a datetime-local field in the visitor's time zone. */
function localInput(at_ms) {
  const date = new Date(at_ms);
  return new Date(at_ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

async function follow() {
  for (;;) {
    try {
      take(await get(clock ? `/sandbox/clock?after=${clock.version}&timeout_s=${WAIT_S}` : "/sandbox/clock"));
    } catch {
      clock = null;
      await new Promise((resume) => setTimeout(resume, RETRY_MS));
    }
  }
}

startPage("clock", () => say("Часы", "Clock"), render);
setInterval(show, 250);
follow();
