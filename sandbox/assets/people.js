// The list of people whose phones the sandbox plays, and the dialog that adds one more.

import { post } from "./api.js";
import { formDialog, openMenu } from "./dialogs.js";
import { el, icon, reconcile } from "./dom.js";
import { listMoment } from "./formats.js";
import { currentLanguage, languageButton, say, themeButton } from "./language.js";

const AVATAR_COLOURS = 7;

export function avatar(user) {
  const initials = [user.first_name, user.last_name].filter(Boolean).map((word) => [...word][0]).join("").slice(0, 2).toUpperCase();
  // «Тренер Ольга» reads better by the letter of both words.
  const words = user.first_name.trim().split(/\s+/);
  const letters = initials.length < 2 && words.length > 1 ? words.slice(0, 2).map((word) => [...word][0]).join("").toUpperCase() : initials;
  return el("span", { class: `avatar avatar-${Math.abs(user.id) % AVATAR_COLOURS}`, "aria-hidden": "true" }, letters || "?");
}

/** `world` is the page's shared state; see `telegram.js`. */
export class PeopleList {
  constructor(world) {
    this.world = world;
    this.items = new Map();
    this.build();
  }

  build() {
    this.items.clear();
    this.list = el("div", { class: "people" });
    this.connection = el("div", { class: "connection" });
    this.splitButton = el("button", { type: "button", class: "icon-button split-button", "data-testid": "split", onclick: () => this.world.toggleSplit() }, icon("split"));
    this.time = el("button", { type: "button", class: "world-clock", "data-testid": "clock", onclick: () => this.openClock() });
    const node = el("aside", { class: "sidebar", "aria-label": say("Люди", "People") },
      el("header", { class: "sidebar-header" },
        el("a", { class: "home", href: "/", title: say("Песочница: все разделы", "Sandbox: all sections") }, el("img", { src: "/assets/mark.svg", alt: "", width: 28, height: 28 }), el("h1", {}, say("Песочница", "Sandbox"))),
        this.splitButton,
        themeButton(),
        languageButton(),
      ),
      this.connection,
      this.list,
      el("footer", { class: "sidebar-footer" },
        el("button", { type: "button", class: "button new-person", "data-testid": "new-person", onclick: () => this.askNewPerson() }, icon("person-plus"), say("Новый человек", "New person")),
        this.time,
      ),
    );
    this.node?.replaceWith(node);
    this.node = node;
    this.render();
  }

  render() {
    const { world } = this;
    const users = [...world.users.values()].sort((a, b) => (b.last_at_ms || 0) - (a.last_at_ms || 0) || a.id - b.id);
    reconcile(this.list, users.map((user) => this.item(user)));
    this.renderConnection();
    const pressed = world.split;
    const label = pressed ? say("Показывать один чат", "Show one chat") : say("Клиент и тренер рядом", "Client and trainer side by side");
    this.splitButton.setAttribute("aria-pressed", String(pressed));
    this.splitButton.setAttribute("aria-label", label);
    this.splitButton.title = label;
    this.renderTime();
  }

