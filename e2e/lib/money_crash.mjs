// Buying under fire: buyers, banks on a bad day, and programs that are killed again and again. What is true in the end is
// asked by money_proof.mjs.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";

import { BANKS, BotBuyer, PageBuyer } from "./buyers.mjs";
import { Dice } from "./dice.mjs";
import { PAID } from "./money_proof.mjs";
import { until } from "./until.mjs";
import { TRAINER_ID } from "./system.mjs";

const MINUTE_MS = 60_000;
/** Time goes ten times as fast as outside, so that polls come while there is still fire. */
const TICK_MS = 500;
const TICK_OF_PRODUCT_MS = 5_000;
const LOOK_AGAIN_MS = 250;
const SETTLE_MS = 180_000;
const ORDER_MS = 130 * MINUTE_MS;
/** A payment that was closed is looked at once more when its link has certainly died. */
const LAST_LOOK_MS = 66 * MINUTE_MS;

const PRODUCTS = { program_12w: "Программа на 12 недель", coaching_3m: "Три месяца с тренером", nutrition: "План питания" };
const PROMOS = [
  { code: "FIRE20", terms: { discount: { type: "percent", basis_points: 2_000 }, total_limit: 5 } },
  { code: "GIFT", terms: { discount: { type: "percent", basis_points: 10_000 }, total_limit: 2, products: "nutrition" } },
];

export class Fire {
  /** Between which moments the bot was killed, by the sandbox's clock. */
  killsOfBot = [];
  kills = { bot: 0, "crm-api": 0 };
  buyers = [];

  constructor({ mortals, sandbox, api, seed }) {
    Object.assign(this, { mortals, sandbox, api, seed });
    this.dice = new Dice(seed);
    this.isBurning = true;
  }

  async prepare() {
    await this.api.put("/api/settings/payments", {
      order_minutes: 60, refund_window_minutes: 60, capture: "at_once", stacking: "best_one", receipts: "off", providers: [],
    }, 0);
    const products = await this.api.all("/api/products");
    this.products = Object.fromEntries(products.map((one) => [one.code, one.id]));
    for (const { code, terms } of PROMOS) {
      const products = terms.products ? [this.products[terms.products]] : [];
      const made = await this.api.post("/api/promocodes", { code, terms: { ...terms, products } });
      assert.equal(made.status, 201, JSON.stringify(made.body));
    }
    await this.sandbox.write(TRAINER_ID, "/start");
    await until("the trainer to be greeted", async () => (await this.sandbox.chat(TRAINER_ID)).messages.some((one) => one.from === "bot"));
  }

  /** The banks' bad day. */
  misbehave() {
    const percent = (many) => ({ percent: many });
    const day = {
      duplicate: percent(20), lose: percent(15), delay: percent(15), delay_ms: 40_000, reorder: percent(20), hold_ms: 3_000,
      too_many_requests: percent(4), server_error: percent(4), drop_request: percent(3), processing: percent(4),
      error_after_effect: percent(4), drop_response: percent(4), pending_refund: percent(0), expire_link: percent(3),
      forge: percent(10),
    };
    return this.sandbox.faults({
      telegram: { limits: false },
      yookassa: { ...day, forge_as: "sender", seed: this.dice.roll(1_000_000) },
      tbank: { ...day, forge_as: "token", seed: this.dice.roll(1_000_000) },
    });
  }

  async now() {
    return (await (await fetch(`${this.sandbox.base}/sandbox/clock`)).json()).now_ms;
  }

  /** Until it has killed each program so often. */
  async kill(times) {
    const dice = new Dice(this.seed ^ 0x6b11);
    while (this.kills.bot < times || this.kills["crm-api"] < times) {
      await pause(100 + dice.roll(900));
      const victims = dice.pick([["bot"], ["crm-api"], ["bot", "crm-api"]]).filter((name) => this.kills[name] < 2 * times);
      if (this.mortals.database && dice.chance(20)) await this.mortals.cutConnections();
      const from_ms = await this.now();
      for (const name of victims) {
        this.kills[name] += 1;
        this.mortals.kill(name);
      }
      if (victims.includes("bot")) this.killsOfBot.push({ from_ms, until_ms: await this.now() });
      // Whoever comes back lives as long as the coming back took: on a busy machine nobody would get anything done otherwise.
      const begun = Date.now();
      for (const name of victims) await this.mortals.isReady(name);
      await pause(Date.now() - begun);
    }
  }

  /** Time passes until the fire is out. */
  async pass() {
    while (this.isBurning) {
      await pause(TICK_MS);
      await this.sandbox.advanceClock(TICK_OF_PRODUCT_MS);
    }
  }

