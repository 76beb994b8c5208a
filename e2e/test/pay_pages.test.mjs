// The pay pages of the played banks, in a browser: on a phone, by keyboard, in both languages, with every ending.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import path from "node:path";
import { after, before, describe, it } from "node:test";

import { Browser } from "../lib/browser.mjs";
import { BIN_DIR, freePort } from "../lib/system.mjs";
import { until } from "../lib/until.mjs";

const SHOP = `Basic ${Buffer.from("100500:test_SANDBOX-demo-secret").toString("base64")}`;
const TERMINAL = { key: "1699999999999DEMO", password: "SANDBOX-demo-password" };

describe("the pay pages of the sandbox", { timeout: 120_000 }, () => {
  let base;
  let sandbox;
  let browser;
  let number = 0;
  const problems = [];

  before(async () => {
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    sandbox = spawn(path.join(BIN_DIR, "sandbox"), { env: { SANDBOX_ADDR: `127.0.0.1:${port}`, SANDBOX_SMTP_ADDR: "0" }, stdio: "ignore" });
    await until("the sandbox", () => fetch(`${base}/healthz`).then((answer) => answer.ok, () => false));
    browser = await Browser.open();
  });
  after(async () => {
    await browser?.close();
    sandbox?.kill();
  });

  async function yookassa(patch = {}) {
    const body = {
      amount: { value: "4990.00", currency: "RUB" }, capture: true, description: "Программа «Сильная спина»",
      confirmation: { type: "redirect", return_url: `${base}/healthz?back=1` }, merchant_customer_id: "tg-1", ...patch,
    };
    const headers = { authorization: SHOP, "content-type": "application/json", "idempotence-key": `k${number++}` };
    const answer = await (await fetch(`${base}/yookassa/v3/payments`, { method: "POST", headers, body: JSON.stringify(body) })).json();
    return answer.confirmation.confirmation_url;
  }

  async function tbank() {
    const fields = { TerminalKey: TERMINAL.key, Amount: 499000, OrderId: `o${number++}`, SuccessURL: `${base}/healthz?ok=1`, FailURL: `${base}/healthz?code=\${ErrorCode}` };
    const signed = { ...fields, Password: TERMINAL.password };
    const joined = Object.keys(signed).sort().map((key) => String(signed[key])).join("");
    const body = JSON.stringify({ ...fields, Token: createHash("sha256").update(joined).digest("hex") });
    const answer = await (await fetch(`${base}/tbank/v2/Init`, { method: "POST", headers: { "content-type": "application/json" }, body })).json();
    return answer.PaymentURL;
  }

  async function open(url, { dark = false, width = 390 } = {}) {
    const context = await browser.chromium.newContext({ viewport: { width, height: 844 }, colorScheme: dark ? "dark" : "light" });
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(url);
    await page.getByTestId("amount").waitFor();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing stands out of the screen");
    return page;
  }

  async function ended(page) {
    const result = page.getByTestId("result");
    await result.waitFor();
    return [await result.getAttribute("data-state"), await result.getAttribute("data-reason")];
  }

  it("a card is typed by keyboard alone, with its code, and the payer returns", async () => {
    const page = await open(await yookassa({ save_payment_method: true }));
    await page.getByTestId("pay").press("Enter");
    await page.getByTestId("problem").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), "number", "the focus goes where the slip is");
    for (const [text, key] of [["4793128161644804", "Tab"], ["1230", "Tab"], ["123", "Enter"]]) {
      await page.keyboard.type(text);
      await page.keyboard.press(key);
    }
    await page.getByTestId("code").fill("1234");
    await page.keyboard.press("Enter");
    assert.deepEqual(await ended(page), ["succeeded", null]);
    await page.getByTestId("return").click();
    await page.waitForURL(/healthz\?back=1/);
  });

  it("the saved card pays with one press, in the dark and in English", async () => {
    const page = await open(`${await yookassa()}&lang=en`, { dark: true });
    assert.match(await page.getByTestId("pay").textContent(), /Pay/);
    await page.getByTestId("pay").click();
    assert.deepEqual(await ended(page), ["succeeded", null]);
  });

  it("each ending can be chosen: declined, expired, left", async () => {
    let page = await open(await yookassa({ merchant_customer_id: "tg-2" }), { width: 320 });
    const outcomes = await page.getByTestId("outcome").locator("option").evaluateAll((all) => all.map((one) => one.value).filter(Boolean));
    for (const reason of outcomes.filter((one) => !["success", "three_ds"].includes(one))) {
      page = await open(await yookassa({ merchant_customer_id: "tg-2" }));
      await page.getByTestId("outcome").selectOption(reason);
      await page.getByTestId("pay").click();
      assert.deepEqual(await ended(page), ["failed", reason.split(".")[0]]);
      await page.context().close();
    }
    page = await open(await yookassa());
    await page.getByTestId("expire").click();
    assert.equal((await ended(page))[0], "expired");
    page = await open(await yookassa());
    await page.getByTestId("abandon").click();
    await page.waitForURL(/healthz/);
  });

  it("T-Bank lets the payer try again and sends them back by itself", async () => {
    let page = await open(await tbank());
    await page.getByTestId("outcome").selectOption("1051");
    await page.getByTestId("pay").click();
    await page.getByTestId("try-failed").waitFor();
    await page.getByTestId("outcome").selectOption("three_ds");
    await page.getByTestId("pay").click();
    await page.getByTestId("code").fill("1qwezxc");
    await page.keyboard.press("Enter");
    await page.waitForURL(/healthz\?ok=1/);

    page = await open(await tbank());
    for (let tries = 0; tries < 3; tries += 1) {
      await page.getByTestId("outcome").selectOption("1054");
      await page.getByTestId("pay").click();
      if (tries < 2) await page.getByText(`Осталось попыток: ${2 - tries}.`).waitFor();
    }
    await page.waitForURL(/healthz\?code=1054/);
  });

  it("the cabinet shows the money and pays by hand", async () => {
    const url = await yookassa();
    const id = new URL(url).searchParams.get("orderId");
    const context = await browser.chromium.newContext({ viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(`${base}/banks`);
    await page.getByTestId(`pay-${id}`).click();
    await page.getByTestId(`notify-${id}`).waitFor();
    await page.getByTestId(`refund-${id}`).click();
    await page.getByTestId(`refund-${id}`).waitFor({ state: "detached" });
    assert.deepEqual(problems, []);
  });
});
