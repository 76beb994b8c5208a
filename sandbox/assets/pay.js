// The hosted page of a bank: the sum, a card form, the 3-D Secure code, and how it ended.

import { get, post } from "./api.js";
import { el, icon } from "./dom.js";
import { timeOfDay } from "./formats.js";
import { applyTheme, currentLanguage, languageButton, languageChanges, locale, remembered, say, setLanguage, themeButton } from "./language.js";

const REFRESH_MS = 2_000;
const BANKS = { yookassa: "ЮKassa", tbank: "Т-Банк" };

const bank = location.pathname.startsWith("/tbank/") ? "tbank" : "yookassa";
const id = bank === "tbank" ? location.pathname.split("/").pop() : new URLSearchParams(location.search).get("orderId");
const path = `/sandbox/pay/${bank}/${encodeURIComponent(id ?? "")}`;

let view = null;
let busy = false;
let problem = null;
/** What stands in the form outlives a redraw: a change of language or theme takes nothing away. */
const typed = { number: "", expiry: "", csc: "", code: "", outcome: "", method: "", save: null };

function money(kopecks, currency) {
  return new Intl.NumberFormat(locale(), { style: "currency", currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: kopecks % 100 === 0 ? 0 : 2 }).format(kopecks / 100);
}

const PROBLEMS = {
  card_number: () => say("Проверьте номер карты: похоже, в нём опечатка.", "Check the card number: there seems to be a slip."),
  card_expiry: () => say("Срок выглядит так: 12/30.", "The date looks like 12/30."),
  card_csc: () => say("Три цифры с обратной стороны карты.", "Three digits on the back of the card."),
  code: () => say("Введите код, чтобы продолжить.", "Enter the code to go on."),
};

async function act(body) {
  if (busy) return;
  busy = true;
  problem = null;
  draw();
  try {
    const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const answer = await response.json();
    if (response.ok) view = answer;
    else if (answer.field) problem = answer.field;
    else if (response.status === 409) view = (await get(path)) ?? view;
    else problem = answer.error;
  } catch {
    problem = say("Песочница не отвечает. Попробуйте ещё раз.", "The sandbox does not answer. Try again.");
  }
  busy = false;
  if (view.redirects && view.return_url && ["succeeded", "failed"].includes(view.state) && body.action !== "expire") {
    location.assign(view.return_url);
    return;
  }
  draw(true);
}

function field(name, label, props) {
  const wrong = problem === `card_${name}` || (name === "code" && problem === "code");
  const input = el("input", {
    ...props, id: name, value: typed[name], "data-testid": name === "code" ? "code" : `card-${name}`, "aria-invalid": wrong ? "true" : null, "aria-describedby": wrong ? "problem" : null,
    oninput: () => {
      typed[name] = input.value;
    },
  });
  return el("label", { class: "field" }, el("span", {}, label), input);
}

/** Groups of four while typing; the caret goes to the end only when it stood there. */
function grouped(event) {
  const input = event.target;
  if (input.selectionStart !== input.value.length) return;
  input.value = input.value.replace(/\D/g, "").slice(0, 19).replace(/(.{4})(?=.)/g, "$1 ");
  typed.number = input.value;
}

function slashed(event) {
  const input = event.target;
  if (input.selectionStart !== input.value.length || event.inputType === "deleteContentBackward") return;
  const digits = input.value.replace(/\D/g, "").slice(0, 4);
  input.value = digits.length > 2 ? `${digits.slice(0, 2)}/${digits.slice(2)}` : digits;
  typed.expiry = input.value;
}

function fill(outcome) {
  typed.outcome = outcome;
  const chosen = view.outcomes.find((one) => one.key === outcome);
  if (chosen) {
    typed.number = (chosen.card ?? view.outcomes[0].card).replace(/(.{4})(?=.)/g, "$1 ");
    typed.expiry ||= "12/30";
    typed.csc ||= "123";
    typed.method = "";
  }
  problem = null;
  draw();
  document.getElementById("outcome")?.focus();
}

function pay(event) {
  event.preventDefault();
  const body = { action: "pay", save: Boolean(typed.save ?? false) };
  if (typed.outcome) body.outcome = typed.outcome;
  if (typed.method) body.method = typed.method;
  else if (view.method === "bank_card") body.card = { number: typed.number, expiry: typed.expiry, csc: typed.csc };
  act(body);
}

