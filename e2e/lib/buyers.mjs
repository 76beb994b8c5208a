// People who buy while the house is on fire: in the conversation with the bot, or on the checkout page. Each one lives by
// dice of their own. Whatever they do may be answered late, and they go on asking.

import { setTimeout as pause } from "node:timers/promises";

import { questions, words } from "./funnel.mjs";
import { Person } from "./person.mjs";
import { until } from "./until.mjs";

const SAY = words("ru");
/** A program is dead for a second or two; several deaths may follow each other. */
const PATIENCE_MS = 120_000;
/** Longer than this nobody waits for something new in a chat before looking again. */
const LOOK_AGAIN_S = 2;
const ASK_AGAIN_MS = 500;
const PRESS_AGAIN_MS = 15_000;
const PROMO_ENDS = ["Промокод принят", "Промокод верный", "уже разобрали"];
const NEWS = /оплата прошла|возврат .* отправлен/;
export const BANKS = ["yookassa", "tbank"];
const DECLINES = { yookassa: ["insufficient_funds", "general_decline", "card_expired"], tbank: ["1051", "1054", "1014"] };

/** Somebody at the page of a bank. */
export class Payer {
  constructor(sandbox, dice) {
    this.sandbox = sandbox;
    this.dice = dice;
  }

  /** Does something at the page behind a link; tells whether the bank took it. */
  async act(url, act) {
    const [, bank, id] = /\/(yookassa|tbank)\/(?:checkout\?orderId=|new\/)([^&]+)/.exec(url);
    const response = await fetch(`${this.sandbox.base}/sandbox/banks/${bank}/payments/${id}/act`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(act),
    });
    return response.ok;
  }

  pay(url) {
    return this.act(url, { action: "pay", outcome: "success" });
  }

  decline(url) {
    const bank = url.includes("/tbank/") ? "tbank" : "yookassa";
    return this.act(url, { action: "pay", outcome: this.dice.pick(DECLINES[bank]) });
  }
}

/** Somebody in the conversation. */
export class BotBuyer extends Person {
  constructor(sandbox, userId, name, dice) {
    super(sandbox, userId);
    this.name = name;
    this.dice = dice;
    this.payer = new Payer(sandbox, dice);
    this.pressed = new Map();
  }

  static async come(sandbox, name, dice) {
    const { id } = await sandbox.newPerson({ first_name: name, language_code: "ru" });
    return new BotBuyer(sandbox, id, name, dice);
  }

  /** The newest button whose data fits, `{ id, data, url, text }`, or nothing. */
  async button(fits) {
    const { messages } = await this.sandbox.chat(this.userId);
    for (const message of messages.filter((one) => !one.deleted).reverse()) {
      const found = (message.inline_keyboard ?? []).flat().find(fits);
      if (found) return { id: message.message_id, ...found };
    }
    return null;
  }

