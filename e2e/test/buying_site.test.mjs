// `/checkout/{order}`: buying without Telegram, with and without script, by touch and by keyboard alone.

import assert from "node:assert/strict";

import { BankPage } from "../lib/bank_page.mjs";
import { lookAround } from "../lib/look.mjs";
import { OrderPage } from "../lib/order_page.mjs";
import { Shop, rub } from "../lib/shop.mjs";
import { story } from "../lib/story.mjs";
import { DATABASES } from "../lib/system.mjs";
import { until } from "../lib/until.mjs";

const DAY_MS = 86_400_000;
const YESTERDAY = () => new Date(Date.now() - DAY_MS).toISOString();

/** Where the focus is: what assistive technology calls it. */
async function focused(tab) {
  return tab.evaluate(() => {
    const node = document.activeElement;
    if (!node || node === document.body) return null;
    const name = node.getAttribute("aria-label") ?? (node.labels?.length ? node.labels[0].textContent : node.textContent);
    return `${node.tagName.toLowerCase()}${node.type && node.tagName === "INPUT" ? `[${node.type}]` : ""} ${name.trim().replaceAll(/\s+/g, " ").slice(0, 24)}`;
  });
}

/** The id of the field in focus, and what is said of it: the texts it is described by. */
async function complaint(tab) {
  return tab.evaluate(() => {
    const wrong = document.querySelector("[aria-invalid=true]");
    const described = (wrong?.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? `nothing is called ${id}`);
    return wrong && { name: wrong.name, id: wrong.id, described: described.join(" ") };
  });
}

