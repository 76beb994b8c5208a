// What somebody sees of the bot, whether on the chat page (`Chat`) or on a phone without a screen (`Person`).
//
// A message: { id, from: "bot"|"user", kind, text, buttons: [label], document: null|file name }.

import { until } from "./until.mjs";

const SHOWN_MESSAGES = 8;

export class Conversation {
  constructor(userId) {
    this.userId = userId;
  }

  async transcript() {
    const lines = (await this.messages()).slice(-SHOWN_MESSAGES).map((one) =>
      `  ${one.from === "user" ? ">" : "<"} ${one.text.replaceAll("\n", " ⏎ ")}${one.document ? ` [${one.document}]` : ""}${one.buttons.length ? ` {${one.buttons.join(" | ")}}` : ""}`);
    return `the chat of ${this.userId} ends with:\n${lines.join("\n")}`;
  }

  /** Waits until `holds(messages)`; returns what it returned. */
  until(what, holds, { within_ms } = {}) {
    return until(what, async () => holds(await this.messages()), { within_ms, context: () => this.transcript() });
  }

  /** Waits for a message of the bot's that says `text` (a part of it, or a pattern), after the message `after`. */
  hears(text, { after = null, within_ms } = {}) {
    return this.until(`the bot to say ${text}`, (all) => {
      const begin = after ? all.findIndex((one) => one.id === after.id) + 1 : 0;
      return all.slice(begin).findLast((one) => one.from === "bot" && says(one, text));
    }, { within_ms });
  }

  /** Waits until the last message with buttons says `text`: that is where the client is now. */
  isAsked(text, { within_ms } = {}) {
    return this.until(`the step «${text}»`, (all) => {
      const step = all.findLast((one) => one.buttons.length > 0);
      return step && says(step, text) && step;
    }, { within_ms });
  }

  /** Waits for one more document than `already`; returns its message. */
  getsDocument({ already = 0, within_ms } = {}) {
    return this.until("a document", (all) => all.filter((one) => one.from === "bot" && one.document)[already], { within_ms });
  }

  async last() {
    return (await this.messages()).at(-1);
  }

  async documents() {
    return (await this.messages()).filter((one) => one.from === "bot" && one.document);
  }
}

export function says(message, text) {
  return text instanceof RegExp ? text.test(message.text) : message.text.includes(text);
}
