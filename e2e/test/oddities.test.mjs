// People do odd things. The bot stays kind, keeps their answers and never loses the thread.

import assert from "node:assert/strict";

import { Crm } from "../lib/crm.mjs";
import { answer, questions, reachQuestions, words } from "../lib/funnel.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, TRAINER_ID } from "../lib/system.mjs";

const SAY = words("ru");
const WEEK_MS = 7 * 24 * 3600_000;

story("odd things on the way", { env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
  let anna;
  let trainer;
  let firstStep;
  const byId = Object.fromEntries(questions("ru").map((one) => [one.id, one]));

  step("/start twice greets twice and makes one client", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    anna = await world.browser.chatPage(world.system, { as: ANNA_ID });
    trainer = anna.beside(TRAINER_ID);
    await trainer.pressStart();
    await anna.pressStart();
    await anna.isAsked(SAY.menu);
    await anna.type("/start");
    await anna.hears("С возвращением, Анна!");
    await anna.type("/start ../../etc/passwd");
    await anna.until("a third greeting", (all) => all.filter((one) => one.text.includes("С возвращением")).length === 2);
    const crm = await Crm.signIn(world.system);
    assert.equal((await crm.clients("анна")).length, 1);
  });

  step("not agreeing closes nothing but the questionnaire", async () => {
    await anna.press(SAY.free);
    await anna.isAsked(SAY.consent);
    await anna.press("Не согласен");
    await anna.isAsked("Без согласия я не могу");
    await anna.press(SAY.agree);
    await anna.isAsked(SAY.marketing);
    await anna.press(SAY.noMarketing);
    firstStep = await anna.isAsked(byId.sex.ask);
    firstStep.data = (await world.sandbox.chat(ANNA_ID)).messages.find((one) => String(one.message_id) === firstStep.id).inline_keyboard.flat().find((one) => one.text === "Женский").data;
    await answer(anna, byId.sex);
    await anna.isAsked(byId.age.ask);
  });

  step("a photo, a voice message and a sticker where the age is asked get a kind word and the question again", async () => {
    for (const kind of ["photo", "voice", "sticker"]) {
      const before = await anna.last();
      await anna.attach(kind);
      await anna.hears("ответьте, пожалуйста, словами или кнопкой", { after: before });
      await anna.until("the question again", (all) => all.at(-1).text.includes(byId.age.ask));
    }
  });

  step("«сто», «-5» and «72,5» are refused as an age, each with its reason", async () => {
    for (const [typed, reason] of [["сто", "цифрами"], ["-5", "жду число от 14"], ["72,5", "целое число"]]) {
      const before = await anna.last();
      await anna.type(typed);
      await anna.hears(reason, { after: before });
      await anna.until("the question again", (all) => all.at(-1).text.includes(byId.age.ask));
    }
    const steps = (await anna.messages()).filter((one) => one.buttons.includes("‹ Назад"));
    assert.equal(steps.length, 1, "only the last copy of the question has buttons");
  });

  step("an edited message does not change an answer, and the bot says how to change it", async () => {
    const typed = (await anna.messages()).findLast((one) => one.from === "user" && one.text === "72,5");
    await anna.edit(typed, "31");
    await anna.hears("Исправленное сообщение я не перечитываю");
    await anna.isAsked(byId.age.ask);
  });

  step("/start in the middle offers to go on, and going on shows the same question", async () => {
    await anna.type("/start");
    await anna.isAsked("вы остановились на вопросе 2 из 1");
    await anna.press("▶️ Продолжить");
    await anna.isAsked(byId.age.ask);
  });

  step("last week's button explains itself and shows where the client is", async () => {
    await world.sandbox.advanceClock(WEEK_MS);
    const before = await anna.last();
    await world.sandbox.press(ANNA_ID, Number(firstStep.id), firstStep.data);
    await anna.sawToast("Эта кнопка уже не действует");
    await anna.until("the question again", (all) => all.at(-1).id !== before.id && all.at(-1).text.includes(byId.age.ask));
  });

  step("two answers within the same second are both kept, in order", async () => {
    await answer(anna, byId.age);
    await anna.isAsked(byId.level.ask);
    await answer(anna, byId.level);
    await anna.isAsked(byId.goal.ask);
    await answer(anna, byId.goal);
    await anna.isAsked(byId.height.ask);
    await world.sandbox.write(ANNA_ID, "168");
    await world.sandbox.write(ANNA_ID, "72,5");
    await anna.isAsked(byId.lifestyle.ask);
  });

  step("a button pressed twice counts once", async () => {
    const message = await anna.isAsked(byId.lifestyle.ask);
    const shown = (await world.sandbox.chat(ANNA_ID)).messages.find((one) => String(one.message_id) === message.id);
    const data = shown.inline_keyboard.flat().find((one) => one.text === "В основном сижу").data;
    await Promise.all([world.sandbox.press(ANNA_ID, shown.message_id, data), world.sandbox.press(ANNA_ID, shown.message_id, data)]);
    await anna.isAsked(byId.place.ask);
    await anna.sawToast("Эта кнопка уже не действует");
    const shownNow = (await anna.messages()).filter((one) => one.text.includes(byId.place.ask));
    assert.equal(shownNow.length, 1, "the next question stands there once");
  });

  step("choosing the gym drops the question about equipment, and going back brings it again", async () => {
    await anna.press("В зале");
    await anna.isAsked(byId.days.ask);
    await anna.press("‹ Назад");
    await anna.isAsked(byId.place.ask);
    await answer(anna, byId.place);
    await anna.isAsked(byId.equipment.ask);
  });

  step("a client who blocks the bot is known as unreachable, also to the trainer", async () => {
    await anna.block();
    const notice = await trainer.hears("Новый клиент: Анна");
    await trainer.replyTo(notice, "Анна, вы здесь?");
    await trainer.hears("заблокировал(а) бота");
    const crm = await Crm.signIn(world.system);
    const [client] = await crm.clients("анна");
    assert.equal(client.is_reachable, false);
  });

  step("unblocked, she goes on where she was", async () => {
    await anna.unblock();
    await anna.type("/start");
    await anna.isAsked("вы остановились на вопросе 9 из 12");
    await anna.press("▶️ Продолжить");
    for (const id of ["equipment", "days", "spare", "health"]) {
      await anna.isAsked(byId[id].ask);
      await answer(anna, byId[id]);
    }
    const summary = await anna.isAsked(SAY.summary);
    assert.match(summary.text, /Возраст: 31 год/);
    assert.match(summary.text, /Рост: 168 см/);
    assert.match(summary.text, /Вес: 72,5 кг/);
    const crm = await Crm.signIn(world.system);
    assert.equal((await crm.clients("анна"))[0].is_reachable, true);
  });

  step("«всё верно» pressed twice makes one programme", async () => {
    const summary = await anna.isAsked(SAY.summary);
    const shown = (await world.sandbox.chat(ANNA_ID)).messages.find((one) => String(one.message_id) === summary.id);
    const data = shown.inline_keyboard.flat().find((one) => one.text === SAY.confirm).data;
    await Promise.all([world.sandbox.press(ANNA_ID, shown.message_id, data), world.sandbox.press(ANNA_ID, shown.message_id, data)]);
    const document = await anna.getsDocument();
    await anna.hears(SAY.offer, { after: document });
    await anna.type("/menu");
    await anna.isAsked(SAY.menu);
    assert.equal((await anna.documents()).length, 1);
  });
});
