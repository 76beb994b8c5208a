// Whether money and goods are where they belong, asked from the outside: the banks' own journals against the API's lists,
// the ledger's export, and what stands in the chats.

import assert from "node:assert/strict";

export const PAID = ["completed", "partially_refunded", "refunded"];
const BANKS = ["yookassa", "tbank"];

export async function collect(api, sandbox) {
  const [orders, payments, refunds, programs, tasks, jobs, stuck, balance, promos, clients] = await Promise.all([
    api.all("/api/orders"), api.all("/api/payments"), api.all("/api/refunds"), api.all("/api/programs"), api.all("/api/tasks"),
    api.all("/api/jobs?state=dead"), api.all("/api/deliveries/stuck"), api.get("/api/ledger/trial-balance"),
    api.all("/api/promocodes"), api.all("/api/clients"),
  ]);
  const details = new Map();
  for (const order of orders) details.set(order.id, await api.get(`/api/orders/${order.id}`));
  const journal = (await api.ask("GET", "/api/ledger/export.csv")).whole.trim().split("\n").slice(1).map((line) => {
    const [at, transfer, kind, cause, debit, credit, amount] = line.split(",").map((cell) => cell.replaceAll('"', "").trim());
    return { at, transfer, kind, cause, debit, credit, minor: Math.round(Number(amount) * 100) };
  });
  const bank = {};
  for (const name of BANKS) {
    bank[name] = {};
    for (const what of ["payments", "refunds"]) bank[name][what] = await (await fetch(`${sandbox.base}/sandbox/banks/${name}/${what}`)).json();
  }
  return { orders, payments, refunds, programs, tasks, jobs, stuck, balance, promos, clients, details, journal, bank };
}

const sum = (all, of) => all.reduce((total, one) => total + of(one), 0);

/** What the banks took and gave back is what our payments and refunds say, one by one. */
export function banksAgree({ payments, refunds, bank }) {
  for (const name of BANKS) {
    const ours = payments.filter((one) => one.provider === name);
    for (const theirs of bank[name].payments) {
      const known = ours.filter((one) => one.provider_payment_id === theirs.id);
      if (known.length === 0) {
        assert.equal(theirs.paid_minor, 0, `${name} took money for ${theirs.id}, of which nobody here knows`);
        continue;
      }
      assert.equal(known.length, 1, `${theirs.id} is one payment here`);
      const [payment] = known;
      assert.equal(PAID.includes(payment.status), theirs.paid_minor > 0, `${payment.id} is ${payment.status} here, ${theirs.status} at ${name}`);
      if (theirs.paid_minor > 0) assert.equal(payment.amount.amount_minor, theirs.paid_minor, `${payment.id}: the sum`);
      assert.equal(payment.refunded.amount_minor, theirs.refunded_minor, `${payment.id}: given back`);
      const given = refunds.filter((one) => one.payment_id === payment.id && one.status === "succeeded");
      const giving = bank[name].refunds.filter((one) => one.payment_id === theirs.id && one.status === "succeeded");
      assert.deepEqual(given.map((one) => one.amount.amount_minor).sort(), giving.map((one) => one.amount_minor).sort(), `${payment.id}: each refund once`);
    }
    for (const payment of ours.filter((one) => PAID.includes(one.status))) {
      assert.ok(bank[name].payments.some((one) => one.id === payment.provider_payment_id), `${payment.id} is paid here, and ${name} never saw it`);
    }
  }
}

/** Nothing hangs, and what a person is asked is asked once. */
export function nothingHangs({ orders, payments, refunds, jobs, stuck, tasks }) {
  assert.deepEqual(jobs, [], "no dead jobs");
  assert.deepEqual(stuck, [], "no stuck messages");
  assert.deepEqual(tasks.filter((one) => one.kind === "stuck"), [], "nobody is asked to help work that stopped");
  for (const payment of payments) assert.ok(!["creating", "pending", "waiting_for_capture"].includes(payment.status), `${payment.id} is still ${payment.status}`);
  for (const refund of refunds) assert.ok(!["requested", "pending"].includes(refund.status), `${refund.id} is still ${refund.status}`);
  for (const order of orders) assert.notEqual(order.status, "awaiting_payment", `${order.id} still waits`);
  const keys = tasks.map((one) => `${one.kind} ${one.order_id} ${one.payment_id} ${one.refund_id} ${JSON.stringify(one.facts)}`);
  assert.equal(new Set(keys).size, keys.length, "a task twice");
}

