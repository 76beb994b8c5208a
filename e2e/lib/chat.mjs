// One person's chat on the chat page, used the way a person uses it: by what is written on the screen.

import { Conversation } from "./conversation.mjs";
import { PATIENCE_MS } from "./until.mjs";

export class Chat extends Conversation {
  constructor(page, userId) {
    super(userId);
    this.page = page;
    this.root = page.getByTestId(`chat-${userId}`);
  }

  /** Another chat that stands on the same page. */
  beside(userId) {
    return new Chat(this.page, userId);
  }

  async isOpen() {
    await this.root.locator('.log[aria-busy="false"]').waitFor({ timeout: PATIENCE_MS });
  }

  /** The messages as they are shown now, oldest first. */
  messages() {
    return this.root.evaluate((root) => [...root.querySelectorAll('[data-testid^="message-"][data-from]')].map((node) => ({
      id: node.dataset.testid.slice("message-".length),
      from: node.dataset.from,
      kind: node.dataset.kind,
      text: node.querySelector(".text")?.innerText ?? "",
      buttons: [...node.querySelectorAll('[data-testid="inline-button"]')].map((button) => button.dataset.button),
      document: node.querySelector(".document b")?.textContent ?? null,
    })));
  }

  button(label) {
    return this.root.locator(`[data-testid="inline-button"][data-button="${label}"]`).last();
  }

  /** Among several tabs only the one in front is drawn without delay. */
  async press(label) {
    await this.page.bringToFront();
    await this.button(label).click({ timeout: PATIENCE_MS });
  }

  /** Presses a button that leads out of the chat; returns the tab it opens. */
  async follow(label) {
    const [tab] = await Promise.all([this.page.context().waitForEvent("page", { timeout: PATIENCE_MS }), this.press(label)]);
    return tab;
  }

  async type(text) {
    await this.page.bringToFront();
    await this.root.getByTestId("composer").fill(text);
    await this.root.getByTestId("send").click();
  }

  async pressStart() {
    await this.root.getByTestId("start").click();
  }

  /** The bot's own keyboard under the text field. */
  async pressKeyboard(label) {
    await this.root.locator(`[data-testid="reply-button"][data-button="${label}"]`).click();
  }

  /** Runs a command from the list that the page's menu button opens. */
  async command(name) {
    await this.page.bringToFront();
    await this.root.getByTestId("commands").click();
    await this.root.getByTestId(`command-${name}`).click();
  }

  /** kind: photo, voice, sticker, document or contact. */
  async attach(kind) {
    await this.root.getByTestId("attach").click();
    await this.page.getByTestId(`attach-${kind}`).click();
  }

  async #messageMenu(message, item) {
    const node = this.root.getByTestId(`message-${message.id}`);
    await node.hover();
    await node.getByTestId("message-menu").click();
    await this.page.getByTestId(item).click();
  }

  /** Answers a message by Telegram's "reply". */
  async replyTo(message, text) {
    await this.#messageMenu(message, "menu-reply");
    await this.type(text);
  }

  async edit(message, text) {
    await this.#messageMenu(message, "menu-edit");
    await this.type(text);
  }

  async #chatMenu(item) {
    await this.root.getByTestId("chat-menu").click();
    await this.page.getByTestId(item).click();
  }

  async block() {
    await this.#chatMenu("block");
    await this.page.getByTestId("confirm").click();
    await this.root.getByTestId("unblock").waitFor();
  }

  async unblock() {
    await this.root.getByTestId("unblock").click();
    await this.root.getByTestId("composer").waitFor();
  }

  async openLink(link) {
    await this.#chatMenu("open-link");
    await this.page.getByTestId("payload").fill(link);
    await this.page.getByTestId("submit").click();
    await this.pressStart();
  }

  /** Presses "download" under a document and returns the bytes' path and the name the browser would save it under. */
  async download(message) {
    const [download] = await Promise.all([
      this.page.waitForEvent("download"),
      this.root.getByTestId(`message-${message.id}`).getByTestId("document-download").click(),
    ]);
    return { path: await download.path(), name: download.suggestedFilename() };
  }

  /** The notice that the page shows for a moment over this chat. */
  async sawToast(text) {
    await this.root.getByTestId("toast").filter({ hasText: text }).first().waitFor({ timeout: PATIENCE_MS });
  }
}