function sandboxTools() {
  return el("section", { class: "pay-sandbox" },
    el("b", {}, say("Песочница: деньги не настоящие", "Sandbox: the money isn't real")),
    el("label", { class: "field" }, el("span", {}, say("Чем всё кончится", "How it ends")),
      el("select", { id: "outcome", "data-testid": "outcome", onchange: (event) => fill(event.target.value) },
        el("option", { value: "" }, say("Как решит номер карты", "As the card number says")),
        view.outcomes.map((one) => el("option", { value: one.key, selected: one.key === typed.outcome }, `${currentLanguage() === "ru" ? one.ru : one.en}${/^\w/.test(one.key) && !["success", "three_ds"].includes(one.key) ? ` · ${one.key}` : ""}`)))),
    el("button", { type: "button", class: "link-button", "data-testid": "expire", onclick: () => act({ action: "expire" }) }, icon("clock"), say("Пусть ссылка истечёт сейчас", "Let the link expire now")),
  );
}

function savedMethods() {
  if (!view.saved.length) return null;
  const choice = (value, title) => el("label", {},
    el("input", { type: "radio", name: "method", value, checked: typed.method === value, "data-testid": value ? `saved-${value}` : "other-card", onchange: () => { typed.method = value; draw(); document.querySelector(`[name="method"][value="${value}"]`)?.focus(); } }), title);
  return el("fieldset", { class: "pay-saved" }, el("legend", { class: "visually-hidden" }, say("Чем платить", "Pay with")),
    view.saved.map((one) => choice(one.id, one.title)), choice("", say("Другая карта", "Another card")));
}

function form() {
  const verb = view.binding ? say("Привязать карту", "Bind the card") : say(`Оплатить ${money(view.amount_minor, view.currency)}`, `Pay ${money(view.amount_minor, view.currency)}`);
  const byCard = view.method === "bank_card" && !typed.method;
  const failedBefore = view.reason ? el("p", { class: "problem", role: "alert", "data-testid": "try-failed" },
    view.words ? view.words[currentLanguage()] : say(`Отказ, код ${view.reason}`, `Declined, code ${view.reason}`),
    `. ${say("Попробуйте ещё раз или другой картой.", "Try again or with another card.")}${view.tries_left ? ` ${say(`Осталось попыток: ${view.tries_left}.`, `Tries left: ${view.tries_left}.`)}` : ""}`) : null;
  return el("form", { class: "pay-card", novalidate: true, onsubmit: pay },
    head(), failedBefore, savedMethods(),
    byCard ? [
      field("number", say("Номер карты", "Card number"), { inputmode: "numeric", autocomplete: "cc-number", placeholder: "0000 0000 0000 0000", onkeyup: grouped }),
      el("div", { class: "pay-row" },
        field("expiry", say("Срок", "Expiry"), { inputmode: "numeric", autocomplete: "cc-exp", placeholder: say("ММ/ГГ", "MM/YY"), onkeyup: slashed }),
        field("csc", "CVC", { inputmode: "numeric", autocomplete: "cc-csc", placeholder: "000", maxlength: 4 })),
    ] : null,
    byCard && view.can_save && !view.will_save ? el("label", { class: "pay-check" },
      el("input", { type: "checkbox", checked: Boolean(typed.save), "data-testid": "save-card", onchange: (event) => { typed.save = event.target.checked; } }), say("Запомнить карту", "Remember the card")) : null,
    view.will_save && byCard ? el("p", { class: "hint" }, say("Карта будет сохранена для следующих платежей.", "The card will be saved for further payments.")) : null,
    notice(),
    el("button", { class: "pay-button", "data-testid": "pay", disabled: busy }, busy ? say("Проверяем…", "Checking…") : verb),
    quietLinks(),
    sandboxTools(),
  );
}

function notice() {
  if (!problem) return null;
  return el("p", { class: "problem", id: "problem", role: "alert", "data-testid": "problem" }, PROBLEMS[problem]?.() ?? problem);
}

function quietLinks() {
  return el("div", { class: "pay-quiet" },
    view.return_url ? el("a", { class: "link-button", href: view.return_url, "data-testid": "abandon" }, icon("back"), say("Вернуться, не платя", "Go back without paying")) : el("span", {}),
    view.expires_at_ms ? el("span", { class: "hint" }, say(`Ссылка живёт до ${timeOfDay(view.expires_at_ms)}`, `The link lives until ${timeOfDay(view.expires_at_ms)}`)) : null);
}

function head() {
  return [
    el("div", {},
      el("div", { class: "pay-shop" }, view.shop ?? ""),
      el("h1", { class: "pay-sum", "data-testid": "amount" }, view.binding ? say("Привязка карты", "Binding a card") : money(view.amount_minor, view.currency)),
      view.description ? el("p", { class: "pay-description" }, view.description) : null),
  ];
}

