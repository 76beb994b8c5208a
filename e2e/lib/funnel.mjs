// The twelve questions in both languages, and the usual way through them.

/** One question: `ask` is part of its text; the answer is tapped (`press`, in order) or typed (`type`). */
const QUESTIONS = {
  ru: [
    { id: "sex", ask: "Ваш пол?", press: ["Женский"] },
    { id: "age", ask: "Сколько вам лет?", type: "31" },
    { id: "level", ask: "Какой у вас опыт тренировок?", press: ["Новичок: меньше полугода"] },
    { id: "goal", ask: "Какая у вас главная цель?", press: ["Снизить вес"] },
    { id: "height", ask: "Какой у вас рост?", type: "168" },
    { id: "weight", ask: "Сколько вы весите?", type: "72,5" },
    { id: "lifestyle", ask: "Как проходит ваш обычный день?", press: ["В основном сижу"] },
    { id: "place", ask: "Где будете тренироваться?", press: ["Дома"] },
    { id: "equipment", ask: "Что есть дома для тренировок?", press: ["Гантели и резинки"] },
    { id: "days", ask: "Сколько дней в неделю", press: ["3 дня"] },
    { id: "spare", ask: "Что стоит поберечь", press: ["Колени", "Готово ›"] },
    { id: "health", ask: "Есть ли что-то из этого", press: ["Нет, всё в порядке"] },
  ],
  en: [
    { id: "sex", ask: "What is your sex?", press: ["Male"] },
    { id: "age", ask: "How old are you?", type: "42" },
    { id: "level", ask: "How long have you been training?", press: ["Advanced: over two years"] },
    { id: "goal", ask: "What is your main goal?", press: ["Get stronger"] },
    { id: "height", ask: "How tall are you?", type: "182 cm" },
    { id: "weight", ask: "What is your weight?", type: "84.5 kg" },
    { id: "lifestyle", ask: "What is your usual day like?", press: ["A bit of both"] },
    { id: "place", ask: "Where will you train?", press: ["In a gym"] },
    { id: "days", ask: "How many days a week", press: ["4 days"] },
    { id: "spare", ask: "Is there anything to spare", press: ["Nothing", "Done ›"] },
    { id: "health", ask: "Does any of this apply", press: ["No, all is fine"] },
  ],
};

const WORDS = {
  ru: { free: "💪 Бесплатная программа", agree: "Согласен", noMarketing: "Нет, только программу", menu: "Чем помочь?", consent: "согласие на обработку персональных данных", marketing: "Присылать вам изредка полезное", summary: "Проверьте, всё ли верно", confirm: "✅ Всё верно, собрать программу", making: "Собираю вашу программу", offer: "Это первые две недели" },
  en: { free: "💪 Free programme", agree: "I agree", noMarketing: "No, just the programme", menu: "How can I help?", consent: "consent to the processing of personal data", marketing: "May I occasionally send you", summary: "Please check that all is right", confirm: "✅ All right, make my programme", making: "Putting your programme together", offer: "These are the first two weeks" },
};

export function words(language) {
  return WORDS[language];
}

/** The questions of the usual way; `changed` replaces answers by question id. */
export function questions(language, changed = {}) {
  return QUESTIONS[language].map((question) => {
    const other = changed[question.id];
    return other ? { id: question.id, ask: question.ask, ...other } : question;
  });
}

export async function answer(chat, question) {
  if (question.type) {
    await chat.type(question.type);
    return;
  }
  for (const [index, label] of question.press.entries()) {
    await chat.press(label);
    // A ticked option shows its tick before the next button is pressed.
    if (index + 1 < question.press.length) await chat.until(`a tick at «${label}»`, (all) => all.some((one) => one.buttons.includes(`✅ ${label}`)));
  }
}

/** From the first hello to the first question. */
export async function reachQuestions(chat, language = "ru") {
  const say = WORDS[language];
  await chat.pressStart();
  await chat.isAsked(say.menu);
  await chat.press(say.free);
  await chat.isAsked(say.consent);
  await chat.press(say.agree);
  await chat.isAsked(say.marketing);
  await chat.press(say.noMarketing);
}

/** Through all the questions to the summary. */
export async function answerAll(chat, language = "ru", changed = {}) {
  for (const question of questions(language, changed)) {
    await chat.isAsked(question.ask);
    await answer(chat, question);
  }
  await chat.isAsked(WORDS[language].summary);
}

/** The whole way to the document and the offer behind it; returns the document's message. */
export async function walk(chat, language = "ru", changed = {}) {
  await reachQuestions(chat, language);
  await answerAll(chat, language, changed);
  await chat.press(WORDS[language].confirm);
  await chat.hears(WORDS[language].making);
  const document = await chat.getsDocument();
  await chat.hears(WORDS[language].offer, { after: document });
  return document;
}
