// A Russian client from an advertising link to the programme in hand, with the trainer's chat beside it.

import assert from "node:assert/strict";

import { Crm } from "../lib/crm.mjs";
import { answer, questions } from "../lib/funnel.mjs";
import { readPdf } from "../lib/pdf.mjs";
import { story } from "../lib/story.mjs";
import { ANNA_ID, TRAINER_ID } from "../lib/system.mjs";

story("a Russian client gets a programme and talks to the trainer", {}, (world, step) => {
  let anna;
  let trainer;
  let document;
  const byId = Object.fromEntries(questions("ru", { height: { type: "1,68 м" }, weight: { type: "72,5 кг" } }).map((one) => [one.id, one]));

  step("the trainer opens the work chat and sees how to answer clients", async () => {
    anna = await world.browser.chatPage(world.system, { as: ANNA_ID, start: "site_spring" });
    trainer = anna.beside(TRAINER_ID);
    await trainer.isOpen();
    await trainer.pressStart();
    await trainer.hears("рабочий чат тренера");
  });

  step("Anna comes by a link from the site and is greeted by her name", async () => {
    await anna.pressStart();
    await anna.hears("Здравствуйте, Анна!");
    await anna.isAsked("Чем помочь?");
    const own = (await anna.messages()).find((one) => one.from === "user");
    assert.equal(own.text, "/start site_spring");
  });

  step("the trainer is told of the new client and where she came from", async () => {
    const notice = await trainer.hears("Новый клиент: Анна");
    assert.match(notice.text, /Откуда: site, spring/);
    assert.deepEqual(notice.buttons, ["Ответить", "Взять"]);
  });

  step("consent to personal data is asked first, and the advertising consent apart from it", async () => {
    await anna.press("💪 Бесплатная программа");
    const consent = await anna.isAsked("согласие на обработку персональных данных");
    assert.deepEqual(consent.buttons, ["Согласен", "Не согласен"]);
    await anna.press("Согласен");
    const marketing = await anna.isAsked("Присылать вам изредка полезное");
    assert.deepEqual(marketing.buttons, ["Да, присылайте", "Нет, только программу"]);
    await anna.press("Нет, только программу");
  });

  step("a question shows its place, and can say why it is asked", async () => {
    const sex = await anna.isAsked(byId.sex.ask);
    assert.match(sex.text, /Вопрос 1 из 1[12]/);
    await anna.press("Зачем это?");
    await anna.hears("От пола зависят упражнения");
    await answer(anna, byId.sex);
  });

  step("«сто» instead of digits gets a kind second question, not an error", async () => {
    await anna.isAsked(byId.age.ask);
    await anna.type("сто");
    await anna.hears("Напишите цифрами");
    await anna.isAsked(byId.age.ask);
    await anna.type("7");
    await anna.hears("жду число от 14 лет до 90 лет");
    await anna.isAsked(byId.age.ask);
    await answer(anna, byId.age);
  });

  step("«Назад» leads to the question before, and forward again", async () => {
    await anna.isAsked(byId.level.ask);
    await answer(anna, byId.level);
    await anna.isAsked(byId.goal.ask);
    await anna.press("‹ Назад");
    await anna.isAsked(byId.level.ask);
    await answer(anna, byId.level);
    await anna.isAsked(byId.goal.ask);
    await answer(anna, byId.goal);
  });

  step("«1,68 м» and «72,5 кг» are understood as they are typed", async () => {
    for (const id of ["height", "weight", "lifestyle", "place", "equipment", "days", "spare", "health"]) {
      await anna.isAsked(byId[id].ask);
      await answer(anna, byId[id]);
    }
    const summary = await anna.isAsked("Проверьте, всё ли верно");
    for (const line of ["Пол: Женский", "Возраст: 31 год", "Рост: 168 см", "Вес: 72,5 кг", "Инвентарь: Гантели и резинки", "Дней в неделю: 3 дня", "Беречь: Колени"]) {
      assert.ok(summary.text.includes(line), `the summary says «${line}»:\n${summary.text}`);
    }
  });

  step("one answer is changed from the summary, and nothing else is asked again", async () => {
    await anna.press("✏️ Вес");
    await anna.isAsked(byId.weight.ask);
    await anna.type("71");
    const summary = await anna.isAsked("Проверьте, всё ли верно");
    assert.match(summary.text, /Вес: 71 кг/);
    assert.match(summary.text, /Рост: 168 см/);
  });

  step("after «всё верно» the bot says that it works, sends one PDF, and then the offer", async () => {
    await anna.press("✅ Всё верно, собрать программу");
    await anna.hears("Собираю вашу программу");
    document = await anna.getsDocument();
    assert.match(document.document, /Программа тренировок.*\.pdf$/);
    assert.match(document.text, /Ваша программа готова!/);
    const offer = await anna.hears("Это первые две недели", { after: document });
    assert.deepEqual(offer.buttons, ["Тарифы", "💬 Спросить тренера", "☰ Меню"]);
    assert.equal((await anna.documents()).length, 1);
  });

  step("the PDF opens on the page, and what is downloaded is whole and hers", async () => {
    await anna.root.getByTestId(`message-${document.id}`).getByTestId("document-view").click();
    await anna.page.getByTestId("preview").locator("iframe").waitFor();
    await anna.page.keyboard.press("Escape");
    await anna.page.getByTestId("preview").waitFor({ state: "detached" });

    const { path, name } = await anna.download(document);
    assert.equal(name.normalize("NFC"), document.document);
    const pdf = await readPdf(path);
    assert.equal(pdf.title, "Программа тренировок");
    assert.ok(pdf.pages >= 4 && pdf.pages <= 20, `${pdf.pages} pages`);
    assert.equal(pdf.pictures.length, pdf.pages, "every page can be drawn");
    assert.ok(pdf.bytes < 600_000, `${pdf.bytes} bytes`);
    for (const words of ["Анна", "Неделя 1", "Неделя 2", "День 1", "Снижение веса", "168 см", "71 кг", "Бережём"]) {
      assert.ok(pdf.text.includes(words), `the PDF says «${words}»`);
    }
    assert.ok(!pdf.text.includes("Неделя 3"), "the free programme has two weeks");
    assert.ok(!/[\uFFFD\u25A1]/u.test(pdf.text), "no letter is a box");
    const days = pdf.text.match(/^День [123]\b/gm) ?? [];
    assert.ok(days.length >= 6, `three days in each of two weeks, found ${days.length}`);
  });

  step("the trainer has the answers on one card", async () => {
    const card = await trainer.hears("Анкета заполнена: Анна");
    for (const line of ["Пол: Женский", "Возраст: 31 год", "Цель: Снизить вес", "Рост: 168 см", "Вес: 71 кг", "Место: Дома", "Здоровье: Нет, всё в порядке"]) {
      assert.ok(card.text.includes(line), `the card says «${line}»:\n${card.text}`);
    }
  });

  step("the trainer answers by Telegram's «Reply», and Anna gets it in the trainer's name", async () => {
    const card = await trainer.hears("Анкета заполнена: Анна");
    await trainer.replyTo(card, "Анна, начните завтра с первой тренировки!");
    await trainer.hears("Отправлено: Анна");
    const words = await anna.hears("начните завтра с первой тренировки");
    assert.match(words.text, /^Ольга:/);
  });

  step("Anna asks something, and the trainer answers by the button under it", async () => {
    await anna.type("А можно заниматься утром?");
    const question = await trainer.hears("А можно заниматься утром?");
    await trainer.root.getByTestId(`message-${question.id}`).locator('[data-button="Ответить"]').click();
    await trainer.hears("Напишите ответ для Анна");
    await trainer.type("Да, утро подходит отлично.");
    await anna.hears(/^Ольга:\s+Да, утро подходит отлично\.$/);
  });

  step("«Взять» marks the lead as the trainer's", async () => {
    await trainer.press("Взять");
    await trainer.sawToast("Клиент Анна");
  });

  step("the programme comes again when she asks for it", async () => {
    await anna.command("menu");
    await anna.isAsked("Чем помочь?");
    await anna.press("📄 Моя программа");
    const again = await anna.getsDocument({ already: 1 });
    assert.equal(again.document, document.document);
  });

  step("the CRM knows Anna once, with her source, her stage and her history", async () => {
    const crm = await Crm.signIn(world.system);
    const found = await crm.clients("анна");
    assert.equal(found.length, 1, "one client");
    const [client] = found;
    assert.equal(client.source, "site");
    assert.equal(client.campaign, "spring");
    assert.equal(client.start_payload, "site_spring");
    assert.equal(client.stage.kind, "consultation");
    assert.equal(client.needs_trainer, false);

    const leads = (await crm.get(`/api/leads?client=${client.id}`)).items;
    assert.deepEqual(leads.map((one) => [one.status, one.source, one.taken_by]), [["qualified", "site", "trainer"]]);

    const [run] = (await crm.get(`/api/questionnaires?client=${client.id}`)).items;
    const details = await crm.get(`/api/questionnaires/${run.id}`);
    assert.equal(details.status, "completed");
    assert.equal(details.questions.find((one) => one.id === "weight").answer.ru, "71 кг");
    assert.ok(details.questions.every((one) => one.answer && one.spent_ms >= 0), "every question has its answer and its time");

    const timeline = await crm.timeline(client.id);
    const kinds = timeline.filter((one) => one.type === "action").map((one) => one.kind);
    for (const kind of ["lead.created", "questionnaire.started", "questionnaire.completed", "program.ready", "lead.taken"]) {
      assert.ok(kinds.includes(kind), `the timeline tells «${kind}»: ${kinds}`);
    }
    const consents = timeline.filter((one) => one.type === "consent").map((one) => [one.kind, one.is_granted]);
    assert.deepEqual(consents.toSorted(), [["marketing", false], ["personal_data", true]]);
    const said = timeline.filter((one) => one.type === "message").map((one) => one.text);
    assert.ok(said.some((text) => text.includes("А можно заниматься утром?")), "her question is in the timeline");

    const programs = (await crm.get(`/api/programs?client=${client.id}`)).items;
    assert.equal(programs.length, 1, "one programme");
    assert.equal(programs[0].status, "ready");
    assert.ok(programs[0].delivered_at, "it is known to be delivered");
    const file = await crm.download(`/api/programs/${programs[0].id}/file`);
    assert.equal(file.type, "application/pdf");
    assert.equal(file.bytes.subarray(0, 5).toString(), "%PDF-");
  });

  step("a second link leaves the first source as it was and is remembered beside it", async () => {
    await anna.openLink("https://t.me/voronka_bot?start=vk_marathon");
    await anna.hears("С возвращением, Анна!");
    const crm = await Crm.signIn(world.system);
    const [client] = await crm.clients("анна");
    assert.equal(client.source, "site");
    const touches = (await crm.timeline(client.id)).filter((one) => one.type === "touch").map((one) => one.payload);
    assert.deepEqual(touches.toSorted(), ["site_spring", "vk_marathon"]);
  });

  step("the page made no error and asked no foreign host", () => {
    assert.deepEqual(anna.page.problems, []);
  });
});
