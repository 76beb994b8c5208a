// One person's chat with the bot: header, the log of messages, the composer, and what their buttons do.

import { get, post } from "./api.js";
import { openChatMenu, openMessageMenu, openPreview } from "./chat_menus.js";
import { Composer } from "./composer.js";
import { alertDialog, toast } from "./dialogs.js";
import { debounce, el, icon, oncePerFrame, reconcile } from "./dom.js";
import { dayKey, dayTitle } from "./formats.js";
import { say } from "./language.js";
import { messageView } from "./message_view.js";
import { openPaySheet } from "./pay_sheet.js";
import { avatar } from "./people.js";

// Telegram itself gives up on a callback after about this long.
const CALLBACK_PATIENCE_MS = 20_000;
// A chat action lasts five seconds unless the bot repeats it.
const TYPING_MS = 6_000;
// What may safely be applied twice; a callback's answer would be shown twice.
const REPLAYED = new Set(["message", "edited", "deleted", "keyboard"]);
const GROUP_MS = 10 * 60_000;
const NEAR_BOTTOM_PX = 120;

/**
 * `world` is the shared state of the page: `bot`, `users` (Map by id), `now()`, and
 * `openBotLink(userId, url)`, `back()`, `started()`, `changed()`, `userChanged(user)`.
 */
export class ChatPane {
  constructor(world, userId) {
    this.world = world;
    this.userId = userId;
    this.messages = new Map();
    this.views = new Map();
    this.separators = new Map();
    this.pending = [];
    this.waiting = new Map();
    this.earlyAnswers = new Set();
    this.commands = [];
    this.replyKeyboard = null;
    this.typing = null;
    this.context = null;
    this.startPayload = null;
    this.loaded = false;
    this.unseen = 0;
    this.renderSoon = oncePerFrame(() => this.render());
    this.refreshSoon = debounce(() => this.load(), 60);
    this.composer = new Composer(this);
    this.build();
  }

  get user() {
    return this.world.users.get(this.userId);
  }

  get blocked() {
    return Boolean(this.user?.blocked);
  }

  /** The composer stays behind the START button until the chat has begun, and again for an opened deep link. */
  get mustStart() {
    return this.loaded && (this.startPayload !== null || (this.messages.size === 0 && this.pending.length === 0));
  }

  build() {
    this.views.clear();
    this.separators.clear();
    this.title = el("h2", { class: "chat-title" });
    this.subtitle = el("p", { class: "chat-subtitle" });
    this.face = el("span", { class: "chat-face" });
    const menu = el("button", { type: "button", class: "icon-button", "data-testid": "chat-menu", "aria-label": say("Меню чата", "Chat menu"), title: say("Меню чата", "Chat menu"), "aria-haspopup": "menu", onclick: () => openChatMenu(this, menu) }, icon("dots"));
    this.list = el("div", { class: "messages" });
    this.log = el("div", { class: "log", role: "log", "aria-live": "polite", tabindex: 0, "aria-label": say("Сообщения", "Messages"), onscroll: () => this.scrolled() }, this.list);
    this.downCount = el("span", { class: "badge", hidden: true });
    this.downButton = el("button", { type: "button", class: "down-button", "aria-label": say("К последним сообщениям", "To the latest messages"), hidden: true, onclick: () => this.toBottom(true) }, icon("down"), this.downCount);
    this.stage = el("div", { class: "stage" }, this.log, this.downButton);
    this.composer.build();
    const node = el("section", { class: "chat", "data-testid": `chat-${this.userId}` },
      el("header", { class: "chat-header" },
        el("button", { type: "button", class: "icon-button back-button", "data-testid": "back", "aria-label": say("К списку людей", "Back to the list"), onclick: () => this.world.back() }, icon("back")),
        this.face,
        el("div", { class: "chat-name" }, this.title, this.subtitle),
        menu,
      ),
      this.stage,
      this.composer.node,
    );
    this.node?.replaceWith(node);
    this.node = node;
    this.stickToBottom = true;
    new ResizeObserver(() => this.stickToBottom && this.toBottom(false)).observe(this.log);
    this.render();
  }

  async load() {
    // Events that overtake the snapshot are newer than it: they are applied again on top.
    const overtaking = [];
    this.overtaking = overtaking;
    let chat;
    try {
      chat = await get(`/sandbox/telegram/chats/${this.userId}`);
    } catch (error) {
      toast(this.stage, error.message);
      return;
    }
    if (this.overtaking !== overtaking) return;
    this.overtaking = null;
    const present = new Set(chat.messages.map((one) => one.message_id));
    for (const id of [...this.messages.keys()]) if (!present.has(id)) this.messages.delete(id);
    for (const message of chat.messages) this.messages.set(message.message_id, message);
    this.commands = chat.commands ?? [];
    this.takeKeyboard(chat.reply_keyboard);
    this.typing = chat.typing ?? null;
    if (this.user && this.user.blocked !== chat.blocked) this.world.userChanged({ ...this.user, blocked: chat.blocked });
    for (const answer of chat.callback_answers ?? []) this.finishWaiting(answer.callback_query_id);
    this.loaded = true;
    for (const event of overtaking) this.receive(event);
    this.render();
  }

