// The chat page: who is shown, what is live, and how the parts talk to each other.

import { EventStream, get, post } from "./api.js";
import { ChatPane } from "./chat_pane.js";
import { toast } from "./dialogs.js";
import { debounce, el, every, oncePerFrame, reconcile } from "./dom.js";
import { applyTheme, languageChanges, remember, remembered, say, translatePage } from "./language.js";
import { PeopleList } from "./people.js";

const SPLIT_KEY = "sandbox.split";
const READ_KEY = "sandbox.read";
const WIDE = matchMedia("(min-width: 1200px)");
const NARROW = matchMedia("(max-width: 760px)");
const STATE_POLL_MS = 5_000;

applyTheme();
translatePage();

const address = new URLSearchParams(location.search);
const panes = new Map();
const readAt = JSON.parse(remembered(READ_KEY) ?? "{}");

const world = {
  bot: null,
  connected: null,
  online: true,
  users: new Map(),
  clock: null,
  selected: null,
  shownIds: [],
  split: remembered(SPLIT_KEY) !== "off",
  now: () => (world.clock?.frozen ? world.clock.now_ms : Date.now() + (world.clock ? world.clock.now_ms - world.clockReadAt : 0)),
  // On a phone the list covers the chat until it is opened.
  isShown: (id) => world.shownIds.includes(id) && (world.chatOpen === true || !NARROW.matches),
  select,
  toggleSplit,
  moveClock,
  userChanged,
  openBotLink,
  back,
  started: () => {
    address.delete("start");
    writeAddress();
  },
  changed: () => refreshStateSoon(),
};

const people = new PeopleList(world);
const renderPeopleSoon = oncePerFrame(() => {
  people.render();
  showTitle();
});
const stage = el("main", { class: "panes" });
const app = el("div", { class: "app" }, people.node, stage);
document.getElementById("root").replaceWith(app);

function pane(id) {
  let found = panes.get(id);
  if (!found) {
    found = new ChatPane(world, id);
    panes.set(id, found);
    found.load();
  }
  return found;
}

function byRole(role) {
  return [...world.users.values()].filter((user) => (user.role === "trainer") === (role === "trainer"));
}

/** Side by side stand the selected person and their counterpart: the client on the left, the trainer on the right. */
function idsToShow() {
  const selected = world.users.get(world.selected);
  if (!selected) return [];
  if (!world.split || !WIDE.matches) return [selected.id];
  const role = selected.role === "trainer" ? "client" : "trainer";
  const candidates = byRole(role);
  const other = candidates.find((user) => user.id === world.lastOf?.[role]) ?? candidates[0];
  if (!other) return [selected.id];
  return role === "trainer" ? [selected.id, other.id] : [other.id, selected.id];
}

/** The server counts what the person has not answered; what was seen here is remembered over a reload. */
function markRead(id) {
  const user = world.users.get(id);
  user.unread = 0;
  if (!user.last_at_ms || document.hidden || readAt[id] >= user.last_at_ms) return;
  readAt[id] = user.last_at_ms;
  remember(READ_KEY, JSON.stringify(readAt));
}

function layout() {
  world.shownIds = idsToShow();
  const shown = world.shownIds.map(pane);
  const appearing = shown.filter((one) => !one.node.isConnected);
  reconcile(stage, shown.map((one) => one.node));
  for (const one of shown) one.node.classList.toggle("selected", one.userId === world.selected && shown.length > 1);
  stage.classList.toggle("two", shown.length > 1);
  app.classList.toggle("chat-open", world.chatOpen === true);
  for (const id of world.shownIds) if (world.isShown(id)) markRead(id);
  for (const one of appearing) one.shown();
  people.render();
  showTitle();
}

function select(id, { open = true } = {}) {
  const user = world.users.get(id);
  if (!user) return;
  world.selected = id;
  world.lastOf = { ...world.lastOf, [user.role === "trainer" ? "trainer" : "client"]: id };
  world.chatOpen = open;
  writeAddress();
  layout();
  // A phone's keyboard should not jump up by itself.
  if (open && matchMedia("(hover: hover)").matches) pane(id).composer.field.focus({ preventScroll: true });
}

function back() {
  world.chatOpen = false;
  layout();
  people.items.get(world.selected)?.node.focus();
}

function writeAddress() {
  const next = new URL(location.href);
  next.searchParams.set("as", String(world.selected));
  // The payload stays in the address until START is pressed, so that a reload does not lose it.
  if (!address.has("start")) next.searchParams.delete("start");
  history.replaceState(null, "", next);
}

function toggleSplit() {
  world.split = !world.split;
  remember(SPLIT_KEY, world.split ? "on" : "off");
  layout();
}

function userChanged(user) {
  world.users.set(user.id, { ...world.users.get(user.id), ...user });
  panes.get(user.id)?.render();
  layout();
}

