// Paying with Telegram Stars, without leaving the chat: from the switch to the Stars that come back.

import assert from "node:assert/strict";

import { walk } from "../lib/funnel.mjs";
import { lookAround } from "../lib/look.mjs";
import { PaySheet } from "../lib/pay_sheet.mjs";
import { readPdf } from "../lib/pdf.mjs";
import { Shop, rub } from "../lib/shop.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, DATABASES } from "../lib/system.mjs";
import { until } from "../lib/until.mjs";

const PROGRAM = "Программа на 12 недель";
const FIRST_STARS = 100_000;
/** 4 990 ₽ at 1.80 ₽ a Star, rounded up. */
const PRICE = 2773;
const SHOWN = "2\u00a0773\u00a0⭐";

const plain = (text) => text.replaceAll("\u00a0", " ");

for (const database of DATABASES) {
  story(`Anna pays with Stars in the chat, and gets them back (${database})`, { database, env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
    let shop;
    let anna;
    let client;
    let order;
    let sheet;

    /** Compares the books with Telegram's own list now; returns the report. */
    const compare = async () => {
      const { items: [begun] } = await shop.crm.change("POST", "/api/payments/reconcile", { provider: "stars" });
      return until("the comparison to end", async () => {
        const report = await shop.crm.get(`/api/payments/reconciliations/${begun.id}`);
        return report.status !== "running" && report;
      });
    };
    const agrees = async () => {
      const report = await compare();
      assert.deepEqual([report.status, report.failure ?? null, report.differences], ["done", null, []]);
      assert.equal(report.days.reduce((sum, day) => sum + day.checked, 0), 1, "one payment was compared");
    };

    step("the owner takes Stars from now on, a hundred of them for 180 ₽", async () => {
      await world.sandbox.faults({ telegram: { limits: false } });
      shop = await Shop.open(world.system);
      const { version, stars } = await shop.crm.get("/api/settings/telegram-payments");
      assert.equal(stars, false, "nobody takes them unasked");
      await shop.crm.change("PUT", "/api/settings/telegram-payments", { stars: true, hundred_stars: rub(180), cards: false }, version);
    });

    step("Anna chooses the programme, and Stars stand among the ways to pay with their price", async () => {
      anna = await world.browser.chatPage(world.system, { as: ANNA_ID });
      await walk(anna);
      [client] = await shop.crm.clients("анна");
      await anna.press("Тарифы");
      await anna.isAsked(PROGRAM);
      await anna.press(`Купить: ${PROGRAM}`);
      await anna.isAsked("Добавим к заказу");
      await anna.press("Нет, только это");
      await anna.isAsked("Ваш заказ");
      await anna.press("Оплатить 4\u00a0990\u00a0₽");
      const ways = await anna.isAsked("Как удобнее оплатить?");
      assert.ok(ways.buttons.includes(`Звёздами Telegram · ${SHOWN}`), ways.buttons.join(" | "));
      await anna.press(`Звёздами Telegram · ${SHOWN}`);
      [order] = await shop.orders(client.id);
    });

    step("the bill comes into the chat, and says both prices", async () => {
      sheet = new PaySheet(anna);
      const bill = plain(await sheet.isBilled(PROGRAM));
      assert.match(bill, /4 990 ₽/);
      assert.match(bill, /2 773 ⭐/);
      await lookAround(anna.page, "stars-bill");
    });

    step("the sheet tells how many Stars there are, and takes them", async () => {
      const words = plain(await sheet.open(`Оплатить ${SHOWN}`));
      assert.match(words, /У вас 100 000 ⭐/);
      await lookAround(anna.page, "stars-sheet");
      await sheet.pay();
      await sheet.says("Оплачено");
      await sheet.close();
      assert.match(await sheet.isBilled("оплачено"), /оплачено/);
      assert.equal((await world.sandbox.chat(ANNA_ID)).stars, FIRST_STARS - PRICE);
    });

    step("the chat says so, and the programme for all weeks arrives", async () => {
      const words = await anna.hears("оплата прошла");
      assert.match(plain(words.text), /2 773 ⭐/);
      const document = await anna.getsDocument({ already: 1 });
      const pdf = await readPdf((await anna.download(document)).path);
      for (const week of ["Неделя 1", "Неделя 12"]) assert.ok(pdf.text.includes(week), week);
    });

    step("the order keeps its price in roubles and has a payment in Stars, as Telegram's own list has it", async () => {
      const details = await until("the order to be fulfilled", async () => {
        const found = await shop.find(order);
        return found.status === "fulfilled" && found;
      });
      assert.deepEqual(details.payments.map((one) => [one.provider, one.status, one.amount.amount_minor, one.amount.currency]), [["stars", "completed", PRICE, "XTR"]]);
      assert.deepEqual([details.total.amount_minor, details.total.currency], [499_000, "RUB"]);
      await agrees();
    });

    step("«Мои покупки» gives the Stars back within the hour", async () => {
      await anna.command("menu");
      await anna.isAsked("Чем помочь?");
      await anna.press("Мои покупки");
      const list = await anna.isAsked("Мои покупки");
      await anna.press(list.buttons[0]);
      await anna.isAsked("оплачен и выдан");
      await anna.press("Вернуть деньги");
      const ask = await anna.isAsked("Доступ к купленному закроется");
      assert.match(plain(ask.text), /Вернуть 2 773 ⭐/);
      await anna.press("Да, вернуть");
      const done = await anna.hears(/возврат 2\s773\s⭐/);
      assert.ok(!done.text.includes("карт"), done.text);
      await until("the Stars to be back", async () => (await world.sandbox.chat(ANNA_ID)).stars === FIRST_STARS);
      // What a pointer rests on shows its buttons beside it.
      await anna.page.mouse.move(0, 0);
      await lookAround(anna.page, "stars-back");
    });

    step("after that the order is closed, the books are right, and Telegram's list agrees again", async () => {
      const details = await until("the order to be given back", async () => {
        const found = await shop.find(order);
        return found.status === "refunded" && found;
      });
      assert.deepEqual(details.refunds.map((one) => [one.status, one.amount.amount_minor, one.amount.currency]), [["succeeded", PRICE, "XTR"]]);
      assert.deepEqual((await shop.crm.get("/api/tasks?status=open")).items, []);
      await agrees();
      await shop.booksAreRight();
    });

    step("no page made an error or asked a foreign host", () => {
      assert.deepEqual(anna.page.problems, []);
    });
  });
}
