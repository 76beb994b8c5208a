// The trainer looks a programme through before it goes out: swaps an exercise, writes a note, sends; another one is let go
// by the clock.

import assert from "node:assert/strict";

import { Crm } from "../lib/crm.mjs";
import { answerAll, reachQuestions, words } from "../lib/funnel.mjs";
import { readPdf } from "../lib/pdf.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, JOHN_ID, TRAINER_ID } from "../lib/system.mjs";

const PATIENT_MS = 120_000;
const NOTE_RU = "Анна, начните с малого и берегите колени!";
const NOTE_EN = "John, keep your back straight and enjoy it!";

const env = { TELEGRAM_RATE_PER_SECOND: "0" };

/** What stands on the trainer's newest card with this text. */
const card = (trainer, text, after) => trainer.hears(text, { after, within_ms: PATIENT_MS });

async function finish(chat, language) {
  const say = words(language);
  await reachQuestions(chat, language);
  await answerAll(chat, language);
  await chat.press(say.confirm);
}

story("the trainer approves programmes", { env }, (world, step) => {
  let crm;
  let anna;
  let trainer;
  let chosen;

  step("the owner wants the trainer to look first", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    crm = await Crm.signIn(world.system);
    const before = await crm.get("/api/settings/programs");
    assert.equal(before.delivery, "at_once", "as it is shipped");
    const { version, ...settings } = before;
    const saved = await crm.change("PUT", "/api/settings/programs", { ...settings, delivery: "after_approval" }, version);
    assert.equal(saved.delivery, "after_approval");
    assert.equal(saved.wait_minutes, 120);
  });

  step("Anna is told honestly that the trainer looks, and by when it arrives", async () => {
    anna = await world.browser.chatPage(world.system, { as: ANNA_ID });
    trainer = anna.beside(TRAINER_ID);
    await trainer.isOpen();
    await trainer.pressStart();
    await finish(anna, "ru");
    const line = await anna.hears("лично просматривает её перед отправкой", { within_ms: PATIENT_MS });
    assert.match(line.text, /не позже (\d\d\.\d\d, )?\d\d:\d\d МСК/);
    assert.equal((await anna.documents()).length, 0);
  });

  step("the trainer sees the pages and a card with four decisions", async () => {
    const shown = await card(trainer, "Программа на проверку: Анна");
    assert.deepEqual(shown.buttons, ["✅ Отправить", "🔄 Заменить упражнение", "🎲 Другой вариант", "✍️ Написать слово"]);
    for (const line of ["Версия: 1", "Цель: Снизить вес", "Место: Дома", "Дней в неделю: 3 дня", "Беречь: Колени"]) {
      assert.ok(shown.text.includes(line), `the card says «${line}»:\n${shown.text}`);
    }
    const photos = (await trainer.messages()).filter((one) => one.kind === "photo");
    assert.ok(photos.length >= 4 && photos.length <= 10, `${photos.length} pages`);
  });

  step("an exercise is swapped by buttons that change in place", async () => {
    const before = (await trainer.messages()).length;
    await trainer.press("🔄 Заменить упражнение");
    const days = await card(trainer, "В какой день?");
    assert.equal(days.buttons.length, 4, "three days and the way back");
    await trainer.press(days.buttons[0]);
    const items = await card(trainer, "Какое меняем?");
    await trainer.press(items.buttons[0]);
    const choices = await card(trainer, "— на что?");
    chosen = { from: items.buttons[0], to: choices.buttons[0].split(" · ")[0] };
    assert.equal((await trainer.messages()).length, before, "no new message for a mere list");
    await trainer.press(choices.buttons[0]);
    const next = await trainer.until("the card of version 2", (all) => all.findLast((one) => one.text.includes("Версия: 2")), { within_ms: PATIENT_MS });
    assert.ok(next.text.includes("Что изменилось") && next.text.includes(chosen.to), next.text);
    await trainer.hears("Заменена новой версией: Анна");
  });

  step("a note is written and shown", async () => {
    await trainer.press("✍️ Написать слово");
    await trainer.hears("Напишите слово от себя для Анна");
    await trainer.type(NOTE_RU);
    await trainer.hears("Записал");
    const next = await trainer.until("the card of version 3", (all) => all.findLast((one) => one.text.includes("Версия: 3")), { within_ms: PATIENT_MS });
    assert.ok(next.text.includes(NOTE_RU), next.text);
    assert.equal((await anna.documents()).length, 0, "Anna has seen none of this");
  });

  step("it is sent: one document with the new exercise and the note in it", async () => {
    await trainer.press("✅ Отправить");
    const document = await anna.getsDocument();
    assert.ok(document.text.includes(`Ольга: ${NOTE_RU}`), document.text);
    assert.deepEqual(document.buttons, ["📱 Версия для телефона"]);
    await trainer.hears("Программа отправлена: Анна");
    const { path } = await anna.download(document);
    const pdf = await readPdf(path);
    const text = pdf.text.replaceAll(/\s+/g, " ");
    assert.ok(text.includes(chosen.to), `the PDF has «${chosen.to}»`);
    assert.ok(text.includes(NOTE_RU), "the PDF has the note");
    assert.equal((await anna.documents()).length, 1);
  });

  step("the phone version comes by its button", async () => {
    await anna.press("📱 Версия для телефона");
    const phone = await anna.getsDocument({ already: 1 });
    assert.match(phone.document, /для телефона/);
    const pdf = await readPdf((await anna.download(phone)).path);
    assert.ok(pdf.text.replaceAll(/\s+/g, " ").includes(chosen.to));
  });

  step("the versions and what changed are in the API and in the timeline", async () => {
    const [client] = await crm.clients("анна");
    const [last] = (await crm.get(`/api/programs?client=${client.id}`)).items;
    assert.deepEqual([last.version, last.status, last.reason], [3, "ready", "note"]);
    const details = await crm.get(`/api/programs/${last.id}`);
    assert.equal(details.note, NOTE_RU);
    assert.deepEqual(details.versions.map((one) => one.status), ["ready", "superseded", "superseded"]);
    const second = await crm.get(`/api/programs/${last.parent_id}`);
    assert.ok(second.changes.some((change) => change.ru.includes(chosen.to) && change.en.length > 0), JSON.stringify(second.changes));
    const kinds = (await crm.timeline(client.id)).filter((one) => one.type === "action").map((one) => one.kind);
    assert.ok(kinds.includes("program.approved") && kinds.includes("program.awaiting_approval"), `${kinds}`);
  });

  step("John's waits, is worked on in the API, and is English throughout", async () => {
    const john = await world.browser.chatPage(world.system, { as: JOHN_ID, language: "en" });
    await finish(john, "en");
    await john.hears("is looking through it before it goes to you", { within_ms: PATIENT_MS });
    const [client] = await crm.clients("john");
    const [waiting] = (await crm.get(`/api/programs?client=${client.id}`)).items;
    assert.equal(waiting.status, "awaiting_approval");
    const details = await crm.get(`/api/programs/${waiting.id}`);
    const row = details.content.programme.weeks[0].days[0].items[0];
    const { items } = await crm.get(`/api/programs/${waiting.id}/alternatives?row_id=${encodeURIComponent(row.row_id)}`);
    const swapped = await crm.change("POST", `/api/programs/${waiting.id}/swap`, { row_id: row.row_id, exercise_id: items[0].exercise_id });
    await trainer.until("the card of John's version 2", (all) => all.findLast((one) => one.text.includes("John") && one.text.includes("Версия: 2")), { within_ms: PATIENT_MS });
    await crm.change("POST", `/api/programs/${swapped.id}/note`, { text: NOTE_EN });
    await trainer.until("the card of John's version 3", (all) => all.findLast((one) => one.text.includes("John") && one.text.includes("Версия: 3")), { within_ms: PATIENT_MS });
    assert.equal((await john.documents()).length, 0);

    await world.sandbox.advanceClock(121 * 60_000);
    const document = await john.getsDocument({ within_ms: PATIENT_MS });
    assert.ok(document.text.includes(NOTE_EN), document.text);
    const pdf = await readPdf((await john.download(document)).path);
    const text = pdf.text.replaceAll(/\s+/g, " ");
    assert.ok(text.includes(items[0].name.en), `the PDF has «${items[0].name.en}»`);
    assert.ok(text.includes(NOTE_EN));
    await trainer.hears("Программа ушла сама: John");
    assert.equal((await john.documents()).length, 1, "once");
    assert.deepEqual(john.page.problems, []);
  });

  step("the page made no error and asked no foreign host", () => {
    assert.deepEqual(anna.page.problems, []);
  });
});
