// Bills in a chat, and the sheet on which one is paid.

import { get, post } from "./api.js";
import { openDialog } from "./dialogs.js";
import { el } from "./dom.js";
import { locale, say } from "./language.js";

// As in the real client: the bot has ten seconds, a little more for the way.
const PATIENCE_MS = 11_000;
const LOOK_AGAIN_MS = 250;
const MINOR_DIGITS = { JPY: 0, KWD: 3, XTR: 0 };

/** "2 773 ⭐" or "4 990 ₽". */
export function amountOf({ currency, total_amount: minor }) {
  const digits = MINOR_DIGITS[currency] ?? 2;
  const units = minor / 10 ** digits;
  if (currency === "XTR") return `${new Intl.NumberFormat(locale()).format(units)} ⭐`;
  return new Intl.NumberFormat(locale(), { style: "currency", currency, maximumFractionDigits: units % 1 ? digits : 0, minimumFractionDigits: 0 }).format(units);
}

export function billCard({ invoice }) {
  return el("div", { class: "bill", "data-testid": "bill" },
    el("b", { class: "bill-title" }, invoice.title),
    el("p", { class: "bill-words" }, invoice.description),
    el("p", { class: "bill-sum" }, amountOf(invoice), invoice.paid ? el("span", { class: "bill-paid" }, say("оплачено", "paid")) : null),
  );
}

/** A line between the messages: paid, or given back. */
export function moneyLine(message) {
  const sum = amountOf(message.charge);
  return message.kind === "successful_payment"
    ? say(`Вы заплатили ${sum}: ${message.charge.title}`, `You paid ${sum}: ${message.charge.title}`)
    : say(`Вам вернули ${sum}: ${message.charge.title}`, `${sum} came back to you: ${message.charge.title}`);
}

/** Pay, let the bank decline, or close it: closing sends nothing at all. */
export async function openPaySheet(pane, message) {
  const { invoice } = message;
  const isStars = invoice.currency === "XTR";
  const { stars } = await get(`/sandbox/telegram/chats/${pane.userId}`);
  const note = el("p", { class: "pay-note", role: "status", "aria-live": "polite" });
  const pay = el("button", { type: "button", class: "button primary", "data-testid": "pay-sheet-pay" }, say(`Заплатить ${amountOf(invoice)}`, `Pay ${amountOf(invoice)}`));
  const decline = isStars ? null : el("button", { type: "button", class: "button", "data-testid": "pay-sheet-decline" }, say("Банк откажет", "The bank declines"));
  const close = el("button", { type: "button", class: "button", "data-testid": "pay-sheet-close", onclick: () => dialog.close() }, say("Закрыть", "Close"));
  const buttons = [pay, decline].filter(Boolean);
  const ask = async (choice) => {
    for (const button of buttons) button.disabled = true;
    note.textContent = say("Телеграм спрашивает бота…", "Telegram asks the bot…");
    try {
      note.textContent = await outcome(pane.userId, message.message_id, choice);
    } catch (error) {
      note.textContent = error.message;
      for (const button of buttons) button.disabled = false;
    }
  };
  pay.addEventListener("click", () => ask("pay"));
  decline?.addEventListener("click", () => ask("decline"));
  const dialog = openDialog(say("Оплата", "Payment"),
    el("div", { class: "dialog-body pay-sheet" },
      el("h2", {}, invoice.title),
      el("p", { class: "muted" }, invoice.description),
      isStars
        ? el("p", { "data-testid": "stars" }, say(`У вас ${amountOf({ currency: "XTR", total_amount: stars })}`, `You have ${amountOf({ currency: "XTR", total_amount: stars })}`))
        : el("p", {}, say("Карта •••• 4477 песочницы", "The sandbox's card •••• 4477")),
      note,
      el("div", { class: "dialog-actions" }, close, decline, pay),
    ),
    { testId: "pay-sheet" },
  );
}

async function outcome(userId, messageId, choice) {
  const { pre_checkout_query_id: id } = await post(`/sandbox/telegram/chats/${userId}/pay`, { message_id: messageId, choice });
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    const seen = await get(`/sandbox/telegram/checkouts/${id}`);
    if (seen.state === "paid") return say("Оплачено", "Paid");
    if (seen.state === "refused") return say(`Бот отказал: ${seen.reason}`, `The bot refused: ${seen.reason}`);
    if (seen.state === "declined") return say("Банк отказал, деньги не списаны", "The bank declined, nothing was charged");
    if (seen.state === "timed_out") break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  return say("Бот не ответил за 10 секунд: платёж отменён, деньги не списаны", "The bot did not answer within 10 seconds: the payment is canceled, nothing was charged");
}
