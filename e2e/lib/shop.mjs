// What the owner does around a purchase: products, codes, orders and settings before it, the books after it.

import assert from "node:assert/strict";

import { Crm } from "./crm.mjs";

const RUB = "RUB";
export const rub = (roubles) => ({ amount_minor: roubles * 100, currency: RUB });
/** A sum as it is written in a language; digits are grouped by a no-break space in Russian. */
export const sum = (roubles, language = "ru") => (language === "ru"
  ? `${String(roubles).replace(/\B(?=(\d{3})+$)/g, "\u00a0")}\u00a0₽`
  : `₽${String(roubles).replace(/\B(?=(\d{3})+$)/g, ",")}`);

export class Shop {
  static async open(system) {
    const shop = new Shop();
    shop.system = system;
    shop.crm = await Crm.signIn(system);
    return shop;
  }

  /** The id of what is sold under `code`. */
  async product(code) {
    const found = (await this.crm.get("/api/products")).items.find((one) => one.code === code);
    assert.ok(found, `«${code}» is sold`);
    return found.id;
  }

  sell(product) {
    return this.crm.change("POST", "/api/products", product);
  }

  /** A code that takes `percent` off; `terms` narrows it. */
  promo(code, percent, terms = {}) {
    return this.crm.change("POST", "/api/promocodes", { code, terms: { discount: { type: "percent", basis_points: percent * 100 }, ...terms } });
  }

  async settings(change) {
    const { version, configured_providers: _, ...settings } = await this.crm.get("/api/settings/payments");
    return this.crm.change("PUT", "/api/settings/payments", { ...settings, ...change }, version);
  }

  async client(name, rest = {}) {
    return (await this.crm.change("POST", "/api/clients", { name, ...rest })).id;
  }

  /** An order that waits for its payment; `codes` of products, `{ code, quantity }` for several months. */
  async order(client, codes, { promo } = {}) {
    const items = await Promise.all(codes.map(async (one) => ({ product_id: await this.product(one.code ?? one), quantity: one.quantity ?? 1 })));
    return this.crm.change("POST", "/api/orders", { client_id: client, items, promo_code: promo });
  }

  find(order) {
    return this.crm.get(`/api/orders/${order.id ?? order}`);
  }

  async orders(client) {
    return (await this.crm.get(`/api/orders?client=${client}`)).items;
  }

  refund(payment, reason, roubles) {
    return this.crm.change("POST", `/api/payments/${payment.id}/refund`, { reason, ...(roubles ? { amount: rub(roubles) } : {}) });
  }

  /** Every account together makes zero, nobody owes anybody anything unsaid, and the doctor finds nothing. */
  async booksAreRight() {
    const balance = await this.crm.get("/api/ledger/trial-balance");
    assert.ok(balance.is_balanced, JSON.stringify(balance));
    assert.ok(balance.totals.every((one) => one.amount_minor === 0), JSON.stringify(balance.totals));
    const report = await this.system.doctor();
    for (const line of ["ok      books", "ok      ledger"]) assert.ok(report.includes(line), report);
  }
}
