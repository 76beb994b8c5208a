// One message as the chat shows it: bubble, quote, attachment, inline keyboard.

import { el, icon } from "./dom.js";
import { fileSize, fullDate, timeOfDay } from "./formats.js";
import { say } from "./language.js";
import { billCard, moneyLine } from "./pay_sheet.js";
import { richText } from "./rich_text.js";

const SERVICE = new Set(["service", "successful_payment", "refunded_payment"]);

export function fileAddress(fileId, download = false) {
  return `/sandbox/telegram/files/${encodeURIComponent(fileId)}${download ? "?download=1" : ""}`;
}

/**
 * Builds the node of one message.
 * `pane` supplies what buttons do: `reply`, `retry`, `openMessageMenu`, `press`, `openAddress`, `send`, `showMessage`, `preview`.
 * `state` is "sending", "failed" or "sent".
 */
export function messageView(message, pane, state = "sent") {
  if (SERVICE.has(message.kind)) {
    const words = message.charge ? moneyLine(message) : message.text;
    return el("div", { class: "service", "data-testid": `message-${message.message_id}`, "data-from": message.from, "data-kind": message.kind }, el("span", {}, words));
  }
  const mine = message.from === "user";
  const bubble = el("div", { class: "bubble" },
    quote(message, pane),
    attachment(message, pane),
    text(message, pane),
    meta(message, mine, state),
  );
  const node = el("article", {
    class: `message ${mine ? "mine" : "theirs"} kind-${message.kind} ${state}`,
    "data-testid": `message-${message.message_id}`,
    "data-from": message.from,
    "data-kind": message.kind,
    "aria-label": mine ? say("Ваше сообщение", "Your message") : say("Сообщение бота", "Message from the bot"),
  }, bubble, keyboard(message, pane));
  if (state === "failed") {
    bubble.append(el("button", { type: "button", class: "retry", "data-testid": "retry", onclick: () => pane.retry(message) }, icon("refresh"), say("Отправить ещё раз", "Send again")));
  }
  if (state === "sent") {
    bubble.append(actions(message, pane));
    bubble.addEventListener("contextmenu", (event) => {
      if (event.target.closest("a") || String(getSelection())) return;
      event.preventDefault();
      pane.openMessageMenu(message, { x: event.clientX, y: event.clientY });
    });
    bubble.addEventListener("dblclick", (event) => {
      if (!event.target.closest("a, button, .text")) pane.reply(message);
    });
    swipeToReply(node, () => pane.reply(message));
  }
  return node;
}

function quote(message, pane) {
  if (!message.reply_to) return null;
  return el("button", {
    type: "button",
    class: "quote",
    "aria-label": say("Показать сообщение, на которое отвечают", "Show the message this answers"),
    onclick: () => pane.showMessage(message.reply_to.message_id),
  }, el("span", { class: "quote-who" }, pane.nameOf(message.reply_to.message_id)), el("span", { class: "quote-text" }, message.reply_to.text || say("Вложение", "Attachment")));
}

function text(message, pane) {
  const html = message.caption_html || (STUBS[message.kind] ? "" : message.html);
  const attached = message.document || message.photo;
  const shown = attached ? message.caption_html : html;
  if (!shown) return null;
  const fromBot = message.from === "bot";
  return el("div", { class: "text", dir: "auto" }, richText(shown, {
    onCommand: fromBot || message.kind === "text" ? (command) => pane.send(command) : null,
    onLink: (address) => pane.openBotLink(address),
  }));
}

function meta(message, mine, state) {
  const parts = [];
  if (message.edited) parts.push(el("span", { class: "edited" }, say("изменено", "edited")));
  parts.push(el("time", { datetime: new Date(message.at_ms).toISOString(), title: fullDate(message.at_ms) }, timeOfDay(message.at_ms)));
  if (mine) {
    const ticks = el("span", { class: "ticks" });
    const labels = { sending: say("отправляется", "sending"), failed: say("не отправлено", "not sent"), sent: say("отправлено", "sent") };
    ticks.append(icon({ sending: "clock", failed: "warning", sent: "checks" }[state]), el("span", { class: "visually-hidden" }, labels[state]));
    parts.push(ticks);
  }
  return el("span", { class: "meta" }, parts);
}

// What stands in while a file is being sent, and for what the sandbox has no real content.
const STUBS = {
  voice: () => el("div", { class: "voice" },
    el("span", { class: "voice-play" }, icon("play")),
    el("span", { class: "voice-wave", "aria-hidden": "true" }, Array.from({ length: 28 }, (_, bar) => el("i", { style: `height:${4 + Math.abs(Math.sin(bar * 1.7) * 14 + Math.cos(bar * 0.6) * 6)}px` }))),
    el("span", { class: "voice-length" }, say("Голосовое, 0:07", "Voice, 0:07")),
  ),
  sticker: () => el("div", { class: "sticker-stub" }, icon("sticker"), el("span", {}, say("Стикер", "Sticker"))),
  contact: (message) => el("div", { class: "contact-stub" }, el("span", { class: "document-icon contact-icon" }, icon("contact")),
    el("span", {}, el("b", {}, message.contact?.first_name ?? say("Контакт", "Contact")), el("span", { class: "muted" }, message.contact?.phone_number ?? say("номер телефона", "phone number")))),
  photo: () => el("div", { class: "photo-stub" }, icon("photo"), el("span", {}, say("Фотография", "Photo"))),
  document: () => el("div", { class: "document" }, el("span", { class: "document-icon" }, icon("file")), el("span", { class: "document-facts" }, el("b", {}, say("Файл", "File")))),
};

