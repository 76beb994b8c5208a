// How Google Sheets and the language model may behave, in words; shared by the pages that switch it.

import { el } from "./dom.js";
import { say } from "./language.js";

export function sheetModes() {
  return [
    ["ok", say("Исправно", "Working"), say("Отдаёт таблицу.", "Serves the sheet.")],
    ["slow", say("Медленно", "Slow"), say("Отвечает, но долго.", "Answers, but late.")],
    ["error", say("Ошибка 500", "Error 500"), say("Сервис сломался у себя.", "The service broke on its side.")],
    ["html", say("Страница вместо таблицы", "A page instead of the sheet"), say("Статус 200, а внутри HTML.", "Status 200 with HTML inside.")],
    ["private", say("Закрытый доступ", "Private"), say("Владелец закрыл таблицу: просит войти.", "The owner closed the sheet: asks to sign in.")],
    ["gone", say("Удалена", "Gone"), say("Таблицы больше нет, 404.", "The sheet is no more, 404.")],
  ];
}

export function llmModes() {
  return [
    ["ok", say("Честная", "Honest"), say("Пишет по делу и ничего не меняет.", "Writes to the point and changes nothing.")],
    ["wrong_numbers", say("Путает числа", "Wrong numbers"), say("Меняет подходы, повторы и отдых.", "Alters sets, reps and rest.")],
    ["missing_exercise", say("Теряет упражнение", "Loses an exercise"), say("Одно упражнение пропадает.", "One exercise goes missing.")],
    ["invented_exercise", say("Выдумывает упражнение", "Invents an exercise"), say("Добавляет то, чего в плане не было.", "Adds what the plan never had.")],
    ["english", say("Отвечает по-английски", "Answers in English"), say("Хотя просили по-русски.", "Although Russian was asked for.")],
    ["broken_json", say("Ломаный JSON", "Broken JSON"), say("Ответ обрывается на середине.", "The answer stops half-way.")],
    ["stall", say("Молчит", "Stalls"), say("Соединение открыто, ответа нет.", "The connection is open, no answer comes.")],
    ["refuse", say("Отказывается", "Refuses"), say("«Не могу помочь с этим».", "“I can't help with that”.")],
    ["error", say("Ошибка 500", "Error 500"), say("Сервис сломался у себя.", "The service broke on its side.")],
    ["rate_limited", say("Слишком часто", "Rate limited"), say("429, попробуйте позже.", "429, try later.")],
    ["promises", say("Обещает", "Promises"), say("«Похудеете за месяц, гарантируем».", "“You will lose weight fast, guaranteed”.")],
    ["medical_advice", say("Лечит", "Plays the doctor"), say("Советует лекарства.", "Advises medicines.")],
    ["filter", say("Фильтр провайдера", "The provider's filter"), say("Ответ задержан.", "The answer is held back.")],
    ["cut_off", say("Упирается в предел", "Hits the limit"), say("Ответ обрывается на пределе токенов.", "The answer stops at the limit of tokens.")],
    ["html", say("Страница вместо ответа", "A page instead"), say("HTML с кодом 200.", "HTML with status 200.")],
    ["bad_key", say("Не узнаёт ключ", "Rejects the key"), say("401.", "401.")],
    ["no_model", say("Не знает модели", "Has no such model"), say("404.", "404.")],
    ["no_money", say("Кончились деньги", "Out of money"), say("На счёте сервиса пусто.", "The service's balance is empty.")],
  ];
}

/** Radio cards for `modes` (`[value, title, explanation]`); `choose(value)` is called on a change. */
export function modeChoices(name, modes, chosen, choose) {
  return el("div", { class: "choices", role: "radiogroup" }, modes.map(([value, title, lead]) =>
    el("label", { class: "choice" },
      el("input", { type: "radio", name, value, checked: value === chosen, "data-testid": `${name}-${value}`, onchange: () => choose(value) }),
      el("span", {}, el("b", {}, title), el("span", {}, lead)))));
}
