// The sandbox's own switches, as its other pages use them.

import { until } from "./until.mjs";

export class Sandbox {
  constructor(base) {
    this.base = base;
  }

  async #call(method, path, body) {
    const response = await fetch(this.base + path, {
      method,
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  faults(change) {
    return this.#call("PUT", "/sandbox/faults", change);
  }

  noFaults() {
    return this.faults({ reset: true });
  }

  newPerson(person) {
    return this.#call("POST", "/sandbox/telegram/users", person);
  }

  chat(userId) {
    return this.#call("GET", `/sandbox/telegram/chats/${userId}`);
  }

  write(userId, text) {
    return this.#call("POST", `/sandbox/telegram/chats/${userId}/messages`, { text });
  }

  /** Presses a button by its data, also one that the message shows no longer. */
  press(userId, messageId, data) {
    return this.#call("POST", `/sandbox/telegram/chats/${userId}/callbacks`, { message_id: messageId, data, force: true });
  }

  repeatUpdates(count) {
    return this.#call("POST", "/sandbox/telegram/updates/repeat", { count });
  }

  advanceClock(ms) {
    return this.#call("POST", "/sandbox/clock", { action: "advance", ms });
  }

  /** Puts a wrong value into the first row of a tab of the demo spreadsheet; `column` is the header's name. */
  async spoilSheet(gid, column, value) {
    const address = `${this.base}/sandbox/sheets/1VoronkaTemplatesDemo0000000001/${gid}`;
    const lines = (await (await fetch(address)).text()).split("\n");
    const at = lines[0].split(",").indexOf(column);
    const cells = lines[1].split(",");
    cells[at] = value;
    lines[1] = cells.join(",");
    const response = await fetch(address, { method: "PUT", body: lines.join("\n") });
    if (!response.ok) throw new Error(`the sheet cannot be changed: ${response.status} ${await response.text()}`);
  }

  mendSheet(gid) {
    return this.#call("POST", `/sandbox/sheets/1VoronkaTemplatesDemo0000000001/${gid}/reset`);
  }

  /** What a bank ("yookassa" or "tbank") knows of its payments, oldest first. */
  payments(bank) {
    return this.#call("GET", `/sandbox/banks/${bank}/payments`);
  }

  /** The tax receipts a bank was given, oldest first. */
  receipts(bank) {
    return this.#call("GET", `/sandbox/banks/${bank}/receipts`);
  }

  llmRequests() {
    return this.#call("GET", "/sandbox/llm/requests");
  }

  /** Bot API calls, oldest first. */
  botCalls(limit = 500) {
    return this.#call("GET", `/sandbox/telegram/requests?limit=${limit}`);
  }

  async connected() {
    await until("the bot to be connected", async () => (await this.#call("GET", "/sandbox/telegram/state")).connected !== "none");
  }
}
