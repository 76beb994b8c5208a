// kill -9 at bad moments: the launcher starts the programs again, and the client notices nothing but a pause.

import assert from "node:assert/strict";

import { Crm } from "../lib/crm.mjs";
import { answer, questions, reachQuestions, words } from "../lib/funnel.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, DATABASES } from "../lib/system.mjs";
import { until } from "../lib/until.mjs";

const SAY = words("ru");
// A successor takes over at once what a dead program had in its hands; no clock is moved here. The rest of this is the
// launcher's pause, the start of a program, and a busy machine.
const CONTINUES_MS = 15_000;
const PROGRAMS = { bot: ["bot"], API: ["crm-api"], "bot and API": ["bot", "crm-api"] };
/**
 * Who is killed at which question, and when: while the answer is on its way, or as soon as the CRM has it, when the reply
 * is not out yet.
 */
const CRASHES = {
  sex: { victims: "bot", answer: "is kept" },
  age: { victims: "API", answer: "is on its way" },
  level: { victims: "bot and API", answer: "is on its way" },
  height: { victims: "bot", answer: "is on its way" },
  place: { victims: "API", answer: "is kept" },
  spare: { victims: "bot and API", answer: "is kept" },
};

for (const database of DATABASES) {
  const options = { database, env: { TELEGRAM_RATE_PER_SECOND: "0" } };
  story(`bot and API are killed in the middle (${database})`, options, (world, step) => {
    let anna;
    let crm;

    async function isKept(id) {
      await until(`the answer to «${id}» in the CRM`, async () => {
        const [run] = (await crm.get("/api/questionnaires?status=in_progress")).items;
        return run && (await crm.get(`/api/questionnaires/${run.id}`)).questions.find((one) => one.id === id)?.answer;
      });
    }

    /** Kills, and waits until all have been started again. Returns when they were killed. */
    async function crash(victims) {
      const pids = await world.system.kill(...PROGRAMS[victims]);
      const killedAt = Date.now();
      for (const [index, program] of PROGRAMS[victims].entries()) await world.system.isBack(program, pids[index]);
      return killedAt;
    }

    const measured = [];
    function continues(what, killedAt) {
      const took = Date.now() - killedAt;
      measured.push(took);
      console.log(`${database}: ${what}: the client goes on ${took} ms after the kill`);
      assert.ok(took < CONTINUES_MS, `${what}: ${took} ms after the kill`);
    }

    step("a client reaches the questionnaire", async () => {
      await world.sandbox.faults({ telegram: { limits: false } });
      anna = await world.browser.chatPage(world.system, { as: ANNA_ID });
      await reachQuestions(anna);
      crm = await Crm.signIn(world.system);
    });

    for (const [index, question] of questions("ru").entries()) {
      const plan = CRASHES[question.id];
      const title = plan ? `${plan.victims} killed when the answer to «${question.id}» ${plan.answer}` : `«${question.id}» is answered in peace`;
      step(`${title}: the next question comes`, async () => {
        await anna.isAsked(question.ask);
        let killedAt = null;
        if (plan?.answer === "is kept") {
          // Slow enough for the reply to be still under way.
          await world.sandbox.faults({ telegram: { slow_ms: 400 } });
          await answer(anna, question);
          await isKept(question.id);
          killedAt = await crash(plan.victims);
          await world.sandbox.faults({ telegram: { slow_ms: 0 } });
        } else {
          [, killedAt] = await Promise.all([answer(anna, question), plan && crash(plan.victims)]);
        }
        const next = questions("ru")[index + 1];
        await anna.isAsked(next ? next.ask : SAY.summary, { within_ms: 45_000 });
        if (plan) continues(title, killedAt);
      });
    }

    step("no question was asked twice, and the summary has every answer", async () => {
      const all = await anna.messages();
      for (const question of questions("ru")) {
        const asked = all.filter((one) => one.from === "bot" && one.text.includes(question.ask)).length;
        assert.ok(asked <= 1, `«${question.ask}» stands ${asked} times in the chat`);
      }
      const summary = await anna.isAsked(SAY.summary);
      for (const line of ["Женский", "31 год", "Новичок", "Снизить вес", "168 см", "72,5 кг", "В основном сижу", "Дома", "Гантели и резинки", "3 дня", "Колени", "Нет, всё в порядке"]) {
        assert.ok(summary.text.includes(line), `the summary says «${line}»:\n${summary.text}`);
      }
    });

    step("bot and API killed while the programme is being worded: exactly one document arrives", async () => {
      await world.sandbox.faults({ llm: { slow_ms: 3_000 } });
      await anna.press(SAY.confirm);
      await anna.hears(SAY.making);
      const killedAt = await crash("bot and API");
      await world.sandbox.faults({ llm: { slow_ms: 0 } });
      const document = await anna.getsDocument({ within_ms: 45_000 });
      continues("the programme", killedAt);
      await anna.hears(SAY.offer, { after: document, within_ms: 45_000 });
    });

    step("nothing comes a second time, however long one waits", async () => {
      await world.sandbox.advanceClock(10 * 60_000);
      // The menu is queued behind whatever was still on its way to this chat.
      await anna.type("/menu");
      await anna.isAsked(SAY.menu);
      const all = await anna.messages();
      assert.equal(all.filter((one) => one.document).length, 1, "one document");
      assert.equal(all.filter((one) => one.text.includes(SAY.offer)).length, 1, "one offer");
      // Killed in the very moment in which Telegram took this one: its API offers no way to learn whether it did.
      assert.ok(all.filter((one) => one.text.includes(SAY.making)).length <= 2, "«собираю» once, or again after the crash");
    });

    step("the CRM has one client, one lead, one finished questionnaire, one programme", async () => {
      const found = await crm.clients("анна");
      assert.equal(found.length, 1);
      const [client] = found;
      assert.equal(client.stage.kind, "consultation");
      assert.equal((await crm.get(`/api/leads?client=${client.id}`)).items.length, 1);
      const runs = (await crm.get(`/api/questionnaires?client=${client.id}`)).items;
      assert.deepEqual(runs.map((one) => one.status), ["completed"]);
      const programs = (await crm.get(`/api/programs?client=${client.id}`)).items;
      assert.deepEqual(programs.map((one) => one.status), ["ready"]);
      const kinds = (await crm.timeline(client.id)).filter((one) => one.type === "action").map((one) => one.kind);
      for (const kind of ["lead.created", "questionnaire.started", "questionnaire.completed", "program.ready"]) {
        assert.equal(kinds.filter((one) => one === kind).length, 1, `«${kind}» once in ${kinds}`);
      }
    });
  });
}