/** What an order's payments brought and its lines don't use: it lies in the client's wallet, and goes back first. */
function spareOf(order, { payments, details }) {
  const paid = payments.filter((one) => one.order_id === order.id && PAID.includes(one.status));
  const kept = sum(paid, (one) => one.amount.amount_minor - one.refunded.amount_minor);
  const used = order.paid_at ? sum(details.get(order.id).lines, (line) => line.total.amount_minor - line.refunded.amount_minor) : 0;
  return kept - used;
}

/** An order is paid by one payment; what came beside it waits in the wallet; what was given back closes it. */
export function ordersAgree({ orders, payments, details }) {
  for (const order of orders) {
    const paid = payments.filter((one) => one.order_id === order.id && PAID.includes(one.status));
    const isBought = Boolean(order.paid_at);
    if (order.total.amount_minor === 0) assert.equal(paid.length, 0, `${order.id} costs nothing`);
    else assert.equal(isBought, paid.length > 0, `${order.id} is ${order.status} and has ${paid.length} payments`);
    const spare = paid.filter((one) => one.concern === "order_not_waiting");
    assert.equal(spare.length, Math.max(0, paid.length - 1), `${order.id} is paid once for itself`);
    const back = sum(details.get(order.id).lines, (line) => line.refunded.amount_minor);
    if (isBought) assert.ok(spareOf(order, { payments, details }) >= 0, `${order.id}: more went back than its lines gave up`);
    if (order.total.amount_minor > 0 && isBought) {
      assert.equal(order.status === "refunded", back === order.total.amount_minor, `${order.id} is ${order.status}, ${back} of ${order.total.amount_minor} went back`);
    }
  }
}

/** The ledger: each fact is booked once, all accounts together are nothing, and a provider's is what that bank owes us. */
export function booksAgree({ orders, payments, refunds, details, balance, journal, bank }) {
  assert.ok(balance.is_balanced && balance.totals.every((one) => one.amount_minor === 0), JSON.stringify(balance));
  const transfers = new Map();
  for (const line of journal) {
    const key = `${line.kind}:${line.cause}`;
    const known = transfers.get(key) ?? { ids: new Set(), minor: 0 };
    known.ids.add(line.transfer);
    known.minor += line.minor;
    transfers.set(key, known);
  }
  for (const [key, { ids }] of transfers) assert.equal(ids.size, 1, `${key} is booked ${ids.size} times`);
  const booked = (kind) => new Map([...transfers].filter(([key]) => key.startsWith(`${kind}:`)).map(([key, { minor }]) => [key.slice(kind.length + 1), minor]));
  const expected = (all, of) => new Map(all.map((one) => [one.id, of(one)]));
  const sorted = (map) => [...map].sort();
  const paid = payments.filter((one) => PAID.includes(one.status));
  assert.deepEqual(sorted(booked("payment_succeeded")), sorted(expected(paid, (one) => one.amount.amount_minor)), "every payment once");
  const bought = orders.filter((one) => one.paid_at && one.total.amount_minor > 0);
  assert.deepEqual(sorted(booked("order_charged")), sorted(expected(bought, (one) => one.total.amount_minor)), "every order once");
  const given = refunds.filter((one) => one.status === "succeeded");
  assert.deepEqual([...booked("refund_succeeded").keys()].sort(), given.map((one) => one.id).sort(), "every refund once");
  for (const name of BANKS) {
    const side = (account) => sum(journal, (line) => (line.debit === account ? line.minor : 0) - (line.credit === account ? line.minor : 0));
    const net = sum(bank[name].payments, (one) => one.paid_minor - one.refunded_minor);
    assert.equal(side(`provider_clearing:${name}:RUB`) + side(`fees:${name}:RUB`), net, `${name} owes us what it took and did not give back`);
  }
  const spare = sum(orders, (one) => spareOf(one, { payments, details }));
  const wallets = balance.items.find((one) => one.kind === "wallet")?.balance.amount_minor ?? 0;
  assert.equal(wallets + spare, 0, "wallets hold what came twice and nothing else");
}

