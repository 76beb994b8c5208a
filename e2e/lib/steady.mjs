// The CRM API for somebody who goes on asking while it is killed and started again: a request is repeated under its own
// Idempotency-Key until it has an answer.

import { setTimeout as pause } from "node:timers/promises";
import { randomUUID } from "node:crypto";

const GIVE_UP_MS = 60_000;
const TRY_AGAIN_MS = 60;
const PAGE = 200;

export class Steady {
  /** How many requests had to be repeated. */
  repeated = 0;

  constructor(base) {
    this.base = base;
  }

  static async signIn(base, password) {
    const api = new Steady(base);
    const response = await api.ask("POST", "/api/auth/sign-in", { body: { email: "admin@voronka.local", password } });
    api.csrf = (await response.json()).csrf_token;
    api.cookie = response.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
    return api;
  }

  /** The first answer that is one: not a cut connection, not a 5xx, not "the same request is being worked on". */
  async ask(method, path, { body, headers = {} } = {}) {
    const deadline = Date.now() + GIVE_UP_MS;
    const sent = {
      method,
      redirect: "manual",
      headers: {
        ...(this.cookie ? { cookie: this.cookie, "x-csrf-token": this.csrf } : {}),
        ...(body === undefined || body instanceof URLSearchParams ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined || body instanceof URLSearchParams ? body : JSON.stringify(body),
    };
    for (;;) {
      let seen;
      try {
        const response = await fetch(this.base + path, sent);
        const isBusy = response.status === 409 && (await response.clone().text()).includes("request_in_progress");
        if (response.status < 500 && response.status !== 429 && !isBusy) {
          // An answer counts when all of it is here.
          const text = await response.clone().text();
          return Object.assign(response, { whole: text });
        }
        seen = `${response.status} ${await response.text()}`;
      } catch (error) {
        seen = error.message;
      }
      if (Date.now() > deadline) throw new Error(`${method} ${path} has no answer for ${GIVE_UP_MS / 1000} s: ${seen}`);
      this.repeated += 1;
      await pause(TRY_AGAIN_MS);
    }
  }

  async get(path) {
    const response = await this.ask("GET", path);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${response.whole}`);
    return response.json();
  }

  /** Every item of a list. */
  async all(path) {
    const items = [];
    let cursor = "";
    do {
      const page = await this.get(`${path}${path.includes("?") ? "&" : "?"}limit=${PAGE}${cursor}`);
      items.push(...page.items);
      cursor = page.next_cursor ? `&cursor=${encodeURIComponent(page.next_cursor)}` : null;
    } while (cursor);
    return items;
  }

  /** Returns `{ status, body }`; a 409 `answer_lost` says that it was done and nobody remembers the answer. */
  async post(path, body) {
    const response = await this.ask("POST", path, { body, headers: { "idempotency-key": randomUUID() } });
    return { status: response.status, body: response.whole ? JSON.parse(response.whole) : null };
  }

  async put(path, body, version) {
    const response = await this.ask("PUT", path, { body, headers: { "if-match": `"${version}"` } });
    if (!response.ok) throw new Error(`PUT ${path}: ${response.status} ${response.whole}`);
    return response.json();
  }
}
