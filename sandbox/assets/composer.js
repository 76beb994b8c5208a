// The lower part of a chat: text field, commands, attachments, the bot's reply keyboard, and the START button.

import { el, icon } from "./dom.js";
import { openMenu } from "./dialogs.js";
import { say } from "./language.js";

const LONGEST_FIELD_PX = 180;

/**
 * `pane` supplies `send(text, {kind})`, `saveEdit(text)`, `cancelContext()`, `editLast()`, `start()`, `unblock()`,
 * and the state: `commands`, `replyKeyboard`, `context` (null | {mode: "reply"|"edit", message}), `blocked`, `mustStart`.
 */
export class Composer {
  constructor(pane) {
    this.pane = pane;
    this.draft = "";
    this.keyboardHidden = false;
    this.build();
  }

  build() {
    this.field = el("textarea", {
      class: "composer-field",
      rows: 1,
      maxlength: 4096,
      "data-testid": "composer",
      "aria-label": say("Сообщение", "Message"),
      autocomplete: "off",
      value: this.draft,
      oninput: () => this.changed(),
      onkeydown: (event) => this.key(event),
    });
    this.commandList = el("div", { class: "command-list", role: "listbox", "aria-label": say("Команды бота", "Bot commands"), hidden: true });
    this.contextBar = el("div", { class: "context-bar", hidden: true });
    this.menuButton = el("button", { type: "button", class: "menu-pill", "data-testid": "commands", "aria-label": say("Команды бота", "Bot commands"), "aria-expanded": "false", onclick: () => this.toggleCommands() },
      el("span", { class: "burger", "aria-hidden": "true" }, el("i"), el("i"), el("i")), el("span", { class: "menu-word" }, say("Меню", "Menu")));
    this.keyboardButton = el("button", { type: "button", class: "icon-button", "data-testid": "keyboard-toggle", "aria-label": say("Клавиатура бота", "Bot keyboard"), title: say("Клавиатура бота", "Bot keyboard"), onclick: () => this.toggleKeyboard() }, icon("keyboard"));
    const attach = el("button", { type: "button", class: "icon-button", "data-testid": "attach", "aria-label": say("Прикрепить", "Attach"), title: say("Прикрепить", "Attach"), "aria-haspopup": "menu", onclick: () => this.attach(attach) }, icon("clip"));
    this.sendButton = el("button", { type: "button", class: "send-button", "data-testid": "send", "aria-label": say("Отправить", "Send"), title: say("Отправить", "Send"), onclick: () => this.submit() }, icon("send"));
    this.row = el("div", { class: "composer-row" },
      el("div", { class: "composer-box" }, this.menuButton, this.field, this.keyboardButton, attach),
      this.sendButton,
    );
    this.replyKeyboard = el("div", { class: "reply-keyboard", role: "group", "aria-label": say("Клавиатура бота", "Bot keyboard"), hidden: true });
    this.startMark = el("p", { class: "start-mark", hidden: true });
    this.bigButton = el("button", { type: "button", class: "start-button", hidden: true });
    const node = el("div", { class: "composer" }, this.commandList, this.contextBar, this.row, this.replyKeyboard, this.startMark, this.bigButton);
    this.node?.replaceWith(node);
    this.node = node;
    this.update();
    this.resize();
  }

  /** Shows what the pane's state asks for. */
  update() {
    const { pane } = this;
    const wall = pane.blocked || pane.mustStart;
    this.row.hidden = wall;
    this.bigButton.hidden = !wall;
    const mark = wall && !pane.blocked ? pane.startPayload : null;
    this.startMark.hidden = !mark;
    this.startMark.textContent = mark ? say(`Переход по ссылке с меткой ${mark}`, `Came by a link marked ${mark}`) : "";
    if (wall) this.showBigButton();
    const rows = pane.replyKeyboard?.rows ?? [];
    this.keyboardButton.hidden = rows.length === 0;
    this.keyboardButton.setAttribute("aria-pressed", String(!this.keyboardHidden));
    this.replyKeyboard.hidden = wall || this.keyboardHidden || rows.length === 0;
    this.field.placeholder = pane.replyKeyboard?.placeholder || say("Сообщение…", "Message…");
    this.showReplyKeyboard(rows);
    this.menuButton.hidden = pane.commands.length === 0;
    this.showContext();
    this.showCommands();
    this.sendButton.classList.toggle("ready", this.field.value.trim() !== "");
  }

  showBigButton() {
    const blocked = this.pane.blocked;
    this.bigButton.dataset.testid = blocked ? "unblock" : "start";
    this.bigButton.textContent = blocked ? say("Разблокировать бота", "Unblock the bot") : say("Запустить", "Start");
    this.bigButton.onclick = () => (blocked ? this.pane.unblock() : this.pane.start());
  }

  showReplyKeyboard(rows) {
    const key = JSON.stringify(rows);
    if (this.shownKeyboard === key && this.replyKeyboard.childElementCount) return;
    this.shownKeyboard = key;
    this.replyKeyboard.replaceChildren(...rows.map((row) =>
      el("div", { class: "reply-row" }, row.map((button) => {
        const text = typeof button === "string" ? button : button.text;
        const asksContact = typeof button === "object" && button.request_contact;
        return el("button", {
          type: "button",
          class: "reply-button",
          "data-testid": "reply-button",
          "data-button": text,
          onclick: () => {
            this.pane.send(text, asksContact ? { kind: "contact" } : {});
            if (this.pane.replyKeyboard?.one_time) this.keyboardHidden = true;
            this.update();
          },
        }, text);
      })),
    ));
  }

