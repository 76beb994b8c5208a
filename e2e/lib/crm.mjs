// The CRM API as an administrator's program uses it.

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

const TRIES = 100;
const PAUSE_MS = 100;

export class Crm {
  constructor(base) {
    this.base = base;
  }

  static async signIn(system) {
    const crm = new Crm(system.api);
    const response = await fetch(`${crm.base}/api/auth/sign-in`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email: "admin@voronka.local", password: system.adminPassword }),
    });
    if (!response.ok) throw new Error(`the printed password does not open the door: ${response.status} ${await response.text()}`);
    crm.csrf = (await response.clone().json()).csrf_token;
    crm.cookie = response.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
    return crm;
  }

  async #ask(path) {
    const response = await this.#knock(path);
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** A connection that was refused is tried again: the API may have been killed by the test and be on its way back. */
  async #knock(path) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await fetch(this.base + path, { headers: { cookie: this.cookie } });
      } catch (error) {
        if (tries === TRIES) throw error;
        await pause(PAUSE_MS);
      }
    }
  }

  async get(path) {
    return (await this.#ask(path)).json();
  }

  /** Changes something; returns the answer's status. */
  async post(path, body) {
    this.csrf ??= (await this.get("/api/auth/me")).csrf_token;
    const response = await fetch(this.base + path, {
      method: "POST",
      headers: { cookie: this.cookie, "x-csrf-token": this.csrf, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return response.status;
  }

  /** Writes: `version` is what `If-Match` names; a POST has a key of its own. Returns the body, or null where there is none. */
  async change(method, path, body, version) {
    const headers = { cookie: this.cookie, "x-csrf-token": this.csrf, "content-type": "application/json" };
    if (method === "POST") headers["idempotency-key"] = randomUUID();
    if (version !== undefined) headers["if-match"] = `"${version}"`;
    const response = await fetch(this.base + path, { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  async download(path) {
    const response = await this.#ask(path);
    return { type: response.headers.get("content-type"), bytes: Buffer.from(await response.arrayBuffer()) };
  }

  /** Everyone with this name or username; at most a page. */
  async clients(query) {
    return (await this.get(`/api/clients?q=${encodeURIComponent(query)}`)).items;
  }

  /** Pages through to the end, newest first. */
  async timeline(clientId) {
    const entries = [];
    let cursor = "";
    do {
      const page = await this.get(`/api/clients/${clientId}/timeline?limit=200${cursor}`);
      entries.push(...page.items);
      cursor = page.next_cursor ? `&cursor=${encodeURIComponent(page.next_cursor)}` : null;
    } while (cursor);
    return entries;
  }
}
