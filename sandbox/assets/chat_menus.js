// The menus of a chat and of its messages, and the windows they open. `pane` is a `ChatPane`.

import { confirmDialog, formDialog, openDialog, openMenu } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { say } from "./language.js";
import { fileAddress } from "./message_view.js";

export function openMessageMenu(pane, message, anchor) {
  const items = [{ icon: "reply", label: say("Ответить", "Reply"), testId: "menu-reply", run: () => pane.reply(message) }];
  if (message.text) items.push({ icon: "copy", label: say("Копировать текст", "Copy the text"), testId: "menu-copy", run: () => pane.copy(message.text) });
  if (message.from === "user" && message.kind === "text") items.push({ icon: "edit", label: say("Изменить", "Edit"), testId: "menu-edit", run: () => pane.edit(message) });
  openMenu(anchor, say("Действия с сообщением", "Message actions"), items);
}

export function openChatMenu(pane, anchor) {
  openMenu(anchor, say("Меню чата", "Chat menu"), [
    { icon: "link", label: say("Открыть по ссылке…", "Open by link…"), testId: "open-link", run: () => askLink(pane) },
    { icon: "play", label: say("Отправить /start", "Send /start"), testId: "send-start", run: () => pane.send("/start") },
    pane.blocked
      ? { icon: "check", label: say("Разблокировать бота", "Unblock the bot"), testId: "block", run: () => pane.setBlocked(false) }
      : { icon: "block", label: say("Заблокировать бота", "Block the bot"), testId: "block", danger: true, run: () => askBlock(pane) },
  ]);
}

function askLink(pane) {
  const address = `t.me/${pane.world.bot?.username ?? "bot"}?start=`;
  formDialog({
    title: say("Открыть по ссылке", "Open by link"),
    lead: say("Как будто человек пришёл по ссылке с сайта или из рекламы. Вставьте ссылку целиком или только метку после start=.",
      "As if the person came by a link from a site or an ad. Paste the whole link or only the mark after start=."),
    fields: el("label", { class: "field" }, el("span", {}, address), el("input", { name: "payload", "data-testid": "payload", autocomplete: "off", autofocus: true, maxlength: 512, placeholder: "insta_november" })),
    verb: say("Открыть", "Open"),
    testId: "link-dialog",
    submit: (form) => {
      const typed = String(form.get("payload")).trim();
      const payload = /[?&]start=([^&\s]*)/.exec(typed)?.[1] ?? typed;
      if (payload.length > 64 || !/^[\w-]*$/.test(payload)) {
        throw new Error(say("Метка: до 64 латинских букв, цифр, «_» и «-».", "The mark takes up to 64 Latin letters, digits, “_” and “-”."));
      }
      pane.offerStart(payload);
    },
  });
}

async function askBlock(pane) {
  const sure = await confirmDialog(
    say("Заблокировать бота?", "Block the bot?"),
    say("Бот больше не сможет писать этому человеку, пока его не разблокируют.", "The bot will not be able to write to this person until unblocked."),
    say("Заблокировать", "Block"),
  );
  if (sure) await pane.setBlocked(true);
}

export function openPreview(file) {
  openDialog(file.file_name, [
    el("header", { class: "preview-header" },
      el("b", {}, file.file_name),
      el("a", { class: "icon-button", href: fileAddress(file.file_id), target: "_blank", rel: "noopener", "aria-label": say("Открыть в новой вкладке", "Open in a new tab") }, icon("external")),
      el("form", { method: "dialog" }, el("button", { class: "icon-button", "aria-label": say("Закрыть", "Close") }, icon("close"))),
    ),
    el("iframe", { src: fileAddress(file.file_id), title: file.file_name }),
  ], { className: "preview", testId: "preview" });
}