  takeKeyboard(next) {
    const changed = JSON.stringify(next ?? null) !== JSON.stringify(this.replyKeyboard);
    this.replyKeyboard = next ?? null;
    if (changed) this.composer.keyboardArrived();
  }

  /** An event of the live stream that belongs to this chat. */
  receive(event) {
    if (this.overtaking && REPLAYED.has(event.kind)) this.overtaking.push(event);
    switch (event.kind) {
      case "message":
      case "edited":
        if (event.message) this.accept(event.message);
        else this.refreshSoon();
        break;
      case "deleted": {
        const id = event.message?.message_id ?? event.message_id;
        if (id === undefined) this.refreshSoon();
        else this.messages.delete(id);
        this.renderSoon();
        break;
      }
      case "typing":
        this.showTyping(event.typing ?? event.action ?? "typing");
        break;
      case "callback_answer":
        this.answered(event);
        break;
      case "keyboard":
        if (event.reply_keyboard === undefined) this.refreshSoon();
        else this.takeKeyboard(event.reply_keyboard);
        break;
      default:
        this.refreshSoon();
    }
  }

  accept(message) {
    const isNew = !this.messages.has(message.message_id);
    this.messages.set(message.message_id, message);
    if (isNew && message.from === "user") {
      const twin = this.pending.findIndex((one) => one.text === message.text && one.kind === message.kind);
      if (twin >= 0) this.pending.splice(twin, 1);
    }
    if (isNew && message.from === "bot") {
      this.typing = null;
      if (!this.stickToBottom) this.unseen += 1;
    }
    this.renderSoon();
  }

  showTyping(action) {
    this.typing = action;
    clearTimeout(this.typingTimer);
    this.typingTimer = setTimeout(() => {
      this.typing = null;
      this.renderSoon();
    }, TYPING_MS);
    this.renderSoon();
  }

  render() {
    this.renderHeader();
    const stay = this.stickToBottom;
    reconcile(this.list, this.rows());
    if (stay) this.toBottom(false);
    this.renderDownButton();
    this.composer.update();
    this.log.setAttribute("aria-busy", String(!this.loaded));
  }

  renderHeader() {
    const { user, world } = this;
    if (!user) return;
    this.face.replaceChildren(avatar(user));
    this.title.replaceChildren(el("span", { class: "chat-who" }, fullName(user)));
    if (user.role === "trainer") this.title.append(el("span", { class: "role" }, say("тренер", "trainer")));
    const bot = world.bot?.first_name ?? say("Бот", "Bot");
    const doing = {
      typing: say(`${bot} печатает`, `${bot} is typing`),
      upload_document: say(`${bot} отправляет документ`, `${bot} is sending a document`),
      upload_photo: say(`${bot} отправляет фото`, `${bot} is sending a photo`),
    }[this.typing] ?? (this.typing ? say(`${bot} печатает`, `${bot} is typing`) : null);
    this.subtitle.classList.toggle("active", Boolean(doing));
    if (doing) this.subtitle.replaceChildren(doing, el("span", { class: "wave", "aria-hidden": "true" }, el("i"), el("i"), el("i")));
    else if (this.blocked) this.subtitle.replaceChildren(say("бот заблокирован", "the bot is blocked"));
    else this.subtitle.replaceChildren(say(`чат с ботом ${bot}`, `chat with the bot ${bot}`));
  }

  /** The nodes of the log in order: date separators, messages, what is still being sent, the typing bubble. */
  rows() {
    const shown = [...this.messages.values()].filter((one) => !one.deleted).sort((a, b) => a.message_id - b.message_id);
    const rows = [];
    if (this.loaded && shown.length === 0 && this.pending.length === 0) return [this.welcome()];
    const now = this.world.now();
    let day = null;
    shown.forEach((message, index) => {
      const key = dayKey(message.at_ms);
      if (key !== day) rows.push(this.separator(`${key}:${message.message_id}`, dayTitle(message.at_ms, now)));
      day = key;
      const node = this.view(message);
      const next = shown[index + 1];
      const previous = shown[index - 1];
      node.classList.toggle("tail", !sameGroup(message, next));
      node.classList.toggle("first", !sameGroup(previous, message));
      rows.push(node);
    });
    for (const one of this.pending) {
      one.node ??= messageView(one, this, one.state);
      one.node.classList.add("tail", "first");
      rows.push(one.node);
    }
    if (this.typing && !this.blocked) rows.push(this.typingBubble());
    return rows;
  }

