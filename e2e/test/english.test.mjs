// An English client: the same funnel, the menu's other rooms, and the language switch.

import assert from "node:assert/strict";

import { answerAll } from "../lib/funnel.mjs";
import { readPdf } from "../lib/pdf.mjs";
import { story } from "../lib/story.mjs";
import { DATABASES, JOHN_ID, TRAINER_ID } from "../lib/system.mjs";

// The other stories run on SQLite; this one takes PostgreSQL wherever there is one.
const database = DATABASES.at(-1);

story(`an English client gets a programme and looks around (${database})`, { database }, (world, step) => {
  let john;

  step("John's Telegram is in English, so the bot is too", async () => {
    john = await world.browser.chatPage(world.system, { as: JOHN_ID, language: "en" });
    await john.pressStart();
    await john.hears("Hello, John!");
    await john.isAsked("How can I help?");
  });

  step("prices are there before any question is answered", async () => {
    await john.press("Prices");
    const prices = await john.isAsked("Prices");
    assert.match(prices.text, /12-week programme — ₽?\s?4,990/);
    assert.match(prices.text, /Three months with a trainer/);
    assert.match(prices.text, /Nutrition plan/);
    await john.press("☰ Menu");
    await john.isAsked("How can I help?");
  });

  step("a frequent question opens its answer and leads back to the list", async () => {
    await john.press("Questions");
    await john.isAsked("Frequent questions");
    await john.press("Do I need equipment?");
    await john.isAsked("There are plans with nothing at all");
    await john.press("‹ Back");
    await john.isAsked("Frequent questions");
    await john.press("☰ Menu");
    await john.isAsked("How can I help?");
  });

  step("contacts name a phone and an address, and the way to the trainer", async () => {
    await john.press("Contacts");
    const contacts = await john.isAsked("Contacts");
    assert.match(contacts.text, /Phone: \+7/);
    await john.press("💬 Ask the trainer");
    await john.hears("Type your question right here");
  });

  step("a question typed in passing reaches the trainer, who is honest about the time", async () => {
    await john.type("Do you work with beginners?");
    await john.hears("I've passed your message on");
    const trainer = john.beside(TRAINER_ID);
    await trainer.pressStart();
    await trainer.hears("Do you work with beginners?");
  });

  step("the whole questionnaire in English ends with an English PDF and the offer", async () => {
    await john.pressKeyboard("☰ Menu");
    await john.isAsked("How can I help?");
    await john.press("💪 Free programme");
    await john.isAsked("consent to the processing of personal data");
    await john.press("I agree");
    await john.isAsked("May I occasionally send you");
    await john.press("No, just the programme");
    await answerAll(john, "en");
    await john.press("✅ All right, make my programme");
    await john.hears("Putting your programme together");
    const document = await john.getsDocument();
    assert.match(document.document, /Training programme.*\.pdf$/);
    await john.hears("These are the first two weeks", { after: document });

    const pdf = await readPdf((await john.download(document)).path);
    assert.equal(pdf.title, "Training programme");
    for (const words of ["John", "Week 1", "Week 2", "Day 4", "182 cm", "84.5 kg"]) {
      assert.ok(pdf.text.includes(words), `the PDF says “${words}”`);
    }
    assert.ok(!/[А-Яа-яЁё]/.test(pdf.text.replaceAll(/hello@example\.com|Voronka/g, "")), "nothing in it is Russian");
    assert.equal(pdf.pictures.length, pdf.pages);
  });

  step("in the settings the language turns to Russian and back", async () => {
    await john.command("settings");
    await john.isAsked("You can change the language");
    await john.press("🇷🇺 Русский");
    await john.hears("Готово, теперь говорим по-русски.");
    await john.isAsked("Чем помочь?");
    await john.press("Тарифы");
    await john.isAsked(/Программа на 12 недель — 4\s990\s₽/);
    await john.command("settings");
    await john.isAsked("Язык и рассылки можно поменять");
    await john.press("🇬🇧 English");
    await john.hears("Done, we speak English now.");
    await john.isAsked("How can I help?");
  });

  step("commands answer, known and unknown", async () => {
    await john.command("privacy");
    await john.hears("personal data policy");
    await john.command("terms");
    await john.hears("public offer");
    await john.type("/nonsense");
    await john.hears("There is no such command");
    await john.type("/help");
    await john.hears("What I can do");
  });

  step("the page made no error and asked no foreign host", () => {
    assert.deepEqual(john.page.problems, []);
  });
});