/** A link to this very bot opens in the chat it was pressed in; any other is left to the browser. */
function openBotLink(userId, url) {
  const name = world.bot?.username;
  const found = /^(?:https?:\/\/(?:www\.)?(?:t\.me|telegram\.me)\/([\w]+)|tg:\/\/resolve\?domain=([\w]+))/i.exec(url ?? "");
  if (!found || !name || (found[1] ?? found[2]).toLowerCase() !== name.toLowerCase()) return false;
  const payload = /[?&]start=([\w-]*)/.exec(url)?.[1];
  if (payload !== undefined) pane(userId).offerStart(payload);
  return true;
}

async function moveClock(command) {
  try {
    takeClock(await post("/sandbox/clock", command));
    toast(stage, say("Часы переведены", "The clock has moved"));
  } catch (error) {
    toast(stage, error.message);
  }
}

function takeClock(clock) {
  if (!clock || typeof clock.now_ms !== "number") return;
  world.clock = clock;
  world.clockReadAt = Date.now();
  people.render();
  for (const id of world.shownIds) panes.get(id)?.render();
}

async function refreshState() {
  let state;
  try {
    state = await get("/sandbox/telegram/state");
  } catch {
    return;
  }
  world.bot = state.bot;
  world.connected = state.connected;
  const known = world.users;
  world.users = new Map(state.users.map((user) => [user.id, {
    ...user,
    unread: world.isShown(user.id) || user.last_at_ms <= (readAt[user.id] ?? 0) ? 0 : known.get(user.id)?.unread ?? user.unread,
  }]));
  for (const [id, one] of panes) {
    const user = world.users.get(id);
    if (!user) panes.delete(id);
    else if (!user.last_at_ms && one.messages.size > 0) one.refreshSoon();
  }
  if (!world.users.has(world.selected)) {
    selectFirst();
    return;
  }
  people.render();
  for (const id of world.shownIds) panes.get(id)?.renderHeader();
}

const refreshStateSoon = debounce(refreshState, 150);

/** The person of the address (`?as=100001` or `?as=trainer`), otherwise the first client. */
function selectFirst() {
  const asked = address.get("as");
  const everyone = [...world.users.values()];
  const chosen = (asked === "trainer" ? byRole("trainer")[0] : world.users.get(Number(asked)))
    ?? byRole("client").sort((a, b) => a.id - b.id)[0]
    ?? everyone[0];
  if (!chosen) {
    layout();
    return;
  }
  const payload = address.get("start");
  select(chosen.id, { open: asked !== null || payload !== null });
  if (payload !== null) pane(chosen.id).offerStart(payload);
  address.delete("as");
}

function receive(event) {
  if (event.kind === "clock") {
    if (event.clock ?? event.now_ms) takeClock(event.clock ?? event);
    else get("/sandbox/clock").then(takeClock, () => {});
    return;
  }
  // A cleared sandbox announces itself by its faults going back to normal.
  if (event.kind === "faults") {
    refreshStateSoon();
    return;
  }
  const id = event.chat_id ?? event.user?.id;
  if (event.kind === "user" && event.user) userChanged({ ...event.user, unread: world.users.get(event.user.id)?.unread ?? 0 });
  if (event.kind === "commands" && !id) for (const one of panes.values()) one.refreshSoon();
  else if (id && event.kind !== "user") panes.get(id)?.receive(event);
  if (event.kind === "message" && event.message) noticeMessage(id, event.message);
  else if (["message", "edited", "deleted", "user", "commands"].includes(event.kind)) refreshStateSoon();
}

function noticeMessage(id, message) {
  const user = world.users.get(id);
  if (!user) {
    refreshStateSoon();
    return;
  }
  user.last_text = message.text || lastTextOf(message);
  user.last_at_ms = message.at_ms;
  if (world.isShown(id) && !document.hidden) markRead(id);
  else if (message.from === "bot") user.unread += 1;
  renderPeopleSoon();
}

function lastTextOf(message) {
  if (message.document) return message.document.file_name;
  return { photo: say("Фотография", "Photo"), voice: say("Голосовое", "Voice message"), sticker: say("Стикер", "Sticker"), document: say("Документ", "Document"), contact: say("Контакт", "Contact") }[message.kind] ?? "";
}

function showTitle() {
  const unread = [...world.users.values()].reduce((sum, user) => sum + (user.unread || 0), 0);
  document.title = `${unread ? `(${unread}) ` : ""}${say("Телеграм · Песочница", "Telegram · Sandbox")}`;
}

const stream = new EventStream({
  onEvent: receive,
  onOpen: async () => {
    world.online = true;
    get("/sandbox/clock").then(takeClock, () => {});
    await refreshState();
    for (const one of panes.values()) one.load();
    people.renderConnection();
  },
  onLost: () => {
    world.online = false;
    people.renderConnection();
  },
});

languageChanges.addEventListener("change", () => {
  people.build();
  for (const one of panes.values()) one.build();
  layout();
});
for (const width of [WIDE, NARROW]) width.addEventListener("change", layout);
document.addEventListener("visibilitychange", () => !document.hidden && world.users.size > 0 && layout());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented) panes.get(world.selected)?.cancelContext();
});

stream.connect();
every(STATE_POLL_MS, refreshState);
setInterval(() => people.renderTime(), 1_000);