/**
 * A code is used by the orders that have it and are not called off: never more often than it allows, but for those that were
 * paid after all, when others had taken their use: the price they paid stands.
 */
export function promosAgree({ orders, promos, payments }) {
  for (const promo of promos) {
    const users = orders.filter((one) => one.promo_code_id === promo.id && !["canceled", "expired"].includes(one.status));
    assert.equal(promo.uses, users.length, `${promo.code}: uses`);
    const late = users.filter((one) => payments.some((payment) => payment.order_id === one.id && payment.concern === "paid_after_closing"));
    assert.ok(promo.uses <= (promo.terms.total_limit ?? Infinity) + late.length, `${promo.code} is used ${promo.uses} times`);
  }
}

/** What was paid for is given once: one programme row an order, one task for what a person gives, each noted once. */
export async function deliveriesAgree(facts, api) {
  const { orders, programs, tasks, details, clients } = facts;
  for (const client of clients) {
    const own = orders.filter((one) => one.client_id === client.id);
    const entries = await api.all(`/api/clients/${client.id}/timeline`);
    const noted = (kind) => entries.filter((one) => one.type === "action" && one.kind === kind).map((one) => one.details?.order_id ?? one.details?.refund_id);
    for (const kind of ["order.paid", "order.fulfilled", "refund.succeeded"]) {
      assert.equal(new Set(noted(kind)).size, noted(kind).length, `${client.name}: «${kind}» once each`);
    }
    assert.deepEqual(noted("order.paid").sort(), own.filter((one) => one.paid_at).map((one) => one.id).sort(), `${client.name}: every paid order is noted once`);
    const whole = programs.filter((one) => one.client_id === client.id && one.reason === "paid" && one.parent_id == null);
    const gives = own.filter((one) => one.paid_at && details.get(one.id).lines.some((line) => line.grants.includes("full_program")));
    assert.ok(whole.length <= gives.length, `${client.name}: ${whole.length} whole programmes for ${gives.length} orders`);
  }
  for (const order of orders) {
    const byHand = details.get(order.id).lines.some((line) => line.grants.some((grant) => grant !== "full_program"));
    const asked = tasks.filter((one) => one.kind === "give_by_hand" && one.order_id === order.id && !one.facts.reason);
    assert.ok(asked.length <= 1, `${order.id}: a person is asked once`);
    if (["paid", "fulfilled"].includes(order.status)) assert.equal(asked.length, byHand ? 1 : 0, `${order.id}: what a person gives`);
    // Nobody works for money that went back.
    if (order.status === "refunded") assert.ok(asked.every((one) => one.status === "done"), `${order.id} was given back`);
  }
}

/**
 * How often a message stands in a chat against how often it was due. More than once is allowed only across a kill of the
 * bot: Telegram can't be asked what it took (decision 0003). Returns how many repeats there were.
 */
export function cameOnce(what, copies, due, killsOfBot) {
  assert.ok(copies.length >= due, `${what}: ${copies.length} came of ${due}`);
  const repeats = copies.length - due;
  let explained = 0;
  for (let at = 1; at < copies.length; at += 1) {
    if (killsOfBot.some((kill) => kill.until_ms >= copies[at - 1].at_ms && kill.from_ms <= copies[at].at_ms)) explained += 1;
  }
  assert.ok(repeats <= explained, `${what}: came ${copies.length} times instead of ${due}, and the bot was not killed in between: `
    + JSON.stringify({ copies: copies.map((one) => one.at_ms), killsOfBot }));
  return repeats;
}