  renderTime() {
    const now = this.world.now();
    const text = new Intl.DateTimeFormat(currentLanguage() === "ru" ? "ru-RU" : "en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(now);
    const key = `${text}${this.world.clock?.frozen}`;
    if (this.shownTime === key && this.time.childElementCount) return;
    this.shownTime = key;
    this.time.replaceChildren(icon(this.world.clock?.frozen ? "pause" : "clock"), text);
    this.time.setAttribute("aria-label", say(`Время песочницы: ${text}. Перевести часы`, `Sandbox time: ${text}. Move the clock`));
    this.time.title = say("Время песочницы: нажмите, чтобы перевести", "Sandbox time: press to move it");
  }

  openClock() {
    const advance = (ms) => () => this.world.moveClock({ action: "advance", ms });
    openMenu(this.time, say("Часы песочницы", "Sandbox clock"), [
      { icon: "clock", label: say("+1 час", "+1 hour"), run: advance(3_600_000) },
      { icon: "clock", label: say("+1 день", "+1 day"), run: advance(86_400_000) },
      { icon: "clock", label: say("+7 дней", "+7 days"), run: advance(7 * 86_400_000) },
      { icon: "refresh", label: say("Вернуть настоящее время", "Back to real time"), run: () => this.world.moveClock({ action: "reset" }) },
    ]);
  }

  renderConnection() {
    const { world } = this;
    const states = {
      lost: ["warn", say("Нет связи с песочницей, переподключаюсь…", "Lost the sandbox, reconnecting…")],
      none: ["warn", say("Бот ещё не подключился. Запустите его: make run", "The bot has not connected yet. Start it: make run")],
      polling: ["ok", say(`@${world.bot?.username ?? "bot"} на связи`, `@${world.bot?.username ?? "bot"} is connected`)],
      webhook: ["ok", say(`@${world.bot?.username ?? "bot"} на связи (webhook)`, `@${world.bot?.username ?? "bot"} is connected (webhook)`)],
    };
    const state = world.online ? world.connected : "lost";
    const [tone, text] = states[state] ?? ["", say("Подключаюсь…", "Connecting…")];
    this.connection.className = `connection ${tone}`;
    this.connection.dataset.testid = "connection";
    this.connection.dataset.state = state ?? "";
    if (this.connection.textContent !== text) this.connection.replaceChildren(el("span", { class: "dot", "aria-hidden": "true" }), text);
  }

  item(user) {
    const { world } = this;
    const shown = world.isShown(user.id);
    const active = shown && world.selected === user.id;
    const unread = shown ? 0 : user.unread;
    const key = JSON.stringify([user, shown, active, unread, listMoment(user.last_at_ms, world.now())]);
    const known = this.items.get(user.id);
    if (known?.key === key) return known.node;
    const fresh = el("button", {
      type: "button",
      class: `person ${shown ? "shown" : ""} ${active ? "active" : ""}`,
      "data-testid": `person-${user.id}`,
      "aria-current": shown ? "true" : null,
      onclick: () => world.select(user.id),
    },
    avatar(user),
    el("span", { class: "person-facts" },
      el("span", { class: "person-top" },
        el("span", { class: "person-name" }, [user.first_name, user.last_name].filter(Boolean).join(" ")),
        user.role === "trainer" ? el("span", { class: "role" }, say("тренер", "trainer")) : null,
        el("span", { class: "person-time" }, listMoment(user.last_at_ms, world.now())),
      ),
      el("span", { class: "person-bottom" },
        el("span", { class: "person-last" }, user.blocked ? say("бот заблокирован", "the bot is blocked") : user.last_text || emptyChat(user)),
        user.blocked ? el("span", { class: "blocked-mark" }, icon("block")) : null,
        unread ? el("span", { class: "badge", "aria-label": say(`Непрочитанных: ${unread}`, `Unread: ${unread}`) }, String(unread)) : null,
      ),
    ));
    if (known) {
      // Keeps the keyboard focus on the person when only the facts have changed.
      known.node.className = fresh.className;
      if (shown) known.node.setAttribute("aria-current", "true");
      else known.node.removeAttribute("aria-current");
      known.node.replaceChildren(...fresh.childNodes);
      known.key = key;
      return known.node;
    }
    this.items.set(user.id, { key, node: fresh });
    return fresh;
  }

  askNewPerson() {
    const options = [["ru", "Русский"], ["en", "English"], ["de", "Deutsch"], ["es", "Español"], ["kk", "Қазақша"], ["", say("не указан", "not given")]];
    formDialog({
      title: say("Новый человек", "New person"),
      lead: say("Ещё один телефон с Телеграмом. Бот увидит имя и язык так, как их передаёт Телеграм.", "One more phone with Telegram. The bot sees the name and the language as Telegram passes them."),
      fields: [
        el("label", { class: "field" }, el("span", {}, say("Имя", "First name")), el("input", { name: "first_name", required: true, maxlength: 64, autofocus: true, autocomplete: "off", "data-testid": "new-first-name" })),
        el("label", { class: "field" }, el("span", {}, say("Фамилия, если есть", "Last name, if any")), el("input", { name: "last_name", maxlength: 64, autocomplete: "off", "data-testid": "new-last-name" })),
        el("label", { class: "field" }, el("span", {}, say("Имя пользователя, если есть", "Username, if any")), el("input", { name: "username", maxlength: 32, pattern: "@?[A-Za-z][A-Za-z0-9_]{4,31}", placeholder: "@maria", autocomplete: "off", "data-testid": "new-username" })),
        el("label", { class: "field" }, el("span", {}, say("Язык Телеграма", "Telegram language")),
          el("select", { name: "language_code", "data-testid": "new-language" }, options.map(([code, name]) => el("option", { value: code, selected: code === currentLanguage() }, name)))),
      ],
      verb: say("Добавить", "Add"),
      testId: "new-person-dialog",
      submit: async (form) => {
        const text = (name) => String(form.get(name) ?? "").trim();
        const wanted = { first_name: text("first_name"), last_name: text("last_name"), username: text("username").replace(/^@/, ""), language_code: text("language_code") };
        const user = await post("/sandbox/telegram/users", Object.fromEntries(Object.entries(wanted).filter(([, value]) => value)));
        this.world.userChanged(user);
        this.world.select(user.id);
      },
    });
  }
}

function emptyChat(user) {
  return user.role === "trainer" ? say("здесь появятся клиенты", "clients will appear here") : say("чат ещё не начат", "the chat has not begun");
}
