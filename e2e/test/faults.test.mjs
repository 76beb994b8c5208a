// The outside world on its bad days: each reply still comes once and in order, and the programme has the right numbers.

import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import path from "node:path";

import { answerAll, reachQuestions, walk, words } from "../lib/funnel.mjs";
import { readPdf } from "../lib/pdf.mjs";
import { Person } from "../lib/person.mjs";
import { story } from "../lib/story.mjs";
import { TRAINER_ID } from "../lib/system.mjs";
import { until } from "../lib/until.mjs";

const SAY = words("ru");
// After this the product gives up on a model that does not answer.
const STALL_MS = 90_000;
const LIES = ["wrong_numbers", "missing_exercise", "invented_exercise", "english", "broken_json", "refuse", "error", "rate_limited", "no_money"];
const SHEET_TROUBLE = "the sheet of templates";
// Whether the API learns at once that the sheet is of no use, or goes on trying.
const SHEETS = { html: "at once", gone: "at once", private: "at once", error: "later", slow: "later" };

story("Telegram, Sheets and the model on their bad days", { browser: false, env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
  let folder;
  let honest;
  let calm;
  const waiting = {};
  let stalled;

  /** All that somebody was told, without their name. */
  async function told(person) {
    return (await person.messages()).map((one) => `${one.from}: ${one.text.replaceAll(person.name, "…")} ${one.document ?? ""} {${one.buttons}}`);
  }

  async function arrive(name) {
    const person = await Person.arrive(world.sandbox, { first_name: name });
    person.name = name;
    return person;
  }

  async function pdfOf(person, message) {
    return readPdf(await person.saveDocument(message, path.join(folder, `${person.userId}.pdf`)));
  }

  step("on a calm day somebody walks to their programme", async () => {
    folder = await mkdtemp(path.join(world.system.folder, "pdf-"));
    await world.sandbox.faults({ telegram: { limits: false } });
    const person = await arrive("Вера");
    const document = await walk(person);
    calm = await told(person);
    const pdf = await pdfOf(person, document);
    honest = pdf.rows;
    assert.ok(honest.length >= 24, `${honest.length} exercises in six sessions`);
    const [asked] = await world.sandbox.llmRequests();
    assert.equal(asked.status, 200, "the model was asked");
    assert.ok(!JSON.stringify(asked.request_body).includes("Вера"), "the model does not learn the name");
  });

  step("others answer the questions and wait at the summary", async () => {
    const people = [...LIES, ...Object.keys(SHEETS).map((mode) => `sheet ${mode}`), "sheet cell", "stall"];
    await Promise.all(people.map(async (mode) => {
      const person = await arrive("Вера");
      waiting[mode] = person;
      await reachQuestions(person);
      await answerAll(person);
    }));
  });

  step("a model that never answers is not waited for here: its programme is looked at in the end", async () => {
    await world.sandbox.faults({ llm: { mode: "stall" } });
    await waiting.stall.press(SAY.confirm);
    await until("the model to be asked", async () => (await world.sandbox.llmRequests()).some((one) => one.mode === "stall"));
    stalled = Date.now();
    await world.sandbox.faults({ llm: { mode: "ok" } });
  });

  step("429, 5xx and updates delivered twice: every reply once and in the same order", async () => {
    await world.sandbox.faults({ telegram: { duplicate_updates: true } });
    const person = await arrive("Лида");
    await person.pressStart();
    await person.isAsked(SAY.menu);
    await world.sandbox.faults({ telegram: { too_many_requests_next: 2, retry_after_s: 1 } });
    await person.press(SAY.free);
    await person.isAsked(SAY.consent);
    await world.sandbox.faults({ telegram: { server_error_next: 3 } });
    await person.press(SAY.agree);
    await person.isAsked(SAY.marketing);
    await person.press(SAY.noMarketing);
    await world.sandbox.repeatUpdates(3);
    await answerAll(person);
    await world.sandbox.faults({ telegram: { server_error_next: 2, too_many_requests_next: 1, retry_after_s: 1 } });
    await person.press(SAY.confirm);
    const document = await person.getsDocument();
    await person.hears(SAY.offer, { after: document });
    await world.sandbox.repeatUpdates(5);
    await person.type("/menu");
    await person.isAsked(SAY.menu);
    const all = await told(person);
    assert.deepEqual(all.slice(0, calm.length), calm, "the same conversation as on a calm day");
    assert.deepEqual(all.slice(calm.length).map((one) => one.split(":")[0]), ["user", "bot"], "and nothing after it but the menu");
    await world.sandbox.noFaults();
    await world.sandbox.faults({ telegram: { limits: false } });
  });

  for (const mode of LIES) {
    step(`the model answers with ${mode}: the programme has the template's numbers and Russian words`, async () => {
      await world.sandbox.faults({ llm: { mode } });
      const person = waiting[mode];
      await person.press(SAY.confirm);
      const document = await person.getsDocument();
      await person.hears(SAY.offer, { after: document });
      const pdf = await pdfOf(person, document);
      assert.deepEqual(pdf.rows, honest);
      assert.equal((await person.documents()).length, 1);
      const english = pdf.text.match(/\b(?:the|and|your|with)\b/gi) ?? [];
      assert.deepEqual(english, [], "no English words");
      await world.sandbox.faults({ llm: { mode: "ok" } });
    });
  }

  step("after its deadline the model that never answered is left alone, and the plain programme comes", async () => {
    const document = await waiting.stall.getsDocument({ within_ms: Math.max(5_000, STALL_MS - (Date.now() - stalled)) });
    await waiting.stall.hears(SAY.offer, { after: document });
    assert.deepEqual((await pdfOf(waiting.stall, document)).rows, honest);
    assert.equal((await waiting.stall.documents()).length, 1);
  });

  /** The API looks at the sheet when it starts, so it is made to start again. */
  async function apiLooksAtTheSheet(learns) {
    const before = world.system.count(SHEET_TROUBLE);
    const [pid] = await world.system.kill("crm-api");
    // While it is down: alive, it would take up expired work only to be killed with it.
    await world.sandbox.advanceClock(3 * 3600_000);
    await world.system.isBack("crm-api", pid);
    if (learns === "later") return;
    await until("the API to look at the bad sheet", () => world.system.count(SHEET_TROUBLE) > before, { context: () => world.system.log() });
  }

  step("a wrong cell in the sheet is named to the trainer, and the last good tables serve", async () => {
    const trainer = new Person(world.sandbox, TRAINER_ID);
    await trainer.pressStart();
    await trainer.hears("рабочий чат тренера");
    await world.sandbox.spoilSheet(1, "sets", "много");
    await apiLooksAtTheSheet("at once");
    const notice = await trainer.hears("много");
    assert.match(notice.text, /Women_12w_2/, notice.text);
    const person = waiting["sheet cell"];
    await person.press(SAY.confirm);
    const document = await person.getsDocument();
    assert.deepEqual((await pdfOf(person, document)).rows, honest);
    await world.sandbox.mendSheet(1);
  });

  for (const [mode, learns] of Object.entries(SHEETS)) {
    step(`Google Sheets is ${mode}: the last good tables serve`, async () => {
      await world.sandbox.faults({ sheets: { mode } });
      await apiLooksAtTheSheet(learns);
      const person = waiting[`sheet ${mode}`];
      await person.press(SAY.confirm);
      const document = await person.getsDocument();
      await person.hears(SAY.offer, { after: document });
      assert.deepEqual((await pdfOf(person, document)).rows, honest);
      await world.sandbox.faults({ sheets: { mode: "ok" } });
    });
  }
});
