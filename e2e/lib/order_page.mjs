// `/checkout/{order}` as a payer sees it: by its headings, its words and its labels.

import { PATIENCE_MS } from "./until.mjs";

const WORDS = {
  ru: { code: "Промокод", haveCode: "У меня есть промокод", apply: "Применить", contact: "Почта или телефон", accept: /Принимаю условия/, pay: /^Оплатить/, yookassa: /ЮKassa/, tbank: /Т-Банк/, other: "Промокод или другой способ оплаты", again: "Заказать ещё раз" },
  en: { code: "Promo code", haveCode: "I have a promo code", apply: "Apply", contact: "E-mail or phone", accept: /I accept the/, pay: /^Pay/, yookassa: /YooKassa/, tbank: /T-Bank/, other: "Promo code or another way to pay", again: "Order again" },
};

export class OrderPage {
  constructor(tab, language = "ru") {
    this.tab = tab;
    this.say = WORDS[language];
  }

  /** `address`: the order's own, whatever language its page is wanted in. */
  static async open(window, address, language = "ru") {
    const page = new OrderPage(await window.newPage(), language);
    await page.tab.goto(`${address}?lang=${language}`);
    return page;
  }

  /** Waits for the page's heading, over however many reloads of its own. */
  async says(heading) {
    await this.tab.getByRole("heading", { level: 1, name: heading }).waitFor({ timeout: PATIENCE_MS });
  }

  async shows(words) {
    await this.tab.getByText(words).first().waitFor({ timeout: PATIENCE_MS });
  }

  async enterCode(code) {
    const field = this.tab.getByRole("textbox", { name: this.say.code, exact: true });
    // Folded away until somebody has one; open again after a refusal.
    if (!(await field.isVisible())) await this.tab.getByText(this.say.haveCode).click();
    await field.fill(code);
    await this.tab.getByRole("button", { name: this.say.apply }).click();
  }

  /** Fills in whatever the page still asks for, and goes on to the bank. */
  async fill({ contact, provider, accept = true }) {
    if (contact !== undefined) await this.tab.getByRole("textbox", { name: this.say.contact }).fill(contact);
    if (provider) await this.tab.getByRole("radio", { name: this.say[provider] }).check();
    const offer = this.tab.getByRole("checkbox", { name: this.say.accept });
    if (accept && (await offer.count())) await offer.check();
  }

  async pay() {
    await this.tab.getByRole("button", { name: this.say.pay }).click();
  }

  async press(name) {
    await this.tab.getByRole("button", { name }).click();
  }

  /** What assistive technology is told of the main part. */
  snapshot() {
    return this.tab.locator("main").ariaSnapshot();
  }
}