function code() {
  return el("form", { class: "pay-card", novalidate: true, onsubmit: (event) => { event.preventDefault(); act({ action: "confirm", code: typed.code }); } },
    head(),
    el("p", {}, say("Банк отправил вам код. Введите его, чтобы подтвердить платёж.", "Your bank has sent you a code. Enter it to confirm the payment.")),
    field("code", say("Код из сообщения", "The code from the message"), { autocomplete: "one-time-code", autofocus: true }),
    el("p", { class: "hint" }, view.code_hint ? say(`Песочница ждёт ${view.code_hint}, любой другой не подойдёт.`, `The sandbox expects ${view.code_hint}, any other fails.`) : say("В песочнице подойдёт любой.", "Any will do in the sandbox.")),
    notice(),
    el("button", { class: "pay-button", "data-testid": "confirm-code", disabled: busy }, say("Подтвердить", "Confirm")),
    el("div", { class: "pay-quiet" },
      el("button", { type: "button", class: "link-button", "data-testid": "fail-code", onclick: () => act({ action: "fail_confirm" }) }, say("Код не приходит", "No code comes")),
      view.return_url ? el("a", { class: "link-button", href: view.return_url, "data-testid": "abandon" }, say("Вернуться, не платя", "Go back without paying")) : null));
}

function result() {
  const good = view.state === "succeeded";
  const titles = {
    succeeded: view.binding ? say("Карта привязана", "The card is bound") : view.held ? say("Деньги удержаны", "The money is held") : say("Оплачено", "Paid"),
    failed: say("Платёж не прошёл", "The payment failed"),
    expired: say("Ссылка больше не действует", "The link no longer works"),
  };
  const leads = {
    succeeded: view.held ? say("Магазин подтвердит списание позже.", "The shop takes the money later.") : say("Чек придёт от магазина.", "The shop sends the receipt."),
    failed: view.words ? `${view.words[currentLanguage()]}.` : say(`Причина: ${view.reason ?? "не названа"}.`, `Reason: ${view.reason ?? "none given"}.`),
    expired: say("Время на оплату вышло. Деньги не списаны, магазин сделает новую ссылку.", "The time to pay is over. No money was taken; the shop makes a new link."),
  };
  return el("div", { class: "pay-card" }, el("div", { class: `pay-result ${good ? "" : "bad"}`, "data-testid": "result", "data-state": view.state, "data-reason": view.reason },
    el("span", { class: "badge-big" }, icon(good ? "check" : view.state === "expired" ? "clock" : "close")),
    el("h1", {}, titles[view.state]),
    view.binding ? null : el("div", { class: "pay-sum" }, money(view.amount_minor, view.currency)),
    el("p", { class: "muted" }, leads[view.state])),
    view.return_url ? el("a", { class: "pay-button", href: view.return_url, "data-testid": "return" }, say("Вернуться в магазин", "Back to the shop")) : el("p", { class: "hint" }, say("Эту страницу можно закрыть.", "You may close this page.")));
}

function draw(focusProblem = false) {
  if (!view) return;
  document.body.dataset.bank = bank;
  document.title = `${say("Оплата", "Payment")} · ${BANKS[bank]}`;
  document.documentElement.lang = currentLanguage();
  const focused = document.activeElement?.dataset?.testid;
  const body = view.state === "form" ? form() : view.state === "three_ds" ? code() : result();
  document.getElementById("pay").replaceChildren(
    el("div", { class: "pay-top" }, el("span", { class: "pay-brand" }, BANKS[bank]), themeButton(), languageButton()), body);
  const wrong = focusProblem && document.querySelector("[aria-invalid]");
  if (wrong) wrong.focus();
  else if (focused) document.querySelector(`[data-testid="${focused}"]`)?.focus({ preventScroll: true });
}

function lost() {
  document.getElementById("pay").replaceChildren(el("div", { class: "pay-card", "data-testid": "no-payment" },
    el("h1", {}, say("Такого платежа нет", "There is no such payment")),
    el("p", { class: "muted" }, say("Возможно, ссылка набрана не целиком.", "Perhaps the link was not copied whole."))));
}

async function start() {
  applyTheme();
  try {
    view = await get(path);
  } catch {
    lost();
    return;
  }
  // The shop's choice holds until the payer makes one.
  if (view.language && !remembered("sandbox.language") && view.language !== currentLanguage()) setLanguage(view.language);
  const only = view.saved[0];
  if (only) typed.method = only.id;
  draw();
  languageChanges.addEventListener("change", () => draw());
  if (view.state === "form") await post(path, { action: "open" }).catch(() => {});
  // The clock or a test may end it from outside.
  setInterval(async () => {
    if (document.hidden || busy) return;
    const fresh = await get(path).catch(() => null);
    if (fresh && fresh.state !== view.state) {
      view = fresh;
      draw();
    }
  }, REFRESH_MS);
}

start();