  view(message) {
    const key = JSON.stringify(message);
    const known = this.views.get(message.message_id);
    if (known?.key === key) return known.node;
    const node = messageView(message, this);
    this.views.set(message.message_id, { key, node });
    return node;
  }

  separator(key, title) {
    let node = this.separators.get(key);
    if (!node) {
      node = el("div", { class: "day" }, el("span"));
      this.separators.set(key, node);
    }
    if (node.firstChild.textContent !== title) node.firstChild.textContent = title;
    return node;
  }

  typingBubble() {
    this.typingNode ??= el("div", { class: "message theirs tail first typing-bubble", "aria-hidden": "true" },
      el("div", { class: "bubble" }, el("span", { class: "wave" }, el("i"), el("i"), el("i"))));
    return this.typingNode;
  }

  welcome() {
    const bot = this.world.bot;
    const name = bot?.first_name ?? "Voronka";
    const who = fullName(this.user ?? {});
    const lead = this.user?.role === "trainer"
      ? say("Это чат тренера. Запустите бота, и сюда начнут приходить новые клиенты, их анкеты и вопросы. Отвечать можно прямо здесь.",
        "This is the trainer's chat. Start the bot, and new clients, their questionnaires and questions will arrive here. You can answer right here.")
      : say(`Так клиент впервые видит бота. Нажмите «Запустить», и всё пойдёт как в настоящем Телеграме. Сейчас вы — ${who}.`,
        `This is how a client first meets the bot. Press “Start”, and it goes on as in the real Telegram. Right now you are ${who}.`);
    return el("div", { class: "welcome" },
      el("span", { class: "welcome-mark", "aria-hidden": "true" }, icon("chat")),
      el("h3", {}, name),
      bot?.username ? el("p", { class: "muted" }, `@${bot.username}`) : null,
      el("p", {}, lead),
    );
  }

  /** Who wrote the message with this id, for quotes. */
  nameOf(messageId) {
    const message = this.messages.get(messageId);
    if (!message || message.from === "bot") return this.world.bot?.first_name ?? "Voronka";
    return this.user?.first_name ?? say("Вы", "You");
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.log;
    this.scrollTop = scrollTop;
    this.stickToBottom = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX;
    if (this.stickToBottom) this.unseen = 0;
    this.renderDownButton();
  }

  renderDownButton() {
    this.downButton.hidden = this.stickToBottom;
    this.downCount.hidden = this.unseen === 0;
    this.downCount.textContent = String(this.unseen);
  }

  toBottom(smoothly) {
    this.log.scrollTo({ top: this.log.scrollHeight, behavior: smoothly ? "smooth" : "instant" });
  }

  /** A pane that comes back into the page has lost its scroll position: the browser forgets it with the layout. */
  shown() {
    if (this.stickToBottom) this.toBottom(false);
    else this.log.scrollTop = this.scrollTop ?? 0;
    this.composer.resize();
  }

  showMessage(messageId) {
    const node = this.views.get(messageId)?.node;
    if (!node?.isConnected) return;
    node.scrollIntoView({ block: "center", behavior: "smooth" });
    node.classList.remove("flash");
    requestAnimationFrame(() => node.classList.add("flash"));
  }

  async send(text, { kind = "text", replyTo = this.context?.mode === "reply" ? this.context.message : null } = {}) {
    this.context = null;
    const draft = {
      message_id: `pending-${crypto.randomUUID?.() ?? Math.random()}`,
      from: "user",
      at_ms: this.world.now(),
      edited: false,
      reply_to: replyTo && { message_id: replyTo.message_id, text: replyTo.text },
      html: escapeHtml(text),
      text,
      kind,
      state: "sending",
    };
    this.pending.push(draft);
    this.stickToBottom = true;
    this.render();
    try {
      const message = await post(`/sandbox/telegram/chats/${this.userId}/messages`, {
        ...(text ? { text } : {}),
        ...(kind === "text" ? {} : { kind }),
        ...(replyTo ? { reply_to_message_id: replyTo.message_id } : {}),
      });
      this.pending = this.pending.filter((one) => one !== draft);
      if (!this.messages.has(message.message_id)) this.messages.set(message.message_id, message);
      this.world.changed();
    } catch (error) {
      draft.state = "failed";
      draft.node = null;
      toast(this.stage, error.status === 409 ? say("Бот заблокирован этим человеком", "This person has blocked the bot") : error.message);
    }
    this.render();
  }

  retry(failed) {
    this.pending = this.pending.filter((one) => one !== failed);
    this.send(failed.text, { kind: failed.kind, replyTo: failed.reply_to });
  }

