// kill -9 while money moves: API and bot die again and again, the banks have a bad day, people buy, decline, abandon, pay
// twice and want it back. In the end no money is lost, doubled or invented, and what was paid for was given once.
//
// VORONKA_SEED=17 throws the same dice again (what people and banks do, and who is killed; not the instant at which the
// machine gets there), VORONKA_KILLS=50 goes on until each program has died so often.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { randomInt } from "node:crypto";

import { BotBuyer } from "../lib/buyers.mjs";
import { Fire } from "../lib/money_crash.mjs";
import * as proof from "../lib/money_proof.mjs";
import { Mortals } from "../lib/mortals.mjs";
import { Sandbox } from "../lib/sandbox.mjs";
import { Steady } from "../lib/steady.mjs";
import { DATABASES, TRAINER_ID } from "../lib/system.mjs";

const KILLS = Number(process.env.VORONKA_KILLS || 10);
const BUYERS = Number(process.env.VORONKA_BUYERS || 60);
const SIDE_BY_SIDE = 16;
const seed = Number(process.env.VORONKA_SEED || randomInt(1_000_000_000));

for (const database of DATABASES) {
  describe(`killed while money moves (${database})`, { timeout: 300_000 + KILLS * 10_000 }, () => {
    let mortals;
    let sandbox;
    let api;
    let fire;
    let facts;
    let broken = null;

    /** The proofs need what came before them, not each other. Whatever fails says how to throw the same dice again. */
    const step = (name, act, { isProof = true } = {}) => it(name, async () => {
      if (broken) throw new Error(`not tried, because this failed before: ${broken}`);
      try {
        await act();
      } catch (error) {
        if (!isProof) broken = name;
        error.message = `VORONKA_SEED=${seed} (${database}): ${error.message}\n── the programs said last:\n${mortals.log()}`;
        throw error;
      }
    });

    before(async () => {
      mortals = await Mortals.start({ database });
      sandbox = new Sandbox(mortals.sandbox);
      await sandbox.connected();
      api = await Steady.signIn(mortals.api, mortals.adminPassword);
      fire = new Fire({ mortals, sandbox, api, seed });
      await fire.prepare();
    });
    after(() => mortals?.stop());

    step(`${BUYERS} people and more buy while API and bot are killed ${KILLS} times each`, async () => {
      await fire.misbehave();
      const passing = fire.pass();
      let areDone = false;
      const killing = fire.kill(KILLS).finally(() => (areDone = true));
      try {
        await Promise.all([killing, fire.buy({ side: SIDE_BY_SIDE, least: BUYERS, isOver: () => areDone })]);
      } finally {
        fire.isBurning = false;
        await passing;
      }
      assert.deepEqual(mortals.accidents, [], "nobody died but by our hand");
    }, { isProof: false });

    step("in peace everything comes to an end", async () => {
      await fire.settle();
      facts = await proof.collect(api, sandbox);
    }, { isProof: false });
    step("nothing hangs, and nobody is asked to help", () => proof.nothingHangs(facts));

    step("the banks' journals and our payments and refunds are the same, one by one", () => proof.banksAgree(facts));
    step("every order is paid once for itself", () => proof.ordersAgree(facts));
    step("the books have each fact once and come out even", () => proof.booksAgree(facts));
    step("promo codes were used as often as they allow", () => proof.promosAgree(facts));
    step("what was paid for was given once", () => proof.deliveriesAgree(facts, api));

    step("in the chats everything came, and a second time only across a kill of the bot", async () => {
      let repeats = 0;
      const trainer = (await sandbox.chat(TRAINER_ID)).messages.filter((one) => one.from === "bot" && !one.deleted);
      for (const buyer of fire.buyers) {
        const client = facts.clients.find((one) => one.name === buyer.name);
        const own = facts.orders.filter((one) => one.client_id === client?.id);
        const bought = own.filter((one) => one.paid_at);
        const once = (what, copies, due) => (repeats += proof.cameOnce(`${buyer.name} ${what}`, copies, due, fire.killsOfBot));
        once("the trainer's notice", trainer.filter((one) => one.text.startsWith("💰 Оплата:") && one.text.includes(buyer.name)), bought.length);
        if (!(buyer instanceof BotBuyer)) continue;
        const said = (await sandbox.chat(buyer.userId)).messages.filter((one) => one.from === "bot" && !one.deleted);
        const back = facts.refunds.filter((one) => one.client_id === client.id && one.status === "succeeded");
        const programs = facts.programs.filter((one) => one.client_id === client.id && one.status === "ready" && one.delivered_at);
        once("«оплата прошла»", said.filter((one) => one.text.includes("оплата прошла")), bought.length);
        once("«возврат отправлен»", said.filter((one) => /возврат .* отправлен/.test(one.text)), back.length);
        once("documents", said.filter((one) => one.document), programs.length);
      }
      console.log(`${database}: seed ${seed}, ${fire.buyers.length} buyers, ${facts.orders.filter((one) => one.paid_at).length} orders paid, `
        + `${facts.refunds.length} refunds, kills ${JSON.stringify(fire.kills)}, ${api.repeated} requests repeated, ${repeats} messages came twice`);
      assert.ok(facts.orders.some((one) => one.paid_at) && facts.refunds.some((one) => one.status === "succeeded"), "something was bought and given back");
    });

    step("access follows the money: what went back is closed, what was paid for is open", async () => {
      for (const order of facts.orders.filter((one) => one.paid_at)) {
        const page = (await api.ask("GET", `/checkout/${order.id}`)).whole;
        const link = /href="([^"]*\/program\?[^"]*)"/.exec(page)?.[1].replaceAll("&amp;", "&");
        if (order.status === "refunded") assert.equal(link, undefined, `${order.id} was given back, and its programme is still offered`);
        if (link) assert.equal((await api.ask("GET", new URL(link, mortals.api).pathname + new URL(link, mortals.api).search)).status, 200);
      }
    });

    step("the doctor finds nothing wrong", async () => {
      const { isWell, text } = await mortals.doctor();
      assert.ok(isWell && !text.includes("WRONG"), text);
    });
  });
}
