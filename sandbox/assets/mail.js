// The mail catcher: a list of letters, and one of them.

import { get } from "./api.js";
import { el, every, icon } from "./dom.js";
import { fileSize, fullDate, timeWithSeconds } from "./formats.js";
import { plural, say } from "./language.js";
import { attempt, quietly, startPage } from "./page.js";

const REFRESH_MS = 2_000;

let box = null;
let opened = Number(new URLSearchParams(location.search).get("id")) || null;
let letter = null;

async function openLetter(id) {
  opened = id;
  history.replaceState(null, "", `/mail?id=${id}`);
  letter = await attempt(() => get(`/sandbox/mail/${id}`));
  render();
  document.getElementById("mail").scrollIntoView({ block: "nearest" });
}

function row(mail) {
  return el("button", { type: "button", class: "mail-row", "aria-current": mail.id === opened ? "true" : null, "data-testid": `mail-${mail.id}`, onclick: () => openLetter(mail.id) },
    el("b", {}, mail.subject || say("(без темы)", "(no subject)")),
    el("span", { class: "muted" }, `${timeWithSeconds(mail.at_ms)} · ${mail.envelope_to.join(", ")}`, mail.attachments.length ? ` · ${plural(mail.attachments.length, ["файл", "файла", "файлов"], ["file", "files"])}` : ""));
}

function whole(mail) {
  const frame = mail.html !== null ? el("iframe", { class: "mail-frame", sandbox: "allow-popups", src: `/sandbox/mail/${mail.id}/html`, title: say("Письмо", "The letter"), "data-testid": "mail-html" }) : null;
  return [
    el("div", { class: "card-head" }, el("h2", { "data-testid": "mail-subject" }, mail.subject || say("(без темы)", "(no subject)"))),
    el("dl", { class: "facts" },
      el("dt", {}, say("От", "From")), el("dd", {}, mail.from ?? mail.envelope_from),
      el("dt", {}, say("Кому", "To")), el("dd", {}, mail.envelope_to.join(", ")),
      el("dt", {}, say("Когда", "When")), el("dd", {}, fullDate(mail.at_ms))),
    el("div", { class: "buttons", style: "margin:14px 0" },
      mail.attachments.map((file) => el("a", { class: "button small", href: `/sandbox/mail/${mail.id}/attachments/${file.number}`, download: file.name, "data-testid": `attachment-${file.number}` }, icon("clip"), `${file.name} · ${fileSize(file.size)}`)),
      el("a", { class: "button small", href: `/sandbox/mail/${mail.id}/raw`, target: "_blank", rel: "noopener" }, icon("file"), say("Исходник", "Source"))),
    frame,
    mail.text === null ? null : el("details", { open: mail.html === null }, el("summary", {}, say("Текст", "Text")), el("pre", { class: "mail-text", "data-testid": "mail-text" }, mail.text)),
    el("details", {}, el("summary", {}, say("Заголовки", "Headers")), el("pre", { class: "mail-text" }, mail.headers.map((one) => `${one.name}: ${one.value}`).join("\n"))),
  ];
}

function render() {
  if (!box) return;
  const mails = [...box.mails].reverse();
  document.getElementById("count").textContent = mails.length ? plural(mails.length, ["письмо", "письма", "писем"], ["letter", "letters"]) : say("Писем нет", "No letters");
  document.getElementById("tools").replaceChildren(
    el("span", { class: `status ${box.smtp_addr ? "ok" : "warn"}` }, box.smtp_addr ? `SMTP ${box.smtp_addr}` : say("SMTP выключен", "SMTP is off")),
    el("button", { type: "button", class: "button small", "data-testid": "clear-mail", disabled: mails.length === 0, onclick: async () => {
      await attempt(() => fetch("/sandbox/mail", { method: "DELETE" }));
      letter = null;
      opened = null;
      await refresh();
    } }, icon("trash"), say("Очистить", "Clear")));
  document.getElementById("mails").replaceChildren(...(mails.length ? mails.map(row) : [el("p", { class: "empty" }, say("Как только продукт отправит письмо, оно появится здесь.", "As soon as the product sends a letter, it appears here."))]));
  const place = document.getElementById("mail");
  place.hidden = !letter;
  // A frame that is drawn again would jump to its top.
  if (letter && place.dataset.shown !== `${letter.id}${document.documentElement.lang}`) {
    place.dataset.shown = `${letter.id}${document.documentElement.lang}`;
    place.replaceChildren(...whole(letter).filter(Boolean));
  }
}

async function refresh() {
  const fresh = await quietly("/sandbox/mail");
  if (!fresh || JSON.stringify(fresh) === JSON.stringify(box)) return;
  box = fresh;
  render();
}

startPage("mail", () => say("Почта", "Mail"), render);
if (opened) openLetter(opened);
every(REFRESH_MS, refresh);
