// A bill in somebody's chat, and the sheet on which Telegram lets them pay it.

import { PATIENCE_MS } from "./until.mjs";

export class PaySheet {
  constructor(chat) {
    this.chat = chat;
    this.bill = chat.root.getByTestId("bill").last();
    this.sheet = chat.page.getByTestId("pay-sheet");
  }

  /** What stands on the newest bill, once there is one that says `text`. */
  async isBilled(text) {
    await this.bill.filter({ hasText: text }).waitFor({ timeout: PATIENCE_MS });
    return this.bill.innerText();
  }

  /** Presses the bill's own button. */
  async open(label) {
    await this.chat.press(label);
    await this.sheet.waitFor({ timeout: PATIENCE_MS });
    return this.sheet.innerText();
  }

  async pay() {
    await this.sheet.getByTestId("pay-sheet-pay").click();
  }

  /** Waits until the sheet tells how it went. */
  async says(text) {
    await this.sheet.getByRole("status").filter({ hasText: text }).waitFor({ timeout: PATIENCE_MS });
  }

  async close() {
    await this.sheet.getByTestId("pay-sheet-close").click();
    await this.sheet.waitFor({ state: "hidden", timeout: PATIENCE_MS });
  }
}
