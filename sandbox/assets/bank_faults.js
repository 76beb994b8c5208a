// The switches of the banks and of the mail server: for the next calls, by chance, or a length of time.

import { el } from "./dom.js";
import { say } from "./language.js";

const CALLS = [
  ["refuse", () => say("Ключи вдруг неверны", "Credentials suddenly wrong")],
  ["too_many_requests", () => say("Слишком много запросов, 429", "Too many requests, 429")],
  ["server_error", () => say("Ошибка 500, ничего не сделано", "Error 500, nothing done")],
  ["drop_request", () => say("Обрыв до дела", "Cut off before the deed")],
  ["processing", () => say("«В обработке»: 202, у Т-Банка 9999", "“Processing”: 202, at T-Bank 9999")],
  ["error_after_effect", () => say("Сделано, но ответ 500", "Done, but answers 500")],
  ["drop_response", () => say("Сделано и обрыв", "Done, then cut off")],
  ["hang", () => say("Сделано и молчание", "Done, then silence")],
  ["expire_link", () => say("Ссылка сразу истекла", "The link is born expired")],
  ["decline_charge", () => say("Отказ в списании с сохранённой карты", "Charge of a saved card declined")],
  ["pending_refund", () => say("Возврат зависает", "A refund hangs")],
  ["fail_refund", () => say("Возврат не проходит", "A refund fails")],
  ["fail_receipt", () => say("Чек не регистрируется", "A receipt isn't registered")],
];
const POST = [
  ["duplicate", () => say("Уведомление дважды", "A notification twice")],
  ["reorder", () => say("Уведомление после следующего", "A notification after the next one")],
  ["delay", () => say("Уведомление опаздывает", "A notification is late")],
  ["lose", () => say("Уведомление теряется", "A notification is lost")],
  ["forge", () => say("Подделка перед настоящим", "A forgery before the true one")],
];
const MAIL = [
  ["busy", () => say("Сервер занят, 421", "The server is busy, 421")],
  ["refuse_auth", () => say("Пароль не принят, 535", "Password refused, 535")],
  ["refuse", () => say("Адресата нет, 550", "No such recipient, 550")],
  ["defer", () => say("Зайдите позже, 451", "Try later, 451")],
  ["drop_mail", () => say("Обрыв, письмо потеряно", "Cut off, the letter is lost")],
  ["drop_response", () => say("Письмо принято и обрыв", "The letter is taken, then cut off")],
];
const FORGERIES = ["sender", "token", "state", "amount", "shop", "unknown"];

function number(part, path, label, value, max, change) {
  const input = el("input", { type: "number", min: 0, max, inputmode: "numeric", value, "aria-label": label, "data-testid": `${part}-${path.join("-")}`, onchange: () => {
    const chosen = Math.min(max, Math.max(0, Math.trunc(Number(input.value) || 0)));
    change({ [part]: path.reduceRight((inner, key) => ({ [key]: inner }), chosen) });
  } });
  return input;
}

function chance(part, name, title, state, change) {
  const on = state[name].next > 0 || state[name].percent > 0;
  return el("div", { class: `switch-row chance ${on ? "on" : ""}` }, el("span", {}, el("b", {}, title)),
    number(part, [name, "next"], say(`${title}: столько следующих раз`, `${title}: so many next times`), state[name].next, 100000, change),
    number(part, [name, "percent"], say(`${title}: доля случаев, %`, `${title}: share of cases, %`), state[name].percent, 100, change));
}

function plain(part, name, title, state, change, max = 86400000) {
  return el("div", { class: `switch-row ${name === "slow_ms" && state[name] > 0 ? "on" : ""}` }, el("span", {}, el("b", {}, title)), number(part, [name], title, state[name], max, change));
}

function card(part, title, faults, change, rows) {
  return el("section", { class: "card" },
    el("div", { class: "card-head" }, el("h2", {}, title), el("span", { class: "muted" }, say("следующих раз · процент случаев", "next times · percent of cases"))),
    el("div", { class: "switches" }, rows(faults[part])));
}

function bankCard(part, title, faults, change) {
  return card(part, title, faults, change, (state) => [
    plain(part, "slow_ms", say("Задержка каждого ответа, мс", "Delay of every answer, ms"), state, change),
    CALLS.map(([name, words]) => chance(part, name, words(), state, change)),
    POST.map(([name, words]) => chance(part, name, words(), state, change)),
    plain(part, "hang_ms", say("Сколько молчать, мс", "How long the silence is, ms"), state, change),
    plain(part, "delay_ms", say("Насколько опаздывать, мс по часам песочницы", "How late, ms by the sandbox's clock"), state, change),
    plain(part, "seed", say("Зерно случая", "Seed of chance"), state, change, 1000000000),
    el("label", { class: "switch-row" }, el("span", {}, el("b", {}, say("Что не так в подделке", "What a forgery gets wrong"))),
      el("select", { "data-testid": `${part}-forge_as`, style: "width:auto", onchange: (event) => change({ [part]: { forge_as: event.target.value } }) },
        FORGERIES.map((kind) => el("option", { value: kind, selected: kind === state.forge_as }, kind)))),
  ]);
}

/** Cards for the page of faults; `change(patch)` sends a part of the switches. */
export function bankFaults(faults, change) {
  return [
    bankCard("yookassa", say("ЮKassa", "YooKassa"), faults, change),
    bankCard("tbank", say("Т-Банк", "T-Bank"), faults, change),
    card("mail", say("Почта", "Mail"), faults, change, (state) => [
      plain("mail", "slow_ms", say("Задержка каждого ответа, мс", "Delay of every answer, ms"), state, change),
      MAIL.map(([name, words]) => chance("mail", name, words(), state, change)),
    ]),
  ];
}

/** How many switches of the banks and the mail are on. */
export function countBankFaults(faults) {
  const on = (value) => value?.next > 0 || value?.percent > 0;
  return ["yookassa", "tbank", "mail"].map((part) => faults[part]).filter(Boolean)
    .reduce((sum, state) => sum + Object.values(state).filter(on).length + Number(state.slow_ms > 0), 0);
}
