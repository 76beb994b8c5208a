// The frame of the plain pages: the bar with the sections, language and theme.

import { get } from "./api.js";
import { toast } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { applyTheme, languageButton, languageChanges, say, themeButton, translatePage } from "./language.js";

const SECTIONS = [
  { key: "telegram", href: "/telegram", icon: "chat", name: () => say("Телеграм", "Telegram") },
  { key: "banks", href: "/banks", icon: "card", name: () => say("Банки", "Banks") },
  { key: "mail", href: "/mail", icon: "mail", name: () => say("Почта", "Mail") },
  { key: "clock", href: "/clock", icon: "clock", name: () => say("Часы", "Clock") },
  { key: "faults", href: "/faults", icon: "bolt", name: () => say("Неполадки", "Faults") },
  { key: "sheets", href: "/sheets", icon: "table", name: () => say("Таблицы", "Sheets") },
  { key: "llm", href: "/llm", icon: "spark", name: () => say("Нейросеть", "LLM") },
];

export { SECTIONS };

/** Draws the bar, and again with `render` after each change of language. */
export function startPage(current, title, render) {
  applyTheme();
  const draw = () => {
    translatePage();
    document.title = `${title()} · ${say("Песочница", "Sandbox")}`;
    const bar = el("header", { class: "top" },
      el("a", { class: "home", href: "/" }, el("img", { src: "/assets/mark.svg", alt: "", width: 28, height: 28 }), say("Песочница", "Sandbox")),
      el("nav", { "aria-label": say("Разделы", "Sections") }, SECTIONS.map((section) =>
        el("a", { href: section.href, "aria-current": section.key === current ? "page" : null }, icon(section.icon), section.name()))),
      themeButton(),
      languageButton(),
    );
    document.querySelector("body > .top")?.remove();
    document.body.prepend(bar);
    bar.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    render();
  };
  languageChanges.addEventListener("change", draw);
  draw();
}

/** Runs an action of a button; a failure becomes a notice. Resolves to what `work` gave, or undefined. */
export async function attempt(work, done) {
  try {
    const result = await work();
    if (done) toast(document.body, done);
    return result;
  } catch (error) {
    toast(document.body, error.message);
    return undefined;
  }
}

/** Like `get`, but a failure is silence: for what is asked again in a moment anyway. */
export async function quietly(path) {
  try {
    return await get(path);
  } catch {
    return undefined;
  }
}
