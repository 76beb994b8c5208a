// Somebody with Telegram whom nobody watches: the same steps as on the chat page, without a browser, so that many people
// can walk at once.

import { writeFile } from "node:fs/promises";

import { Conversation } from "./conversation.mjs";
import { until } from "./until.mjs";

export class Person extends Conversation {
  constructor(sandbox, userId) {
    super(userId);
    this.sandbox = sandbox;
  }

  static async arrive(sandbox, { first_name, language_code = "ru" }) {
    return new Person(sandbox, (await sandbox.newPerson({ first_name, language_code })).id);
  }

  async messages() {
    const { messages } = await this.sandbox.chat(this.userId);
    return messages.filter((one) => !one.deleted).map((one) => ({
      id: String(one.message_id),
      from: one.from,
      kind: one.kind,
      text: one.document ? plainText(one.caption_html) : one.text,
      buttons: (one.inline_keyboard ?? []).flat().map((button) => button.text),
      data: Object.fromEntries((one.inline_keyboard ?? []).flat().map((button) => [button.text, button.data])),
      document: one.document?.file_name ?? null,
      fileId: one.document?.file_id ?? null,
    }));
  }

  async press(label) {
    const message = await until(`a button «${label}»`, async () => (await this.messages()).findLast((one) => one.buttons.includes(label)), { context: () => this.transcript() });
    await this.sandbox.press(this.userId, Number(message.id), message.data[label]);
  }

  async type(text) {
    await this.sandbox.write(this.userId, text);
  }

  async pressStart() {
    await this.type("/start");
  }

  async saveDocument(message, file) {
    const response = await fetch(`${this.sandbox.base}/sandbox/telegram/files/${message.fileId}`);
    if (!response.ok) throw new Error(`the document of ${this.userId} does not open: ${response.status}`);
    await writeFile(file, Buffer.from(await response.arrayBuffer()));
    return file;
  }
}

function plainText(html) {
  return (html ?? "").replaceAll(/<[^>]*>/g, "");
}
