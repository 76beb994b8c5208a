// A health answer that a person has to look at first.

import assert from "node:assert/strict";

import { Crm } from "../lib/crm.mjs";
import { answerAll, reachQuestions, words } from "../lib/funnel.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, TRAINER_ID } from "../lib/system.mjs";

const SAY = words("ru");

story("a red flag in the health screen", { env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
  let anna;
  let trainer;

  step("«Да, есть» brings an honest word and no programme", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    anna = await world.browser.chatPage(world.system, { as: ANNA_ID });
    trainer = anna.beside(TRAINER_ID);
    await trainer.pressStart();
    await reachQuestions(anna);
    await answerAll(anna, "ru", { health: { press: ["Да, есть"] } });
    await anna.press(SAY.confirm);
    await anna.hears("Спасибо за честный ответ, Анна");
    assert.equal((await anna.documents()).length, 0);
  });

  step("the trainer sees the answers and the flag, with a button to go on", async () => {
    await trainer.hears("Анкета заполнена: Анна");
    const flag = await trainer.hears("Нужен тренер: Анна");
    assert.deepEqual(flag.buttons, ["Ответить", "Собрать программу"]);
    const crm = await Crm.signIn(world.system);
    const [client] = await crm.clients("анна");
    assert.equal(client.needs_trainer, true);
    assert.equal((await crm.get(`/api/programs?client=${client.id}`)).items.length, 0, "no programme was made");
  });

  step("the client may not talk the bot into it meanwhile", async () => {
    await anna.type("/program");
    await anna.isAsked("Программы у вас пока нет");
    assert.equal((await anna.documents()).length, 0);
  });

  step("after «Собрать программу» the client gets the PDF, once even if it is pressed twice", async () => {
    await trainer.press("Собрать программу");
    await trainer.sawToast("Собираю программу для Анна");
    await trainer.press("Собрать программу");
    const document = await anna.getsDocument();
    await anna.hears(SAY.offer, { after: document });
    await anna.type("/menu");
    await anna.isAsked(SAY.menu);
    assert.equal((await anna.documents()).length, 1);
  });
});
