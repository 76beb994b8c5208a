// The hosted page of a played bank, used by a payer.

import { PATIENCE_MS } from "./until.mjs";

export class BankPage {
  constructor(tab) {
    this.tab = tab;
  }

  async isOpen() {
    await this.tab.getByTestId("amount").waitFor({ timeout: PATIENCE_MS });
    return (await this.tab.getByTestId("amount").textContent()).replaceAll("\u00a0", " ");
  }

  /** `outcome`: "success", or a reason of YooKassa or code of T-Bank to be declined with. */
  async pay(outcome = "success") {
    await this.tab.bringToFront();
    await this.tab.getByTestId("outcome").selectOption(outcome);
    await this.tab.getByTestId("pay").click();
  }

  /** How it ended: "succeeded", "failed" or "expired". */
  async ended() {
    const result = this.tab.getByTestId("result");
    await result.waitFor({ timeout: PATIENCE_MS });
    return result.getAttribute("data-state");
  }

  /** T-Bank lets a payer try again on the same page. */
  async isDeclined() {
    await this.tab.getByTestId("try-failed").waitFor({ timeout: PATIENCE_MS });
  }

  async goBack() {
    await this.tab.getByTestId("return").click();
  }
}