  showContext() {
    const { context } = this.pane;
    this.contextBar.hidden = !context;
    if (!context) {
      this.contextBar.replaceChildren();
      return;
    }
    const editing = context.mode === "edit";
    this.contextBar.replaceChildren(
      icon(editing ? "edit" : "reply"),
      el("span", { class: "context-facts" },
        el("b", {}, editing ? say("Изменение сообщения", "Editing the message") : say(`Ответ: ${this.pane.nameOf(context.message.message_id)}`, `Reply to ${this.pane.nameOf(context.message.message_id)}`)),
        el("span", {}, context.message.text || say("Вложение", "Attachment")),
      ),
      el("button", { type: "button", class: "icon-button", "data-testid": "cancel-context", "aria-label": say("Отменить", "Cancel"), onclick: () => this.pane.cancelContext() }, icon("close")),
    );
  }

  /** The commands that fit what is typed; all of them when the menu was opened by its button. */
  matchingCommands() {
    const typed = /^\/(\w*)$/.exec(this.field.value);
    if (typed) return this.pane.commands.filter((one) => one.command.startsWith(typed[1].toLowerCase()));
    return this.commandsOpen ? this.pane.commands : [];
  }

  showCommands() {
    const found = this.matchingCommands();
    const shown = found.length > 0 && !this.row.hidden && !this.commandsClosed;
    this.commandList.hidden = !shown;
    this.menuButton.setAttribute("aria-expanded", String(shown));
    if (!shown) {
      this.chosen = -1;
      this.commandList.replaceChildren();
      return;
    }
    this.chosen = Math.min(this.chosen ?? -1, found.length - 1);
    this.commandList.replaceChildren(...found.map((one, index) =>
      el("button", {
        type: "button",
        role: "option",
        class: "command",
        "data-testid": `command-${one.command}`,
        "aria-selected": String(index === this.chosen),
        onclick: () => this.runCommand(one.command),
      }, el("b", {}, `/${one.command}`), el("span", {}, one.description)),
    ));
    this.commandList.children[this.chosen]?.scrollIntoView({ block: "nearest" });
  }

  toggleCommands() {
    this.commandsOpen = !this.commandsOpen;
    this.commandsClosed = false;
    this.showCommands();
    this.field.focus();
  }

  runCommand(command) {
    this.commandsOpen = false;
    this.setText("");
    this.pane.send(`/${command}`);
    this.field.focus();
  }

  toggleKeyboard() {
    this.keyboardHidden = !this.keyboardHidden;
    this.update();
  }

  /** A new keyboard from the bot is always shown, even if the last one was folded. */
  keyboardArrived() {
    this.keyboardHidden = false;
    this.update();
  }

  attach(anchor) {
    const kinds = [
      ["photo", "photo", say("Фотография", "Photo")],
      ["mic", "voice", say("Голосовое", "Voice message")],
      ["sticker", "sticker", say("Стикер", "Sticker")],
      ["file", "document", say("Документ", "Document")],
      ["contact", "contact", say("Контакт", "Contact")],
    ];
    openMenu(anchor, say("Прикрепить", "Attach"), kinds.map(([picture, kind, label]) => ({
      icon: picture,
      label,
      testId: `attach-${kind}`,
      run: () => this.pane.send("", { kind }),
    })));
  }

  setText(text) {
    this.field.value = text;
    this.changed();
    this.field.setSelectionRange(text.length, text.length);
  }

  changed() {
    this.draft = this.field.value;
    this.commandsClosed = false;
    if (this.draft && !this.draft.startsWith("/")) this.commandsOpen = false;
    this.chosen = /^\/\w*$/.test(this.draft) ? 0 : -1;
    this.sendButton.classList.toggle("ready", this.draft.trim() !== "");
    this.showCommands();
    this.resize();
  }

  resize() {
    this.field.style.height = "auto";
    if (this.field.scrollHeight) this.field.style.height = `${Math.min(this.field.scrollHeight, LONGEST_FIELD_PX)}px`;
  }

  submit() {
    const text = this.field.value.trim();
    if (!text) {
      this.field.focus();
      return;
    }
    this.commandsOpen = false;
    this.setText("");
    if (this.pane.context?.mode === "edit") this.pane.saveEdit(text);
    else this.pane.send(text);
    this.field.focus();
  }

  key(event) {
    if (event.isComposing) return;
    const listOpen = !this.commandList.hidden;
    const count = this.commandList.childElementCount;
    if (listOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.chosen = (this.chosen + (event.key === "ArrowDown" ? 1 : -1) + count) % count;
      this.showCommands();
    } else if (listOpen && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      this.setText(`${this.commandList.children[Math.max(0, this.chosen)].querySelector("b").textContent} `);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      if (listOpen && this.chosen >= 0) this.commandList.children[this.chosen].click();
      else this.submit();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (listOpen) {
        this.commandsOpen = false;
        this.commandsClosed = true;
        this.showCommands();
      } else if (this.pane.context) {
        this.pane.cancelContext();
      }
    } else if (event.key === "ArrowUp" && this.field.value === "") {
      event.preventDefault();
      this.pane.editLast();
    }
  }
}
