// Dates, times and sizes as people read them.

import { locale, say } from "./language.js";

const DAY_MS = 86_400_000;

export function timeOfDay(at_ms) {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" }).format(at_ms);
}

export function timeWithSeconds(at_ms) {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at_ms);
}

export function fullDate(at_ms) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "full", timeStyle: "medium" }).format(at_ms);
}

/** A calendar day in the visitor's time zone, as a key. */
export function dayKey(at_ms) {
  const date = new Date(at_ms);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

/** "Сегодня", "Вчера", "3 марта", with the year when it is another one. */
export function dayTitle(at_ms, now_ms) {
  if (dayKey(at_ms) === dayKey(now_ms)) return say("Сегодня", "Today");
  if (dayKey(at_ms) === dayKey(now_ms - DAY_MS)) return say("Вчера", "Yesterday");
  const sameYear = new Date(at_ms).getFullYear() === new Date(now_ms).getFullYear();
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: sameYear ? undefined : "numeric" }).format(at_ms);
}

/** The short moment in the list of people: a time today, a weekday this week, a date before that. */
export function listMoment(at_ms, now_ms) {
  if (!at_ms) return "";
  if (dayKey(at_ms) === dayKey(now_ms)) return timeOfDay(at_ms);
  if (now_ms - at_ms < 6 * DAY_MS && now_ms > at_ms) return new Intl.DateTimeFormat(locale(), { weekday: "short" }).format(at_ms);
  return new Intl.DateTimeFormat(locale(), { day: "2-digit", month: "2-digit", year: "2-digit" }).format(at_ms);
}

export function fileSize(bytes) {
  const units = say(["Б", "КБ", "МБ"], ["B", "KB", "MB"]);
  const number = (value, digits) => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
  if (bytes < 1024) return `${number(bytes, 0)} ${units[0]}`;
  if (bytes < 1024 * 1024) return `${number(bytes / 1024, 0)} ${units[1]}`;
  return `${number(bytes / 1024 / 1024, 1)} ${units[2]}`;
}
