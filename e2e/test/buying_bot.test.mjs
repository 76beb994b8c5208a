// Buying in the conversation: from the price list to the programme in hand and the money given back.

import assert from "node:assert/strict";

import { BankPage } from "../lib/bank_page.mjs";
import { answerAll, walk } from "../lib/funnel.mjs";
import { look, lookAround } from "../lib/look.mjs";
import { OrderPage } from "../lib/order_page.mjs";
import { readPdf } from "../lib/pdf.mjs";
import { Person } from "../lib/person.mjs";
import { Shop, rub, sum } from "../lib/shop.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, DATABASES, JOHN_ID, TRAINER_ID } from "../lib/system.mjs";
import { until } from "../lib/until.mjs";

const PROGRAM = "Программа на 12 недель";
const NUTRITION = "План питания";
const YESTERDAY = () => new Date(Date.now() - 86_400_000).toISOString();

const GUIDANCE = {
  code: "guidance",
  title: { ru: "Ведение с тренером", en: "Guidance by a trainer" },
  description: { ru: "Разбор техники и ответы каждый день.", en: "Technique reviews and answers every day." },
  delivery: { ru: "Тренер пишет в течение рабочего дня после оплаты.", en: "The trainer writes within a working day of the payment." },
  grants: ["coaching"],
  price: rub(6000),
  is_monthly: true,
  packages: [{ months: 3, basis_points: 1000 }, { months: 6, basis_points: 1500 }],
  position: 100,
};

/** Text with plain spaces, as a test writes it. */
const plain = (text) => text.replaceAll("\u00a0", " ");