for (const database of DATABASES) {
  story(`a phone without script buys on the order's page (${database})`, { database }, (world, step) => {
    let shop;
    let client;
    let phone;
    let desk;
    let page;
    let order;

    const orderOf = (tab) => new URL(tab.url()).pathname.split("/")[2];

    step("the owner sends Maria an order of two things", async () => {
      shop = await Shop.open(world.system);
      await shop.promo("ЗИМА20", 20);
      await shop.promo("ОСЕНЬ", 50, { ends_at: YESTERDAY() });
      await shop.settings({ receipts: "provider" });
      client = await shop.client("Мария Константинопольская");
      order = await shop.order(client, ["program_12w", "nutrition"]);
      phone = await world.browser.window(world.system, { width: 360, height: 780, script: false });
      desk = await world.browser.window(world.system);
      page = await OrderPage.open(phone, order.checkout_url);
      await page.says("Оплата заказа");
    });

    step("the page says what is bought, when it comes and what it costs, and names each field", async () => {
      const snapshot = (await page.snapshot()).replaceAll("\u00a0", " ");
      for (const line of ['heading "Оплата заказа" [level=1]', 'heading "Ваш заказ" [level=2]', 'textbox "Почта или телефон"', 'group "Как заплатить"', 'radio "ЮKassa Карта', 'radio "Т-Банк Карта', 'checkbox "Принимаю условия оферты', 'button "Оплатить 7 890 ₽"', "PDF на 12 недель приходит"]) {
        assert.ok(snapshot.includes(line), `«${line}» is on the page:\n${snapshot}`);
      }
      await lookAround(page.tab, "checkout-to-pay");
    });

    step("a code that ran out and one that never was are refused in their own words, beside the field", async () => {
      await page.enterCode("осень");
      await page.shows("Этот промокод действовал до");
      await page.enterCode("нет-такого");
      await page.shows("Такого промокода нет");
      const { name, described } = await complaint(page.tab);
      assert.equal(name, "code");
      assert.match(described, /Такого промокода нет/);
      await lookAround(page.tab, "checkout-promo-wrong");
    });

    step("the right one makes the price lower, and the old order leads to the new one", async () => {
      await page.enterCode(" зима20");
      await page.shows("Промокод ЗИМА20");
      await page.shows(/6\s312\s₽/);
      assert.notEqual(orderOf(page.tab), order.id);
      const old = await OrderPage.open(phone, order.checkout_url);
      await old.says("Этот заказ заменён новым");
      await old.tab.getByRole("link", { name: "Перейти к новому заказу" }).click();
      assert.equal(orderOf(old.tab), orderOf(page.tab));
      await old.tab.close();
      order = await shop.find(orderOf(page.tab));
      assert.equal(order.total.amount_minor, 631_200);
    });

    step("what was filled in wrong is listed above the form, and each line leads to its field", async () => {
      await page.fill({ contact: "мария собака почта", accept: false });
      await page.tab.evaluate(() => document.querySelectorAll("form").forEach((form) => (form.noValidate = true)));
      await page.pay();
      const summary = page.tab.getByRole("alert").filter({ has: page.tab.getByRole("link") });
      assert.equal(await summary.getByRole("link").count(), 2);
      for (const link of await summary.getByRole("link").all()) {
        const target = (await link.getAttribute("href")).slice(1);
        assert.equal(await page.tab.locator(`[id="${target}"]`).getAttribute("aria-invalid"), "true");
      }
      assert.match(await page.tab.title(), /^Ошибка:/);
      const { name, described } = await complaint(page.tab);
      assert.equal(name, "contact");
      assert.match(described, /не похоже ни на почту, ни на телефон/);
      assert.equal(await page.tab.getByRole("textbox", { name: "Почта или телефон" }).inputValue(), "мария собака почта", "what was typed stays");
      await lookAround(page.tab, "checkout-errors");
    });

    step("filled in right it leads to YooKassa; the order's page waits beside it and follows by itself", async () => {
      await page.fill({ contact: "+7 912 345-67-89", provider: "yookassa" });
      await page.pay();
      await page.tab.waitForURL(/\/yookassa\/checkout/);
      const waiting = await OrderPage.open(phone, order.checkout_url);
      await waiting.says("Ждём оплату");
      await lookAround(waiting.tab, "checkout-waiting");
      // The bank's own page can't do without script.
      const bank = new BankPage(await desk.newPage());
      await bank.tab.goto(page.tab.url());
      await bank.isOpen();
      await bank.pay("insufficient_funds");
      assert.equal(await bank.ended(), "failed");
      await waiting.says("Оплата заказа");
      await waiting.shows("Оплата не прошла.");
      await page.tab.close();
      page = waiting;
    });

    step("the second try goes to the other bank, and its success is seen without a reload by hand", async () => {
      assert.equal(await page.tab.getByRole("checkbox").count(), 0, "what was accepted once is not asked again");
      await page.fill({ provider: "tbank" });
      await page.pay();
      await page.tab.waitForURL(/\/tbank\/new\//);
      const bank = new BankPage(await desk.newPage());
      const waiting = await OrderPage.open(phone, order.checkout_url);
      await waiting.says("Ждём оплату");
      await bank.tab.goto(page.tab.url());
      await bank.isOpen();
      await bank.pay();
      await waiting.says("Оплачено, спасибо!");
      await lookAround(waiting.tab, "checkout-paid-site");
      await page.tab.close();
      page = waiting;
    });

    step("an order that is paid can't be paid again, from whichever page one tries", async () => {
      const again = await OrderPage.open(phone, order.checkout_url);
      await again.says("Оплачено, спасибо!");
      assert.equal(await again.tab.getByRole("button", { name: again.say.pay }).count(), 0);
      await again.tab.goto(`${order.checkout_url}/pay`);
      await again.says("Оплачено, спасибо!");
      const details = await shop.find(order);
      assert.deepEqual(details.payments.map((one) => [one.provider, one.status]), [["tbank", "completed"], ["yookassa", "canceled"]]);
      assert.equal(details.contact, "+79123456789");
      await again.tab.close();
    });

    step("the administrator gives back a part, then the rest, and the page says so", async () => {
      const [payment] = (await shop.find(order)).payments;
      await shop.refund(payment, "Без плана питания", 2320);
      await until("the part to be given back", async () => (await shop.find(order)).payments[0].status === "partially_refunded");
      await page.tab.reload();
      await page.shows(/2\s320\s₽/);
      await lookAround(page.tab, "checkout-part-refunded");
      await shop.refund(payment, "Клиентка переехала");
      await until("everything to be given back", async () => (await shop.find(order)).status === "refunded");
      await page.tab.reload();
      await page.says("Деньги возвращены");
      assert.deepEqual((await world.sandbox.payments("tbank")).map((one) => one.refunded_minor), [631_200]);
      await shop.booksAreRight();
    });

    step("no page made an error or asked a foreign host", () => {
      assert.deepEqual([...phone.problems, ...desk.problems], []);
    });
  });

  story(`the order's page by keyboard, in English, and at its edges (${database})`, { database }, (world, step) => {
    let shop;
    let client;
    let desk;
    let page;
    let order;

    step("Tab goes through the page in the order in which it is read", async () => {
      shop = await Shop.open(world.system);
      await shop.settings({ receipts: "provider" });
      client = await shop.client("John Smith", { language: "en" });
      order = await shop.order(client, ["nutrition"]);
      desk = await world.browser.window(world.system, { language: "en" });
      page = await OrderPage.open(desk, order.checkout_url, "en");
      await page.says("Pay for your order");
      await lookAround(page.tab, "checkout-to-pay-en");
      const stops = [];
      for (let presses = 0; presses < 12; presses += 1) {
        await page.tab.keyboard.press("Tab");
        const stop = await focused(page.tab);
        if (stop === null) break;
        stops.push(stop);
      }
      const expected = [/^a Русский/, /^summary I have a promo code/, /^input\[text\] E-mail or phone/, /^input\[radio\] YooKassa/, /^a terms of sale|^input\[checkbox\] I accept/, /./, /^button Pay/];
      for (const [index, pattern] of expected.entries()) assert.match(stops[index] ?? "", pattern, stops.join("\n"));
    });

    step("the keyboard alone leaves an address, chooses T-Bank, accepts and pays", async () => {
      const keys = page.tab.keyboard;
      await page.tab.reload();
      const reach = async (pattern) => {
        for (let presses = 0; presses < 20; presses += 1) {
          await keys.press("Tab");
          if (pattern.test((await focused(page.tab)) ?? "")) return;
        }
        throw new Error(`${pattern} can't be reached by Tab`);
      };
      await reach(/E-mail or phone/);
      await keys.type("john@example.com");
      await reach(/YooKassa/);
      await keys.press("ArrowDown");
      assert.match(await focused(page.tab), /T-Bank/);
      await reach(/checkbox/);
      await keys.press("Space");
      await reach(/^button Pay/);
      await keys.press("Enter");
      await page.tab.waitForURL(/\/tbank\/new\//);
    });

    step("three declined cards end the try: the bank sends him back to a page that says why and goes on", async () => {
      const bank = new BankPage(page.tab);
      for (let tries = 0; tries < 3; tries += 1) {
        await bank.isOpen();
        await bank.pay("1051");
        if (tries < 2) await bank.isDeclined();
      }
      await page.says("Pay for your order");
      await page.shows("The payment did not go through.");
      await page.fill({ provider: "yookassa" });
      await page.pay();
      await bank.isOpen();
      const waiting = await OrderPage.open(desk, order.checkout_url, "en");
      await waiting.says("Waiting for your payment");
      await lookAround(waiting.tab, "checkout-waiting-en");
      await bank.pay();
      assert.equal(await bank.ended(), "succeeded");
      await waiting.says("Paid, thank you!");
      await lookAround(waiting.tab, "checkout-paid-en");
      await waiting.tab.close();
      await shop.booksAreRight();
    });

    step("an order that the owner called off says so", async () => {
      const unwanted = await shop.order(client, ["program_12w"]);
      await shop.crm.change("POST", `/api/orders/${unwanted.id}/cancel`);
      const old = await OrderPage.open(desk, unwanted.checkout_url);
      await old.says("Заказ отменён");
      await lookAround(old.tab, "checkout-canceled");
      await old.tab.close();
    });

    step("a link that is wrong or cut short leads to a page, not into a wall", async () => {
      for (const address of [order.checkout_url.slice(0, -3), `${order.checkout_url.slice(0, -2)}ZZ`]) {
        const lost = await OrderPage.open(desk, address);
        await lost.says("Такого заказа нет");
        await lost.tab.close();
      }
      const lost = await OrderPage.open(desk, `${order.checkout_url.slice(0, -2)}ZZ`, "en");
      await lost.says("There is no such order");
      await lookAround(lost.tab, "checkout-nowhere-en");
      await lost.tab.close();
    });

    step("the longest names and the largest sums stay inside the page", async () => {
      await shop.sell({
        code: "everything",
        title: { ru: "Индивидуальное сопровождение чемпионов-тяжелоатлетов с ежедневной видеоконсультацией и восстановлением после соревнований", en: "Individual guidance" },
        delivery: { ru: "Достопримечательнейшее-сверхвысокопрофессиональное-сопровождение-без-единого-пробела начинается в день оплаты.", en: "Begins on the day of the payment." },
        grants: ["coaching"],
        price: rub(1_234_567),
        is_monthly: true,
        packages: [{ months: 12, basis_points: 1250 }],
      });
      const large = await shop.order(client, [{ code: "everything", quantity: 12 }, { code: "program_12w", quantity: 100 }]);
      const wide = await OrderPage.open(desk, large.checkout_url);
      await wide.shows(/13\s461\s953,50/);
      await lookAround(wide.tab, "checkout-long");
      await wide.tab.close();
    });

    step("an order whose time is over says so, and offers the same once more", async () => {
      const late = await shop.order(client, ["nutrition"]);
      await world.sandbox.advanceClock(DAY_MS + 60_000);
      const old = await OrderPage.open(desk, late.checkout_url);
      await old.says("Время на оплату вышло");
      await lookAround(old.tab, "checkout-expired");
      await old.press(old.say.again);
      await old.says("Оплата заказа");
      assert.notEqual(new URL(old.tab.url()).pathname, new URL(late.checkout_url).pathname);
      await old.tab.close();
    });

    step("no page made an error or asked a foreign host", () => {
      assert.deepEqual(desk.problems, []);
    });
  });
}
