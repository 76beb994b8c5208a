// Two bots at work for one Telegram: they share the calls in webhook mode, and one stands by in polling mode.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";

import { answer, questions, reachQuestions, words } from "../lib/funnel.mjs";
import { Person } from "../lib/person.mjs";
import { Balancer, Replica } from "../lib/replica.mjs";
import { story } from "../lib/story.mjs";

const SAY = words("ru");
const port = randomInt(19_000, 19_900);
const [door, one, two, standBy] = [0, 1, 2, 3].map((at) => `127.0.0.1:${port + at}`);

const webhook = {
  TELEGRAM_RATE_PER_SECOND: "0",
  TELEGRAM_MODE: "webhook",
  TELEGRAM_WEBHOOK_URL: `http://${door}/telegram/webhook`,
  TELEGRAM_WEBHOOK_SECRET: "a-secret-that-only-telegram-knows",
  BOT_ADDR: one,
};

story("two bots in webhook mode", { env: webhook, browser: false }, (world, step) => {
  let balancer;
  let second;
  let vera;

  step("both take their share of a conversation", async () => {
    balancer = await Balancer.start(door, [one, two]);
    second = await Replica.start(world.system, two);
    await world.sandbox.faults({ telegram: { limits: false } });
    vera = await Person.arrive(world.sandbox, { first_name: "Вера" });
    await reachQuestions(vera);
    for (const question of questions("ru").slice(0, 4)) {
      await vera.isAsked(question.ask);
      await answer(vera, question);
    }
    assert.ok(balancer.taken[one] > 0 && balancer.taken[two] > 0, JSON.stringify(balancer.taken));
  });

  step("one is killed, the conversation goes on with the other", async () => {
    await vera.isAsked(questions("ru")[4].ask);
    second.kill();
    for (const question of questions("ru").slice(4)) {
      // What the dead one had in its hands has to wait for its lease: nobody starts it again.
      await vera.isAsked(question.ask, { within_ms: 40_000 });
      await answer(vera, question);
    }
    await vera.isAsked(SAY.summary);
    const asked = (await vera.messages()).filter((said) => said.from === "bot" && questions("ru").some((question) => said.text.includes(question.ask)));
    assert.ok(asked.length <= questions("ru").length, "nothing was asked twice");
    balancer.stop();
  });
});

story("two bots in polling mode", { env: { TELEGRAM_RATE_PER_SECOND: "0" }, browser: false }, (world, step) => {
  let second;
  let vera;

  step("a second bot stands by, and the conversation goes on as ever", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    vera = await Person.arrive(world.sandbox, { first_name: "Вера" });
    second = await Replica.start(world.system, standBy);
    await reachQuestions(vera);
  });

  step("the first one hangs: the other is at work", async () => {
    const pid = world.system.pid("bot");
    await vera.isAsked(questions("ru")[0].ask, { within_ms: 40_000 });
    process.kill(pid, "SIGSTOP");
    try {
      await answer(vera, questions("ru")[0]);
      await vera.isAsked(questions("ru")[1].ask, { within_ms: 60_000 });
    } finally {
      process.kill(pid, "SIGCONT");
    }
  });

  step("the other one is killed: the first takes over, whichever of them had been at work", async () => {
    second.kill();
    await answer(vera, questions("ru")[1]);
    await vera.isAsked(questions("ru")[2].ask, { within_ms: 60_000 });
  });
});