  /** As `until`, but looks again when something has happened in the chat, so that many can wait at once. */
  async waitFor(what, look) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const { last_seq } = await this.sandbox.chat(this.userId);
      const seen = await look();
      if (seen) return seen;
      if (Date.now() > deadline) throw new Error(`${this.name} waited ${PATIENCE_MS / 1000} s for ${what}\n${await this.transcript()}`);
      await fetch(`${this.sandbox.base}/sandbox/telegram/chats/${this.userId}?limit=1&after_seq=${last_seq}&timeout_s=${LOOK_AGAIN_S}`);
    }
  }

  /** Presses a button as soon as it is there. */
  async tap(what, fits) {
    const button = await this.waitFor(what, () => this.button(fits));
    await this.sandbox.press(this.userId, button.id, button.data);
    return button;
  }

  async heard(text) {
    return (await this.messages()).some((one) => one.from === "bot" && one.text.includes(text));
  }

  async answerQuestions() {
    await this.tap("the way into the questionnaire", (one) => [SAY.free, "✍️ Ответить на вопросы"].includes(one.text));
    await this.tap("consent", (one) => one.text === SAY.agree);
    await this.tap("marketing", (one) => one.text === SAY.noMarketing);
    for (const question of questions("ru")) {
      // A notice, or a question that came twice across a kill, may stand below it.
      const isAsked = async () => (await this.messages()).some((one) => one.buttons.length > 0 && one.text.includes(question.ask));
      await this.waitFor(`the question «${question.id}»`, isAsked);
      if (question.type) {
        await this.type(question.type);
        continue;
      }
      for (const [index, label] of question.press.entries()) {
        await this.tap(`«${label}»`, (one) => one.text === label);
        const isTicked = async () => (await this.messages()).some((one) => one.buttons.includes(`✅ ${label}`));
        if (index + 1 < question.press.length) await this.waitFor(`a tick at «${label}»`, isTicked);
      }
    }
    await this.tap("the summary", (one) => one.text === SAY.confirm);
    this.hasAnswered = true;
  }

  /** To the order and the first link. `title`: what is bought; `promo`: a code to try. Nothing: it cost nothing. */
  async buy(title, promo) {
    await this.type("/start");
    this.hasAnswersFirst = this.dice.chance(50) && title !== "План питания";
    if (this.hasAnswersFirst) await this.answerQuestions();
    else await this.waitFor("the menu", () => this.button((one) => one.data === "prices"));
    const any = await this.waitFor("any button", () => this.button((one) => one.data));
    await this.sandbox.press(this.userId, any.id, "prices");
    await this.tap("the tariffs", (one) => one.text === `Купить: ${title}`);
    const card = await this.waitFor("add-ons or the card", () => this.button((one) => /^b[cy]:/.test(one.data ?? "")));
    if (card.data.startsWith("bc:")) await this.sandbox.press(this.userId, card.id, card.data);
    if (promo) {
      await this.tap("the promo button", (one) => one.data?.startsWith("bo:"));
      await this.waitFor("the question for the code", () => this.heard("Пришлите промокод"));
      await this.type(promo);
      await this.waitFor("what becomes of the code", async () => (await Promise.all(PROMO_ENDS.map((words) => this.heard(words)))).some(Boolean));
    }
    return this.agree();
  }

  /** Presses "pay" until there is an order: a price may have changed meanwhile. */
  async agree() {
    const way = await this.waitFor("the ways to pay", async () => {
      const free = await this.heard("Платить ничего не нужно");
      if (free) return { isFree: true };
      const step = await this.button((one) => /^b[vyc]:/.test(one.data ?? ""));
      if (step?.data.startsWith("bv:")) return step;
      if (step && Date.now() - (this.pressed.get(`${step.id} ${step.data}`) ?? 0) > PRESS_AGAIN_MS) {
        this.pressed.set(`${step.id} ${step.data}`, Date.now());
        await this.sandbox.press(this.userId, step.id, step.data);
      }
      return null;
    });
    if (way.isFree) return null;
    this.order = way.data.split(":")[1];
    return this.openLink(this.dice.pick(BANKS));
  }

  /** A link to pay at, new or once more; nothing when the order is closed or the bank is away. */
  async openLink(bank) {
    const before = (await this.lastLink())?.id ?? 0;
    await this.force(`bv:${this.order}:${bank}`);
    const shown = async () => {
      const link = await this.lastLink();
      if (link?.id > before) return link;
      const ends = ["Этот заказ уже закрыт", "Заказ оплачен", "оплата на месте", "Не получилось открыть"];
      // One that runs out at once loses its button before anybody has seen it.
      const isDead = (await this.messages()).some((one) => Number(one.id) > before && one.text.includes("ссылка на оплату больше не действует"));
      const isOver = isDead || (await Promise.all(ends.map((words) => this.heard(words)))).some(Boolean);
      return isOver && { url: null };
    };
    return (await this.waitFor(`the link to ${bank}`, shown)).url;
  }

  lastLink() {
    return this.button((one) => one.url);
  }

  /** Presses a button that need not be in sight: "I have paid", "cancel", "give it back". Not on the news of money, where none
   * of these ever stood: what a press leads to may be written over what was pressed. */
  async force(data) {
    const isFit = (one) => one.from === "bot" && !one.deleted && !one.document && !NEWS.test(one.text);
    const fit = await this.waitFor("any message", async () => {
      const all = (await this.sandbox.chat(this.userId)).messages.filter(isFit);
      // What is done with has no buttons left; a slow hand presses them all the same.
      return all.findLast((one) => (one.inline_keyboard ?? []).flat().some((button) => button.data)) ?? all.at(-1);
    });
    await this.sandbox.press(this.userId, fit.message_id, data);
  }
}

/** Somebody whom an administrator has entered, and who pays on the checkout page. */
export class PageBuyer {
  constructor(api, sandbox, name, dice) {
    this.api = api;
    this.name = name;
    this.dice = dice;
    this.payer = new Payer(sandbox, dice);
  }

  async order(product, promo) {
    const made = await this.api.post("/api/clients", { name: this.name, language: "ru" });
    // Done, and the answer lost: it is there to be found.
    this.client = made.status === 201 ? made.body.id : (await this.api.all(`/api/clients?q=${encodeURIComponent(this.name)}`))[0].id;
    const body = { client_id: this.client, items: [{ product_id: product, quantity: 1 }], ...(promo ? { promo_code: promo } : {}) };
    const placed = await this.api.post("/api/orders", body);
    if (placed.status === 201) this.id = placed.body.id;
    else if (placed.body.code === "answer_lost") [{ id: this.id }] = await this.api.all(`/api/orders?client=${this.client}`);
    else throw new Error(`${this.name}: no order: ${placed.status} ${JSON.stringify(placed.body)}`);
    return (await this.api.get(`/api/orders/${this.id}`)).status;
  }

  /** Through the form of the page, as a browser without script does it. */
  openLink(bank) {
    return this.linkFrom("the page", async () => {
      // Whoever has a link already chooses anew behind "change".
      const page = await this.api.ask("GET", `/checkout/${this.id}?change=1`);
      const offer = /name="offer" value="([^"]+)"/.exec(page.whole)?.[1];
      const form = new URLSearchParams({ provider: bank, ...(offer ? { offer } : {}) });
      const answer = await this.api.ask("POST", `/checkout/${this.id}/pay`, { body: form });
      const to = answer.headers.get("location") ?? "";
      return to.includes("/yookassa/") || to.includes("/tbank/") ? to : null;
    });
  }

  /** Through the API, as a site of the owner's would. */
  createPayment(bank) {
    return this.linkFrom("the API", async () => {
      const { status, body } = await this.api.post("/api/payments/create", { order_id: this.id, provider: bank });
      return status === 200 && body.status === "pending" ? body.pay_url : null;
    });
  }

  /** Asks until there is a link, or nothing to pay any more. */
  linkFrom(where, ask) {
    const look = async () => {
      const url = await ask();
      if (url) return { url };
      if ((await this.api.get(`/api/orders/${this.id}`)).status !== "awaiting_payment") return { url: null };
      await pause(ASK_AGAIN_MS);
      return null;
    };
    const context = async () => JSON.stringify((await this.api.get(`/api/orders/${this.id}`)).payments);
    return until(`${this.name}: a link from ${where}`, look, { within_ms: PATIENCE_MS, context }).then((found) => found.url);
  }
}