  start() {
    const payload = this.startPayload;
    this.startPayload = null;
    this.world.started();
    this.send(payload ? `/start ${payload}` : "/start");
    this.composer.field.focus();
  }

  offerStart(payload) {
    this.startPayload = payload;
    this.render();
    this.composer.bigButton.focus({ preventScroll: true });
  }

  reply(message) {
    this.context = { mode: "reply", message };
    this.composer.update();
    this.composer.field.focus();
  }

  edit(message) {
    this.context = { mode: "edit", message };
    this.composer.setText(message.text);
    this.composer.update();
    this.composer.field.focus();
  }

  editLast() {
    const own = [...this.messages.values()].filter((one) => one.from === "user" && one.kind === "text" && !one.deleted);
    const last = own.sort((a, b) => a.message_id - b.message_id).at(-1);
    if (last) this.edit(last);
  }

  cancelContext() {
    if (this.context?.mode === "edit") this.composer.setText("");
    this.context = null;
    this.composer.update();
    this.composer.field.focus();
  }

  async saveEdit(text) {
    const { message } = this.context;
    this.context = null;
    this.composer.update();
    if (text === message.text) return;
    try {
      const edited = await post(`/sandbox/telegram/chats/${this.userId}/edit`, { message_id: message.message_id, text });
      if (edited?.message_id) this.accept(edited);
    } catch (error) {
      toast(this.stage, error.message);
    }
  }

  async press(message, button, node) {
    if (button.kind === "copy") {
      await this.copy(button.data ?? button.text);
      return;
    }
    if (button.kind === "url" || button.kind === "web_app") {
      if (!this.openBotLink(button.url)) window.open(button.url, "_blank", "noopener");
      return;
    }
    if (button.kind === "pay") {
      if (message.invoice?.paid) toast(this.stage, say("Этот счёт уже оплачен", "This bill is paid"));
      else await openPaySheet(this, message).catch((error) => toast(this.stage, error.message));
      return;
    }
    if (button.kind !== "callback") {
      toast(this.stage, say("Эта кнопка работает только в настоящем Телеграме", "This button works only in the real Telegram"));
      return;
    }
    if (node.classList.contains("waiting")) return;
    node.classList.add("waiting");
    node.setAttribute("aria-busy", "true");
    try {
      const { callback_query_id: id } = await post(`/sandbox/telegram/chats/${this.userId}/callbacks`, { message_id: message.message_id, data: button.data });
      if (this.earlyAnswers.delete(id)) {
        stopWaiting(node);
        return;
      }
      const timer = setTimeout(() => this.finishWaiting(id), CALLBACK_PATIENCE_MS);
      this.waiting.set(id, { node, timer });
    } catch (error) {
      stopWaiting(node);
      toast(this.stage, error.status === 409
        ? say("У этого сообщения уже нет такой кнопки", "This message no longer has that button")
        : error.message);
    }
  }

  /** The answer may overtake the reply to our own request, so an unknown id is kept for a moment. */
  answered({ callback_query_id: id, text, show_alert: asAlert, url }) {
    if (!this.finishWaiting(id)) this.earlyAnswers.add(id);
    if (url) window.open(url, "_blank", "noopener");
    if (!text) return;
    if (asAlert) alertDialog(this.world.bot?.first_name ?? "Voronka", text);
    else toast(this.stage, text);
  }

  finishWaiting(id) {
    const waiting = this.waiting.get(id);
    if (!waiting) return false;
    clearTimeout(waiting.timer);
    this.waiting.delete(id);
    stopWaiting(waiting.node);
    return true;
  }

  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      toast(this.stage, say("Скопировано", "Copied"));
    } catch {
      toast(this.stage, say("Браузер не дал скопировать", "The browser did not allow copying"));
    }
  }

  openBotLink(url) {
    return this.world.openBotLink(this.userId, url);
  }

  openMessageMenu(message, anchor) {
    openMessageMenu(this, message, anchor);
  }

  async setBlocked(blocked) {
    try {
      this.world.userChanged(await post(`/sandbox/telegram/chats/${this.userId}/block`, { blocked }));
    } catch (error) {
      toast(this.stage, error.message);
    }
    this.render();
  }

  unblock() {
    return this.setBlocked(false);
  }

  preview(file) {
    openPreview(file);
  }
}

export function fullName(user) {
  return [user.first_name, user.last_name].filter(Boolean).join(" ");
}

function sameGroup(a, b) {
  return Boolean(a && b) && a.from === b.from && a.kind !== "service" && b.kind !== "service"
    && Math.abs(b.at_ms - a.at_ms) < GROUP_MS && dayKey(a.at_ms) === dayKey(b.at_ms);
}

function stopWaiting(node) {
  node.classList.remove("waiting");
  node.removeAttribute("aria-busy");
}

function escapeHtml(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
