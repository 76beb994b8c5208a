// One headless Chromium for a test file, and the chat page in it.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

import { Chat } from "./chat.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

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
    page.on("pageerror", (error) => page.problems.push(`an error on the page: ${error.message}`));
    page.on("request", (request) => {
      // Chromium's own PDF viewer asks itself by other schemes.
      if (/^(https?|wss?):/.test(request.url()) && !request.url().startsWith(system.sandbox)) {
        page.problems.push(`the page asked a foreign host: ${request.url()}`);
      }
    });
    const address = new URL("/telegram", system.sandbox);
    address.searchParams.set("as", String(as));
    address.searchParams.set("lang", language);
    if (start !== undefined) address.searchParams.set("start", start);
    await page.goto(address.toString());
    const chat = new Chat(page, as);
    await chat.isOpen();
    return chat;
  }

  pages() {
    return this.chromium.contexts().flatMap((context) => context.pages());
  }

  close() {
    return this.chromium.close();
  }
}