  /** `side` by side, at least `least` of them, until `isOver()`. */
  async buy({ side, least, isOver }) {
    let next = 0;
    const one = async () => {
      while (next < least || !isOver()) {
        const number = next;
        next += 1;
        await this.live(number);
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: side }, one));
    const failed = ended.filter((one) => one.status === "rejected");
    if (failed.length > 0) throw new AggregateError(failed.map((one) => one.reason), failed.map((one) => one.reason.message).join("\n"));
  }

  /** The life of one buyer. */
  async live(number) {
    const dice = new Dice((BigInt(this.seed) << 20n) + BigInt(number));
    const name = `Покупатель-${number}.`;
    const code = dice.pick(["program_12w", "program_12w", "coaching_3m", "nutrition", "nutrition"]);
    const promo = dice.chance(40) ? (code === "nutrition" && dice.chance(50) ? "GIFT" : "FIRE20") : null;
    let url;
    let buyer;
    const isInChat = dice.chance(60);
    if (isInChat) {
      buyer = await BotBuyer.come(this.sandbox, name, dice);
      this.buyers.push(buyer);
      try {
        url = await buyer.buy(PRODUCTS[code], promo);
      } catch (error) {
        if (buyer.order) error.message += `\nthe order: ${JSON.stringify(await this.api.get(`/api/orders/${buyer.order}`))}`;
        throw error;
      }
    } else {
      buyer = new PageBuyer(this.api, this.sandbox, name, dice);
      this.buyers.push(buyer);
      const status = await buyer.order(this.products[code], promo);
      if (status !== "awaiting_payment") return;
      if (dice.chance(8)) {
        await this.api.post("/api/payments/manual", { order_id: buyer.id, note: "наличными" });
        return;
      }
      url = await (dice.chance(50) ? buyer.openLink(dice.pick(BANKS)) : buyer.createPayment(dice.pick(BANKS)));
    }
    if (!url) return;
    const again = (bank) => (isInChat || dice.chance(50) ? buyer.openLink(bank) : buyer.createPayment(bank));
    const end = dice.roll(100);
    if (end < 12) return;
    if (end < 30) {
      await buyer.payer.decline(url);
      // The bank may be slow to tell: the old link is what one gets until then.
      const second = await again(dice.pick(BANKS));
      if (second) await buyer.payer.pay(second);
    } else if (end < 40) {
      const other = await again(url.includes("/tbank/") ? "yookassa" : "tbank");
      if (dice.chance(50)) await buyer.payer.pay(url);
      if (other) await buyer.payer.pay(other);
    } else if (end < 48) {
      await this.cancel(buyer);
      await buyer.payer.pay(url);
    } else {
      await buyer.payer.pay(url);
    }
    if (isInChat && dice.chance(60)) await buyer.force(`bk:${buyer.order}`);
    if (isInChat && !buyer.hasAnswered && code !== "nutrition" && dice.chance(70)) await this.answerWhenAsked(buyer);
    if (dice.chance(55)) await this.giveBack(buyer, dice);
  }

  async cancel(buyer) {
    if (buyer instanceof BotBuyer) await buyer.force(`bx:${buyer.order}`);
    else await this.api.post(`/api/orders/${buyer.id}/cancel`);
  }

  /** Whoever bought without answers gives them when the bot asks, if it asks soon; the others do it after the fire. */
  async answerWhenAsked(buyer) {
    const isAsked = await until("the questions", () => buyer.heard("нужны ответы"), { within_ms: 4_000 }).catch(() => false);
    if (isAsked) await buyer.answerQuestions();
  }

  /** By the client in the chat, or by an administrator: all of it, or a part. */
  async giveBack(buyer, dice) {
    const order = buyer instanceof BotBuyer ? buyer.order : buyer.id;
    const paid = await until("a payment that came through", async () => {
      const { payments } = await this.api.get(`/api/orders/${order}`);
      return payments.find((one) => PAID.includes(one.status));
    }, { within_ms: 4_000 }).catch(() => null);
    if (!paid) return;
    if (buyer instanceof BotBuyer && dice.chance(50)) {
      await buyer.force(`br:${order}:yes`);
      return;
    }
    const amount = dice.chance(50) ? { amount: { amount_minor: 1 + dice.roll(paid.amount.amount_minor), currency: "RUB" } } : {};
    await this.api.post(`/api/payments/${paid.id}/refund`, { ...amount, reason: "передумал" });
  }

  /** Everybody does their work in peace until nothing is left to do. */
  async settle() {
    await this.sandbox.faults({ reset: true });
    await this.sandbox.faults({ telegram: { limits: false } });
    // Orders that nobody paid end, whatever the banks did not tell is asked for, and what is asked for once more is.
    await this.sandbox.advanceClock(ORDER_MS);
    await this.moneyIsStill();
    for (const buyer of this.buyers) {
      if (buyer instanceof BotBuyer && !buyer.hasAnswered && (await buyer.heard("нужны ответы"))) await buyer.answerQuestions();
    }
    await this.sandbox.advanceClock(LAST_LOOK_MS);
    await this.moneyIsStill();
    // What is queued for a chat goes out in its order: who sees the menu has seen everything before it.
    for (const buyer of this.buyers.filter((one) => one instanceof BotBuyer)) {
      const last = Math.max(...(await this.sandbox.chat(buyer.userId)).messages.map((one) => one.message_id));
      await buyer.type("/menu");
      await buyer.waitFor("the menu", async () => (await buyer.messages()).some((one) => Number(one.id) > last && one.text.includes("Чем помочь?")));
    }
  }

  /** No order waits, no payment or refund is under way, no post, and no job that could be done now. */
  async moneyIsStill() {
    let moving;
    await until("money to be still", async () => {
      const { quiet } = await (await fetch(`${this.sandbox.base}/sandbox/banks/quiet?timeout_s=20`)).json();
      const now_ms = await this.now();
      const asked = [
        "orders?status=awaiting_payment", "payments?status=creating", "payments?status=pending", "refunds?status=requested", "refunds?status=pending",
        "jobs?state=running", "jobs?state=queued",
      ];
      const lists = await Promise.all(asked.map((path) => this.api.all(`/api/${path}`)));
      const queued = lists.pop().filter((one) => Date.parse(one.due_at) <= now_ms);
      moving = [...lists.flat(), ...queued];
      if (quiet && moving.length === 0) return true;
      await pause(LOOK_AGAIN_MS);
      return false;
    }, { within_ms: SETTLE_MS, context: () => `${JSON.stringify(moving.slice(0, 5))}\n${this.mortals.log()}` });
  }
}
