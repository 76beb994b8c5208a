// The two languages of the pages and the light and dark look. Both texts stand side by side where they are used.

import { el, icon } from "./dom.js";

const LANGUAGE_KEY = "sandbox.language";
const THEME_KEY = "sandbox.theme";

/** Fires `change` after the visitor has switched the language. */
export const languageChanges = new EventTarget();

let language = initialLanguage();

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Private windows may refuse storage; the choice then lasts for the page. */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    return;
  }
}

export { remembered };

function initialLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (asked === "ru" || asked === "en") {
    remember(LANGUAGE_KEY, asked);
    return asked;
  }
  return remembered(LANGUAGE_KEY) === "en" ? "en" : "ru";
}

export function currentLanguage() {
  return language;
}

/** The locale for dates and numbers. */
export function locale() {
  return language === "ru" ? "ru-RU" : "en-GB";
}

/** One of two texts, by the language in force now. */
export function say(russian, english) {
  return language === "ru" ? russian : english;
}

/** `plural(5, ["строка", "строки", "строк"], ["row", "rows"])` → "5 строк". */
export function plural(count, russian, english) {
  const number = new Intl.NumberFormat(locale()).format(count);
  if (language === "en") return `${number} ${count === 1 ? english[0] : english[1]}`;
  const form = { one: 0, few: 1 }[new Intl.PluralRules("ru").select(count)] ?? 2;
  return `${number} ${russian[form]}`;
}

/**
 * Swaps the texts written in the page itself: `<h1 data-en="Clock">Часы</h1>`.
 * The page is readable in Russian even before this has run.
 */
export function translatePage() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-en]")) {
    node.dataset.ru ??= node.textContent;
    node.textContent = language === "ru" ? node.dataset.ru : node.dataset.en;
  }
}

export function setLanguage(next) {
  language = next;
  remember(LANGUAGE_KEY, next);
  translatePage();
  languageChanges.dispatchEvent(new Event("change"));
}

/** "auto" follows the system. */
export function currentTheme() {
  const stored = remembered(THEME_KEY);
  return stored === "light" || stored === "dark" ? stored : "auto";
}

export function applyTheme(theme = currentTheme()) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function languageButton() {
  const other = language === "ru" ? "en" : "ru";
  return el(
    "button",
    {
      type: "button",
      class: "icon-button language-button",
      "data-testid": "language",
      "aria-label": say("Switch to English", "Переключить на русский"),
      title: say("Switch to English", "Переключить на русский"),
      lang: other,
      onclick: () => setLanguage(other),
    },
    other.toUpperCase(),
  );
}

export function themeButton() {
  const button = el("button", { type: "button", class: "icon-button", "data-testid": "theme" });
  const show = () => {
    const theme = currentTheme();
    const name = {
      auto: say("как в системе", "as in the system"),
      light: say("светлое", "light"),
      dark: say("тёмное", "dark"),
    }[theme];
    const label = say(`Оформление: ${name}`, `Theme: ${name}`);
    button.setAttribute("aria-label", label);
    button.title = label;
    button.replaceChildren(icon({ auto: "auto", light: "sun", dark: "moon" }[theme]));
  };
  button.addEventListener("click", () => {
    const next = { auto: "light", light: "dark", dark: "auto" }[currentTheme()];
    remember(THEME_KEY, next);
    applyTheme(next);
    show();
  });
  show();
  return button;
}