function attachment(message, pane) {
  if (message.invoice) return billCard(message);
  if (message.document) return documentCard(message.document, pane);
  if (message.photo) return photoView(message.photo);
  return STUBS[message.kind]?.(message) ?? null;
}

function documentCard(file, pane) {
  const extension = (file.file_name?.split(".").pop() ?? "").slice(0, 4).toUpperCase();
  const isPdf = file.mime_type === "application/pdf" || extension === "PDF";
  const previewable = isPdf || file.mime_type?.startsWith("text/") || file.mime_type?.startsWith("image/");
  return el("div", { class: "document-row" },
    el("a", {
      class: "document",
      "data-testid": "document",
      href: fileAddress(file.file_id),
      target: "_blank",
      rel: "noopener",
      title: say("Открыть в новой вкладке", "Open in a new tab"),
    },
    el("span", { class: `document-icon ${isPdf ? "pdf" : ""}` }, isPdf ? pdfMark() : [icon("file"), el("span", { class: "extension" }, extension)]),
    el("span", { class: "document-facts" }, el("b", {}, file.file_name || say("Файл", "File")), el("span", { class: "muted" }, `${fileSize(file.file_size ?? 0)} · ${extension || "—"}`)),
    ),
    el("span", { class: "document-actions" },
      previewable ? el("button", { type: "button", class: "link-button", "data-testid": "document-view", onclick: () => pane.preview(file) }, icon("eye"), say("Посмотреть", "View")) : null,
      el("a", { class: "link-button", "data-testid": "document-download", href: fileAddress(file.file_id, true), download: file.file_name ?? "" }, icon("download"), say("Скачать", "Download")),
    ),
  );
}

function pdfMark() {
  return [icon("file"), el("span", { class: "extension" }, "PDF")];
}

function photoView(photo) {
  const image = el("img", { src: fileAddress(photo.file_id), alt: say("Фотография", "Photo"), loading: "lazy" });
  const frame = el("a", { class: "photo", href: fileAddress(photo.file_id), target: "_blank", rel: "noopener" }, image);
  // A person's stub photo has no bytes behind it.
  image.addEventListener("error", () => frame.replaceWith(STUBS.photo()));
  return frame;
}

function actions(message, pane) {
  return el("span", { class: "message-actions" },
    el("button", { type: "button", class: "round-button", "data-testid": "reply", "aria-label": say("Ответить", "Reply"), title: say("Ответить", "Reply"), onclick: () => pane.reply(message) }, icon("reply")),
    el("button", { type: "button", class: "round-button", "data-testid": "message-menu", "aria-label": say("Действия с сообщением", "Message actions"), "aria-haspopup": "menu", onclick: (event) => pane.openMessageMenu(message, event.currentTarget) }, icon("dots")),
  );
}

function keyboard(message, pane) {
  if (!message.inline_keyboard?.length) return null;
  const marks = { url: "external", web_app: "window", copy: "copy" };
  return el("div", { class: "inline-keyboard", role: "group", "aria-label": say("Кнопки под сообщением", "Buttons under the message") },
    message.inline_keyboard.map((row) =>
      el("div", { class: "inline-row" }, row.map((button) =>
        el("button", {
          type: "button",
          class: "inline-button",
          "data-testid": "inline-button",
          "data-button": button.text,
          "data-kind": button.kind,
          onclick: (event) => pane.press(message, button, event.currentTarget),
        }, el("span", { class: "inline-label" }, button.text), marks[button.kind] ? icon(marks[button.kind]) : null, el("span", { class: "spinner", "aria-hidden": "true" })),
      )),
    ),
  );
}

const SWIPE_PX = 56;

/** On touch screens a message pulled to the left is answered, as in the real client. */
function swipeToReply(node, reply) {
  let start = null;
  let pulled = 0;
  node.addEventListener("touchstart", (event) => {
    start = event.touches.length === 1 ? event.touches[0] : null;
    pulled = 0;
  }, { passive: true });
  node.addEventListener("touchmove", (event) => {
    if (!start) return;
    const dx = event.touches[0].clientX - start.clientX;
    const dy = event.touches[0].clientY - start.clientY;
    if (Math.abs(dy) > Math.abs(dx)) return;
    pulled = Math.max(-80, Math.min(0, dx));
    node.style.transform = pulled ? `translateX(${pulled}px)` : "";
  }, { passive: true });
  node.addEventListener("touchend", () => {
    node.style.transform = "";
    if (start && pulled <= -SWIPE_PX) reply();
    start = null;
  });
}
