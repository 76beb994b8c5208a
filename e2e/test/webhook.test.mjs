// Telegram calls the bot instead of being asked: the whole funnel, with the bot killed on the way.

import { randomInt } from "node:crypto";

import { answerAll, reachQuestions, words } from "../lib/funnel.mjs";
import { Person } from "../lib/person.mjs";
import { story } from "../lib/story.mjs";

const SAY = words("ru");
const address = `127.0.0.1:${randomInt(19_000, 20_000)}`;
const env = {
  TELEGRAM_RATE_PER_SECOND: "0",
  TELEGRAM_MODE: "webhook",
  TELEGRAM_WEBHOOK_URL: `http://${address}/telegram/webhook`,
  TELEGRAM_WEBHOOK_SECRET: "a-secret-that-only-telegram-knows",
  BOT_ADDR: address,
};

story("the funnel in webhook mode", { env, browser: false }, (world, step) => {
  let vera;

  step("a client answers all questions, and the bot is killed before the last step", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    vera = await Person.arrive(world.sandbox, { first_name: "Вера" });
    await reachQuestions(vera);
    await answerAll(vera);
    const [pid] = await world.system.kill("bot");
    await world.system.isBack("bot", pid);
  });

  step("the programme comes", async () => {
    await vera.press(SAY.confirm);
    await vera.hears(SAY.making, { within_ms: 45_000 });
    const document = await vera.getsDocument({ within_ms: 45_000 });
    await vera.hears(SAY.offer, { after: document });
  });
});
