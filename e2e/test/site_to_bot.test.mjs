// Somebody buys on the site, gets letters, and comes into the bot by the link of the order.

import assert from "node:assert/strict";

import { BankPage } from "../lib/bank_page.mjs";
import { answerAll, words } from "../lib/funnel.mjs";
import { OrderPage } from "../lib/order_page.mjs";
import { Person } from "../lib/person.mjs";
import { Shop } from "../lib/shop.mjs";
import { story } from "../lib/story.mjs";
import { until } from "../lib/until.mjs";

const SAY = words("ru");
const ADDRESS = "anna@example.com";

story("from the site into the bot", {}, (world, step) => {
  let shop;
  let order;
  let page;
  let token;
  let anna;

  const letters = async (count) => {
    const list = () => fetch(`${world.system.sandbox}/sandbox/mail`).then((response) => response.json());
    const { mails } = await until(`${count} letters`, async () => {
      const found = await list();
      return found.mails.length >= count && found;
    }, { context: () => world.system.log() });
    return Promise.all(mails.map((one) => fetch(`${world.system.sandbox}/sandbox/mail/${one.id}`).then((response) => response.json())));
  };

  step("Anna pays on the order's page and leaves her address", async () => {
    shop = await Shop.open(world.system);
    const client = await shop.client("Анна Петрова", { source: "site" });
    order = await shop.order(client, ["program_12w"]);
    const window = await world.browser.window(world.system, { width: 360, height: 780 });
    page = await OrderPage.open(window, `${world.system.api}/checkout/${order.id}`);
    await page.tab.getByRole("textbox", { name: "Почта (необязательно)" }).fill(ADDRESS);
    await page.fill({});
    await page.pay();
    const bank = new BankPage(page.tab);
    await bank.isOpen();
    await bank.pay();
    assert.equal(await bank.ended(), "succeeded");
    await bank.goBack();
    await page.says("Оплачено, спасибо!");
  });

  step("page and letter lead into the bot with the same token", async () => {
    const way = await page.tab.getByRole("link", { name: "Ответить в боте" }).getAttribute("href");
    token = new URL(way).searchParams.get("start");
    assert.match(token, /^o_[\w-]{43}$/);
    const [paid] = await letters(1);
    assert.deepEqual(paid.envelope_to, [ADDRESS]);
    assert.ok(paid.text.includes(way) && paid.html.includes(token), paid.text);
    assert.ok(!(await page.tab.content()).includes(ADDRESS), "the page does not show the address");
  });

  step("a stranger with a made-up link is told so, kindly", async () => {
    const boris = await Person.arrive(world.sandbox, { first_name: "Борис" });
    await boris.type(`/start o_${"A".repeat(43)}`);
    await boris.hears("Такой ссылки я не знаю");
  });

  step("Anna answers in the bot, and the programme comes there and by letter", async () => {
    anna = await Person.arrive(world.sandbox, { first_name: "Аня" });
    await anna.type(`/start ${token}`);
    await anna.hears("теперь и здесь");
    await anna.isAsked(SAY.consent);
    await anna.press(SAY.agree);
    await anna.isAsked(SAY.marketing);
    await anna.press(SAY.noMarketing);
    await answerAll(anna);
    await anna.press(SAY.confirm);
    await anna.getsDocument({ within_ms: 60_000 });
    const [, ready] = await letters(2);
    assert.equal(ready.subject, "Ваша программа готова");
    assert.equal(ready.attachments[0].mime, "application/pdf");
    await until("the order to be fulfilled", async () => (await shop.find(order)).status === "fulfilled");
  });

  step("the link is worth nothing to the next one", async () => {
    const maria = await Person.arrive(world.sandbox, { first_name: "Мария" });
    await maria.type(`/start ${token}`);
    await maria.hears("уже вошли из другого чата");
    await shop.booksAreRight();
  });
});