for (const database of DATABASES) {
  story(`Anna buys in the bot through YooKassa, and gets her money back (${database})`, { database, env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
    let shop;
    let anna;
    let trainer;
    let client;
    let order;
    let link;
    let bank;
    let orderPage;

    step("the owner has a product by the month, codes good and bad, and gives receipts", async () => {
      await world.sandbox.faults({ telegram: { limits: false } });
      shop = await Shop.open(world.system);
      await shop.sell(GUIDANCE);
      await shop.promo("ЗИМА20", 20, { per_client_limit: 1 });
      await shop.promo("ОСЕНЬ", 50, { ends_at: YESTERDAY() });
      await shop.promo("МЕСЯЦЫ", 30, { products: [await shop.product("guidance")] });
      await shop.settings({ receipts: "provider" });
    });

    step("Anna gets the free programme and asks what more there is", async () => {
      anna = await world.browser.chatPage(world.system, { as: ANNA_ID });
      trainer = anna.beside(TRAINER_ID);
      await trainer.pressStart();
      await walk(anna);
      await anna.press("Тарифы");
      const prices = await anna.isAsked(PROGRAM);
      assert.match(plain(prices.text), /Ведение с тренером — 6 000 ₽ в месяц/);
      assert.ok(prices.text.includes("PDF на 12 недель приходит в чат"), "what is given and when");
      [client] = await shop.crm.clients("анна");
      await look(anna.page, "bot-prices");
    });

    step("what is sold by the month shows the price of each package", async () => {
      await anna.press("Купить: Ведение с тренером");
      const packages = await anna.isAsked("На сколько месяцев?");
      assert.deepEqual(packages.buttons.map(plain).slice(0, 3), ["1 месяц · 6 000 ₽", "3 месяца · 16 200 ₽ (−10 %)", "6 месяцев · 30 600 ₽ (−15 %)"]);
      await anna.press(packages.buttons[1]);
      await anna.isAsked("Добавим к заказу");
      await anna.press("Нет, только это");
      const card = await anna.isAsked("Ваш заказ");
      assert.match(plain(card.text), /Ведение с тренером, 3 месяца — 18 000 ₽\s+Скидка за несколько месяцев 10 %: −1 800 ₽\s+Итого: 16 200 ₽/);
      await anna.press("Передумать");
      await anna.isAsked("Тарифы");
    });

    step("the programme with the nutrition plan is one order with its breakdown", async () => {
      await anna.press(`Купить: ${PROGRAM}`);
      await anna.isAsked("Добавим к заказу");
      await anna.press(`+ ${NUTRITION} · ${sum(2900)}`);
      const card = await anna.isAsked("Ваш заказ");
      assert.match(plain(card.text), /Программа на 12 недель — 4 990 ₽\s+План питания — 2 900 ₽\s+Итого: 7 890 ₽/);
      assert.match(card.text, /Нажимая «Оплатить», вы принимаете условия оферты/);
      await look(anna.page, "bot-card");
    });

    step("each code that does not fit is refused in a sentence of its own, and the right one counts", async () => {
      await anna.press("У меня есть промокод");
      await anna.isAsked("Пришлите промокод");
      for (const [code, words] of [["НЕТТАКОГО", "Такого промокода нет"], ["осень", /Срок этого промокода закончился \d\d\.\d\d\.\d{4}/], ["месяцы", "к этому заказу промокод не подходит|К этому заказу промокод не подходит"]]) {
        await anna.type(code);
        await anna.isAsked(words instanceof RegExp ? words : new RegExp(words));
      }
      await anna.type("  зима20 ");
      const card = await anna.isAsked("Промокод принят");
      assert.match(plain(card.text), /Скидка по промокоду 20 %: −1 578 ₽\s+Итого: 6 312 ₽/);
    });

    step("the receipt needs an address: a wrong one is explained, a right one is on the card", async () => {
      await anna.press(`Оплатить ${sum(6312)}`);
      await anna.isAsked("Куда прислать чек?");
      await anna.type("анна собака почта");
      await anna.isAsked("Не похоже ни на почту, ни на телефон");
      await anna.type("anna@example.com");
      const card = await anna.isAsked("Чек придёт на anna@example.com");
      assert.match(plain(card.text), /Итого: 6 312 ₽/, "the code still counts");
    });

    step("two taps on «Оплатить» are one order", async () => {
      const hand = new Person(world.sandbox, ANNA_ID);
      await Promise.all([hand.press(`Оплатить ${sum(6312)}`), hand.press(`Оплатить ${sum(6312)}`)]);
      const ways = await anna.isAsked("Как удобнее оплатить?");
      assert.deepEqual(ways.buttons, ["ЮKassa", "Т-Банк", "Отменить заказ"]);
      const orders = await shop.orders(client.id);
      assert.equal(orders.length, 1, "one order");
      order = orders[0];
      assert.ok(order.offer_accepted_at, "the offer is accepted with it");
    });

    step("the pay button opens the bank's page with the sum of the card", async () => {
      await anna.press("ЮKassa");
      link = await anna.isAsked(/К оплате 6\s312\s₽/);
      await look(anna.page, "bot-pay-link");
      bank = new BankPage(await anna.follow(`Оплатить ${sum(6312)}`));
      assert.match(await bank.isOpen(), /6 312 ₽/);
      await lookAround(bank.tab, "bank-yookassa-form");
    });

    step("a declined card is explained in the chat and on the order's page", async () => {
      await bank.pay("insufficient_funds");
      assert.equal(await bank.ended(), "failed");
      await lookAround(bank.tab, "bank-yookassa-declined");
      const words = await anna.hears("оплата не прошла");
      assert.match(words.text, /не хватило денег/);
      await bank.goBack();
      orderPage = new OrderPage(bank.tab);
      await orderPage.says("Оплата заказа");
      await orderPage.shows("На карте не хватило денег");
      await lookAround(bank.tab, "checkout-declined");
    });

    step("the second try in two tabs is one payment, and both tabs learn of it", async () => {
      await anna.press("Оплатить ещё раз");
      await anna.isAsked("Как удобнее оплатить?");
      await anna.press("ЮKassa");
      await anna.hears(/К оплате 6\s312\s₽/, { after: link });
      bank = new BankPage(await anna.follow(`Оплатить ${sum(6312)}`));
      await bank.isOpen();
      const other = new BankPage(await anna.follow(`Оплатить ${sum(6312)}`));
      await other.isOpen();
      await bank.pay();
      await other.pay();
      assert.deepEqual([await bank.ended(), await other.ended()], ["succeeded", "succeeded"]);
      await lookAround(bank.tab, "bank-yookassa-paid");
      const payments = await world.sandbox.payments("yookassa");
      assert.deepEqual(payments.map((one) => [one.state, one.paid_minor]), [["canceled", 0], ["paid", 631_200]]);
    });

    step("the chat tells of the money by itself, and the programme for all weeks arrives", async () => {
      const words = await anna.hears("оплата прошла");
      assert.match(plain(words.text), /Программа на 12 недель, План питания, 6 312 ₽/);
      const document = await anna.getsDocument({ already: 1 });
      assert.ok(!document.text.includes("первые две недели"), "the whole programme is not called the first two weeks");
      await look(anna.page, "bot-paid");
      const pdf = await readPdf((await anna.download(document)).path);
      for (const week of ["Неделя 1", "Неделя 12"]) assert.ok(pdf.text.includes(week), week);
      assert.equal(pdf.pictures.length, pdf.pages);
      const own = (await anna.messages()).filter((one) => one.from === "bot");
      assert.equal(own.filter((one) => one.text.includes("оплата прошла")).length, 1, "told once");
      assert.equal(own.filter((one) => one.document).length, 2, "the free programme and the whole one");
      const asking = own.filter((one) => one.buttons.some((label) => /^(Оплатить|Я оплатил|Отменить заказ)/.test(label)));
      assert.deepEqual(asking.map((one) => one.text), [], "nothing asks for the money any more");
      assert.equal(own.filter((one) => one.text.includes("Заказ оплачен")).length, 2, "both links say so");
    });

    step("the order's page says so, too, and hands the programme over", async () => {
      await bank.goBack();
      orderPage = new OrderPage(bank.tab);
      await orderPage.says("Оплачено, спасибо!");
      await orderPage.shows("Скачать программу (PDF)");
      await lookAround(bank.tab, "checkout-paid");
    });

    step("the trainer is told of the money, and of the plan a person has to make", async () => {
      const notice = await trainer.hears("Оплата: Анна");
      assert.match(plain(notice.text), /6 312 ₽/);
      await trainer.hears("Нужен человек");
      const tasks = (await shop.crm.get("/api/tasks")).items;
      assert.equal(tasks.length, 1, "one task, for the nutrition plan");
    });

    step("the CRM has it as the client has it: stage, order, one payment, its receipt", async () => {
      const details = await until("the order to be fulfilled", async () => {
        const found = await shop.find(order);
        return found.status === "fulfilled" && found;
      });
      assert.deepEqual(details.payments.map((one) => one.status), ["completed", "canceled"]);
      assert.equal(details.contact, "anna@example.com");
      const [now] = await shop.crm.clients("анна");
      assert.equal(now.stage.kind, "active");
      const receipts = await world.sandbox.receipts("yookassa");
      assert.equal(receipts.length, 1, "one receipt was given");
      await shop.booksAreRight();
    });

    step("«Мои покупки» shows the order, and within the hour it can be given back", async () => {
      await anna.command("menu");
      await anna.isAsked("Чем помочь?");
      await anna.press("Мои покупки");
      const list = await anna.isAsked("Мои покупки");
      assert.match(list.buttons[0], /^Программа на 12 недель.* · оплачен и выдан$/);
      await look(anna.page, "bot-purchases");
      await anna.press(list.buttons[0]);
      await anna.isAsked("оплачен и выдан");
      await anna.press("Вернуть деньги");
      const ask = await anna.isAsked("Доступ к купленному закроется");
      assert.match(plain(ask.text), /Вернуть 6 312 ₽/);
      await anna.press("Да, вернуть");
      const done = await anna.hears(/возврат 6\s312\s₽/);
      assert.match(done.text, /1–3 дня/);
      await look(anna.page, "bot-refunded");
    });

    step("the trainer hears of the refund, and nobody has to make the plan any more", async () => {
      const notice = await trainer.hears("Возврат: Анна");
      assert.match(plain(notice.text), /6 312 ₽/);
      const open = (await shop.crm.get("/api/tasks?status=open")).items;
      assert.deepEqual(open, []);
    });

    step("after the refund the order is closed everywhere, and the books are right", async () => {
      const details = await shop.find(order);
      assert.equal(details.status, "refunded");
      assert.deepEqual(details.refunds.map((one) => [one.status, one.amount.amount_minor]), [["succeeded", 631_200]]);
      assert.deepEqual((await world.sandbox.payments("yookassa")).map((one) => one.refunded_minor), [0, 631_200]);
      await orderPage.tab.reload();
      await orderPage.says("Деньги возвращены");
      await lookAround(orderPage.tab, "checkout-refunded");
      await shop.booksAreRight();
    });

    step("no page made an error or asked a foreign host", () => {
      assert.deepEqual(anna.page.problems, []);
    });
  });

  story(`John buys in English through T-Bank before any question is asked (${database})`, { database, env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
    let shop;
    let john;
    let order;
    let bank;

    step("John looks at the prices first, and chooses the programme alone", async () => {
      await world.sandbox.faults({ telegram: { limits: false } });
      shop = await Shop.open(world.system);
      john = await world.browser.chatPage(world.system, { as: JOHN_ID, language: "en" });
      await john.pressStart();
      await john.isAsked("How can I help?");
      await john.press("Prices");
      await john.isAsked("12-week programme");
      await john.press("Buy: 12-week programme");
      await john.isAsked("Would you like to add something?");
      await john.press("No, just this");
      const card = await john.isAsked("Your order");
      assert.match(plain(card.text), /12-week programme — ₽4,990\s+Total: ₽4,990/);
    });

    step("the bank's page lets him try again after a declined card, and asks for the code", async () => {
      await john.press(`Pay ${sum(4990, "en")}`);
      await john.isAsked("How would you like to pay?");
      await john.press("T-Bank");
      await john.isAsked("₽4,990 to pay");
      const [client] = await shop.crm.clients("john");
      [order] = await shop.orders(client.id);
      bank = new BankPage(await john.follow(`Pay ${sum(4990, "en")}`));
      await bank.isOpen();
      await lookAround(bank.tab, "bank-tbank-form");
      await bank.pay("1051");
      await bank.isDeclined();
      await lookAround(bank.tab, "bank-tbank-try-again");
    });

    step("«I have paid» is answered truly; when the bank's own word gets lost, his return finds the money", async () => {
      await john.press("I have paid");
      await john.hears("I don’t see the payment yet");
      await world.sandbox.faults({ tbank: { lose: { percent: 100 } } });
      await bank.pay();
      await until("the money at the bank", async () => (await world.sandbox.payments("tbank")).some((one) => one.state === "paid"));
      const words = await john.hears("the payment went through");
      assert.match(words.text, /12-week programme, ₽4,990/);
      await world.sandbox.noFaults();
      await world.sandbox.faults({ telegram: { limits: false } });
    });

    step("the bank sends him to his order's page, which tells him what comes next", async () => {
      const page = new OrderPage(bank.tab, "en");
      await page.says("Paid, thank you!");
      await page.shows("To make your programme we need a few answers");
      await lookAround(bank.tab, "checkout-needs-answers-en");
    });

    step("the chat leads him into the questions, and the whole programme follows them", async () => {
      const asked = await john.hears("I need answers to a few questions");
      assert.match(asked.text, /the payment went through/, "one message tells all of it");
      assert.ok(!asked.text.includes("within minutes"), asked.text);
      await look(john.page, "bot-needs-answers-en");
      await john.press(asked.buttons[0]);
      await john.isAsked("consent to the processing of personal data");
      await john.press("I agree");
      await john.isAsked("May I occasionally send you");
      await john.press("No, just the programme");
      await answerAll(john, "en");
      await john.press("✅ All right, make my programme");
      const document = await john.getsDocument();
      assert.ok(!document.text.includes("first two weeks"), document.text);
      const pdf = await readPdf((await john.download(document)).path);
      assert.ok(pdf.text.includes("Week 12"), "all weeks");
      assert.equal((await john.messages()).filter((one) => one.from === "bot" && one.text.includes("These are the first two weeks")).length, 0, "nothing is offered that he has");
    });

    step("after the hour is over he can't take the money back by himself, and hears why", async () => {
      await until("the order to be fulfilled", async () => (await shop.find(order)).status === "fulfilled");
      const hand = new Person(world.sandbox, JOHN_ID);
      await john.command("menu");
      await john.isAsked("How can I help?");
      await john.press("My purchases");
      const list = await john.isAsked("My purchases");
      await john.press(list.buttons[0]);
      const card = await john.isAsked("paid and delivered");
      assert.ok(card.buttons.includes("Get my money back"), card.buttons.join());
      await world.sandbox.advanceClock(61 * 60_000);
      await hand.press("Get my money back");
      await john.isAsked("too late for an automatic refund");
      await shop.booksAreRight();
    });

    step("no page made an error or asked a foreign host", () => {
      assert.deepEqual(john.page.problems, []);
    });
  });
}
