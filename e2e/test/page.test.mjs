// The chat page itself: on a phone, in the dark, and without a mouse.

import assert from "node:assert/strict";

import { answer, questions, words } from "../lib/funnel.mjs";
import { look } from "../lib/look.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, JOHN_ID, TRAINER_ID } from "../lib/system.mjs";

const SAY = words("ru");

story("the chat page on a phone, in the dark and by keyboard", { env: { TELEGRAM_RATE_PER_SECOND: "0" } }, (world, step) => {
  step("Tab and Enter alone lead through the greeting and a question", async () => {
    await world.sandbox.faults({ telegram: { limits: false } });
    const john = await world.browser.chatPage(world.system, { as: JOHN_ID, language: "en" });
    const keys = john.page.keyboard;
    /** Tabs until a button with this label has the focus, backwards where that is the shorter way. */
    const reach = async (label) => {
      for (let tabs = 0; tabs < 80; tabs += 1) {
        const here = await john.page.evaluate(() => ({ label: document.activeElement?.dataset?.button ?? document.activeElement?.dataset?.testid, chat: document.activeElement?.closest(".chat")?.dataset.testid }));
        if (here.label === label && here.chat === `chat-${JOHN_ID}`) return;
        await keys.press("Shift+Tab");
      }
      throw new Error(`«${label}» cannot be reached by Tab`);
    };
    await reach("start");
    await keys.press("Enter");
    await john.isAsked("How can I help?");
    for (const [label, next] of [["💪 Free programme", "consent to the processing"], ["I agree", "May I occasionally"], ["No, just the programme", "What is your sex?"], ["Male", "How old are you?"]]) {
      await reach(label);
      await keys.press("Enter");
      await john.isAsked(next);
    }
    await reach("composer");
    await keys.type("42");
    await keys.press("Enter");
    await john.isAsked("How long have you been training?");
    await look(john.page, "keyboard");
  });

  for (const dark of [false, true]) {
    const shade = dark ? "dark" : "light";
    step(`on a phone in ${shade} everything fits the width, from the list to the document`, async () => {
      const id = dark ? (await world.sandbox.newPerson({ first_name: "Александра-Виктория", last_name: "Константинопольская", language_code: "ru" })).id : ANNA_ID;
      const chat = await world.browser.chatPage(world.system, { as: id, phone: true, dark });
      await look(chat.page, `phone-${shade}-1-start`);
      await chat.pressStart();
      await chat.isAsked(SAY.menu);
      await look(chat.page, `phone-${shade}-2-menu`);
      await chat.press("Тарифы");
      await chat.isAsked("Программа на 12 недель");
      await look(chat.page, `phone-${shade}-3-prices`);
      await chat.press("☰ Меню");
      await chat.isAsked(SAY.menu);
      await chat.press(SAY.free);
      await chat.isAsked(SAY.consent);
      await chat.press(SAY.agree);
      await chat.isAsked(SAY.marketing);
      await chat.press(SAY.noMarketing);
      for (const question of questions("ru")) {
        await chat.isAsked(question.ask);
        if (["level", "age", "spare"].includes(question.id)) await look(chat.page, `phone-${shade}-4-${question.id}`);
        await answer(chat, question);
      }
      await chat.isAsked(SAY.summary);
      await look(chat.page, `phone-${shade}-5-summary`);
      await chat.press(SAY.confirm);
      const document = await chat.getsDocument();
      await chat.hears(SAY.offer, { after: document });
      await look(chat.page, `phone-${shade}-6-programme`);
      await chat.page.getByTestId("back").click();
      await chat.page.getByTestId(`person-${TRAINER_ID}`).waitFor();
      await look(chat.page, `phone-${shade}-7-people`);
      assert.deepEqual(chat.page.problems, []);
    });
  }

  step("on a wide screen client and trainer stand beside each other", async () => {
    for (const dark of [false, true]) {
      const anna = await world.browser.chatPage(world.system, { as: ANNA_ID, dark });
      const trainer = anna.beside(TRAINER_ID);
      if (!dark) await trainer.pressStart();
      await trainer.hears("Анкета заполнена: Анна");
      await look(anna.page, `wide-${dark ? "dark" : "light"}`);
    }
  });

  step("the sandbox's other pages fit a phone, too", async () => {
    const chat = await world.browser.chatPage(world.system, { as: ANNA_ID, phone: true });
    for (const name of ["", "clock", "faults", "sheets", "llm"]) {
      await chat.page.goto(`${world.system.sandbox}/${name}`);
      await chat.page.locator("main h1, .grid").first().waitFor();
      await look(chat.page, `page-${name || "index"}`);
    }
  });
});
