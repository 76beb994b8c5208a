// Photos, voice messages and files go both ways as they are.

import assert from "node:assert/strict";

import { words } from "../lib/funnel.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, TRAINER_ID } from "../lib/system.mjs";

const SAY = words("ru");

story("attachments reach the other side", { env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
  let anna;
  let trainer;

  step("the client's photo and voice message stand in the trainer's chat, each with its card", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    anna = await world.browser.chatPage(world.system, { as: ANNA_ID });
    trainer = anna.beside(TRAINER_ID);
    await trainer.pressStart();
    await anna.pressStart();
    await anna.isAsked(SAY.menu);
    await anna.attach("photo");
    await anna.hears("Передал ваше сообщение");
    await trainer.until("the photo with its card and a button", (all) => all.find((one) => one.from === "bot" && one.kind === "photo" && one.text.includes("Анна") && one.buttons.includes("Ответить")));
    await anna.attach("voice");
    await trainer.until("the voice message", (all) => all.find((one) => one.from === "bot" && one.kind === "voice"));
    const said = (await anna.messages()).filter((one) => one.text.includes("Передал"));
    assert.equal(said.length, 1, "it is said once, not for each attachment");
  });

  step("the trainer's file reaches the client", async () => {
    await trainer.press("Ответить");
    await trainer.hears("Напишите ответ для Анна");
    await trainer.attach("document");
    await trainer.hears("Отправлено: Анна");
    await anna.until("the trainer's file", (all) => all.find((one) => one.from === "bot" && one.kind === "document" && one.text.includes("Ольга")));
  });
});
