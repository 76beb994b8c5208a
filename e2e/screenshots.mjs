// Draws the README's pictures into docs/images: the chat page after the funnel, two pages of the programme, and a purchase
// in the chat and on the order's page.
//
//   npm run screenshots

import { mkdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";

import { BankPage } from "./lib/bank_page.mjs";
import { Browser } from "./lib/browser.mjs";
import { walk } from "./lib/funnel.mjs";
import { OrderPage } from "./lib/order_page.mjs";
import { drawPages } from "./lib/pdf.mjs";
import { Sandbox } from "./lib/sandbox.mjs";
import { Shop, sum } from "./lib/shop.mjs";
import { ANNA_ID, System, TRAINER_ID } from "./lib/system.mjs";

const IMAGES = path.join(import.meta.dirname, "../docs/images");
const MOST_BYTES = 320 * 1024;
const COVER = 0;
const FIRST_WEEK = 3;

const system = await System.start({ env: { TELEGRAM_RATE_PER_SECOND: "0" } });
const browser = await Browser.open();
try {
  await mkdir(IMAGES, { recursive: true });
  const sandbox = new Sandbox(system.sandbox);
  await sandbox.connected();
  await sandbox.faults({ telegram: { limits: false } });
  const anna = await browser.chatPage(system, { as: ANNA_ID, start: "site_spring", width: 1200, height: 720 });
  const trainer = anna.beside(TRAINER_ID);
  await trainer.pressStart();
  const document = await walk(anna);
  const card = await trainer.hears("Анкета заполнена: Анна");
  await trainer.replyTo(card, "Отличное начало, Анна! 💪");
  await anna.hears("Отличное начало");
  await trainer.hears("Отправлено: Анна");
  // Folded, so that the document's card is in the picture.
  await anna.root.getByTestId("keyboard-toggle").click();
  await anna.page.evaluate(() => document.fonts.ready);
  await anna.page.mouse.move(0, 0);
  await keep("chat.png", await anna.page.screenshot());

  await keep("buying.png", await sideBySide(await buy(anna), await orderPage()));

  const pages = await drawPages((await anna.download(document)).path, { dpi: 75 });
  await keep("programme.png", await sideBySide(pages[COVER], pages[FIRST_WEEK]));
} finally {
  await browser.close();
  await system.stop();
}

/** Anna buys in the chat; a picture of it on a phone. */
async function buy(anna) {
  const shop = await Shop.open(system);
  await shop.promo("ЗИМА20", 20);
  await anna.press("Тарифы");
  await anna.isAsked("Программа на 12 недель");
  await anna.press("Купить: Программа на 12 недель");
  await anna.isAsked("Добавим к заказу");
  await anna.press("Нет, только это");
  await anna.isAsked("Ваш заказ");
  await anna.press("У меня есть промокод");
  await anna.isAsked("Пришлите промокод");
  await anna.type("зима20");
  await anna.isAsked("Промокод принят");
  await anna.press(`Оплатить ${sum(3992)}`);
  await anna.isAsked("Как удобнее оплатить?");
  await anna.press("ЮKassa");
  await anna.isAsked("К оплате");
  const bank = new BankPage(await anna.follow(`Оплатить ${sum(3992)}`));
  await bank.isOpen();
  await bank.pay();
  await bank.ended();
  await bank.tab.close();
  await anna.getsDocument({ already: 1 });
  await anna.page.setViewportSize({ width: 600, height: 840 });
  await anna.page.mouse.move(0, 0);
  return anna.page.screenshot({ animations: "disabled" });
}

/** The page of an order in English, before it is paid. */
async function orderPage() {
  const shop = await Shop.open(system);
  const client = await shop.client("John Smith", { language: "en" });
  await shop.promo("WINTER20", 20);
  const order = await shop.order(client, ["program_12w", "nutrition"], { promo: "WINTER20" });
  const window = await browser.window(system, { width: 600, height: 840, language: "en" });
  const page = await OrderPage.open(window, order.checkout_url, "en");
  await page.says("Pay for your order");
  return page.tab.screenshot();
}

async function sideBySide(...pictures) {
  const page = await browser.chromium.newPage({ viewport: { width: 1200, height: 840 } });
  const images = pictures.map((one) => `<img src="data:image/png;base64,${one.toString("base64")}">`).join("");
  await page.setContent(`<style>body{margin:0;display:flex;gap:2px;background:#c8d0d4}img{width:599px}</style>${images}`);
  await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode())));
  return page.screenshot({ fullPage: true });
}

async function keep(name, picture) {
  if (picture.length > MOST_BYTES) throw new Error(`${name} has ${picture.length} bytes, more than ${MOST_BYTES}`);
  const file = path.join(IMAGES, name);
  await writeFile(file, picture);
  console.log(`${path.relative(process.cwd(), file)}: ${(await stat(file)).size} bytes`);
}
