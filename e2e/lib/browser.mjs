// One headless Chromium for a test file, with the chat page and windows on the product's own pages.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

import { Chat } from "./chat.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Writes into `problems` what no page of ours may do: throw, or ask anybody but `origins`. */
function watch(page, origins, problems) {
  page.on("pageerror", (error) => problems.push(`an error on ${page.url()}: ${error.message}`));
  page.on("request", (request) => {
    // Chromium's own PDF viewer asks itself by other schemes.
    if (/^(https?|wss?):/.test(request.url()) && !origins.includes(new URL(request.url()).origin)) {
      problems.push(`${page.url()} asked a foreign host: ${request.url()}`);
    }
  });
}

function chromiumPath() {
  const found = process.env.CHROMIUM_PATH || "/usr/bin/chromium";
  if (existsSync(found)) return found;
  try {
    return execFileSync("sh", ["-c", "command -v chromium || command -v chromium-browser || command -v google-chrome"], { encoding: "utf8" }).trim();
  } catch {
    throw new Error(`there is no Chromium at ${found}: install it (apt-get install chromium) or name yours in CHROMIUM_PATH`);
  }
}

export class Browser {
  static async open() {
    const browser = new Browser();
    browser.chromium = await chromium.launch({ executablePath: chromiumPath(), args: FLAGS });
    return browser;
  }

  /**
   * The chat page of `system`, with one person's chat in view. `start` is a deep link's payload; `language` is the page's.
   * A wide window shows the client and the trainer beside each other; `phone` is a small screen that is touched.
   */
  async chatPage(system, { as, start, language = "ru", phone = false, dark = false, width = 1500, height = 950, scale = 1 }) {
    const screen = phone ? PHONE : { viewport: { width, height }, deviceScaleFactor: scale };
    const context = await this.chromium.newContext({ ...screen, colorScheme: dark ? "dark" : "light", acceptDownloads: true });
    const page = await context.newPage();
    page.problems = [];
    watch(page, [system.sandbox], page.problems);
    // A button may open the product's page in a tab of its own.
    context.on("page", (other) => watch(other, [system.sandbox, system.api], page.problems));
    const address = new URL("/telegram", system.sandbox);
    address.searchParams.set("as", String(as));
    address.searchParams.set("lang", language);
    if (start !== undefined) address.searchParams.set("start", start);
    await page.goto(address.toString());
    const chat = new Chat(page, as);
    await chat.isOpen();
    return chat;
  }

  /**
   * A window on the product's own pages and on those they lead to; each tab's problems are in `window.problems`.
   * `script: false` is a browser that runs none; `language` is what it asks for.
   */
  async window(system, { width = 1280, height = 900, dark = false, script = true, language = "ru", scale = 1 } = {}) {
    const window = await this.chromium.newContext({
      viewport: { width, height }, colorScheme: dark ? "dark" : "light", javaScriptEnabled: script, locale: language, deviceScaleFactor: scale, acceptDownloads: true,
    });
    window.problems = [];
    window.on("page", (page) => watch(page, [system.sandbox, system.api], window.problems));
    return window;
  }

  pages() {
    return this.chromium.contexts().flatMap((context) => context.pages());
  }

  close() {
    return this.chromium.close();
  }
}
