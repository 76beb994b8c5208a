//! The books can't be made wrong, and tell when somebody made them wrong by hand.

use domain::ids::{PaymentId, RefundId};
use domain::ledger::{self, Account, AccountKind};
use domain::money::{Currency, Money};
use store::{Error, account_id};
use tokio::task::JoinSet;

use crate::shop::{PRICE, PROVIDER, a_sale, a_transfer, charged, paid_in, rub, settle};
use crate::world::{World, page, page_after, scramble};

pub async fn a_purchase_is_in_the_books_to_the_kopeck(world: &World) {
    let sale = a_sale(world).await;
    let mut tx = world.write().await;
    settle(world, &mut tx, &sale).await;
    tx.commit().await.unwrap();
    let mut tx = world.read().await;
    let mut balance = async |account: Account| tx.balance(&account).await.unwrap();
    assert_eq!(
        balance(Account::provider_clearing(PROVIDER, Currency::Rub)).await,
        PRICE
    );
    assert_eq!(balance(Account::wallet(&sale.client, Currency::Rub)).await, rub(0));
    let revenue = Account::revenue(&sale.product.id, Currency::Rub);
    assert_eq!(balance(revenue).await, rub(-PRICE.minor));
    assert_eq!(
        tx.trial_balance().await.unwrap(),
        [
            (AccountKind::ProviderClearing, PRICE),
            (AccountKind::Revenue, rub(-PRICE.minor)),
            (AccountKind::Wallet, rub(0)),
        ]
    );
    assert_eq!(tx.check_books().await.unwrap(), []);
    let journal = tx.journal(&page(9)).await.unwrap().items;
    assert_eq!(journal.len(), 2);
    assert_eq!(
        journal[0].credit,
        account_id(&Account::wallet(&sale.client, Currency::Rub))
    );
}

pub async fn the_same_thing_is_booked_once_however_often_it_is_told(world: &World) {
    let sale = a_sale(world).await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let transfer = paid_in(world, &sale.client, &sale.payment.id, PRICE);
        let tenant = world.tenant.clone();
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            let booked = tx.post(&[transfer]).await.unwrap();
            tx.commit().await.unwrap();
            booked
        });
    }
    let booked = tasks
        .join_all()
        .await
        .into_iter()
        .flatten()
        .filter(|is_new| *is_new)
        .count();
    assert_eq!(booked, 1);
    let mut tx = world.read().await;
    let wallet = Account::wallet(&sale.client, Currency::Rub);
    assert_eq!(tx.balance(&wallet).await.unwrap(), rub(-PRICE.minor));
}

pub async fn a_wallet_is_never_overdrawn(world: &World) {
    let sale = a_sale(world).await;
    let mut tx = world.write().await;
    let charge = charged(world, &sale.client, &sale.order.id, &sale.product, PRICE);
    let refused = tx.post(std::slice::from_ref(&charge)).await;
    assert!(matches!(refused, Err(Error::Overdrawn { .. })), "{refused:?}");
    drop(tx);
    let mut tx = world.write().await;
    let little = rub(PRICE.minor - 1);
    tx.post(&[paid_in(world, &sale.client, &sale.payment.id, little)])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.write().await;
    let refused = tx.post(&[charge]).await;
    assert!(matches!(refused, Err(Error::Overdrawn { .. })), "{refused:?}");
    drop(tx);
    let mut tx = world.read().await;
    let wallet = Account::wallet(&sale.client, Currency::Rub);
    assert_eq!(
        tx.balance(&wallet).await.unwrap(),
        rub(-little.minor),
        "nothing of it was written"
    );
    assert_eq!(tx.check_books().await.unwrap().len(), 0);
}

pub async fn nobody_can_change_or_unbalance_what_is_booked(world: &World) {
    let sale = a_sale(world).await;
    let mut tx = world.write().await;
    settle(world, &mut tx, &sale).await;
    tx.post(&[paid_in(world, &sale.client, &world.id(), Money::new(5, Currency::Eur))])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let tenant = world.tenant.id();
    let (roubles, euros) = (
        account_id(&Account::wallet(&sale.client, Currency::Rub)),
        account_id(&Account::wallet(&sale.client, Currency::Eur)),
    );
    let clearing = account_id(&Account::provider_clearing(PROVIDER, Currency::Rub));
    let posting = |debit: &str, credit: &str, minor: i64, currency: &str| {
        format!(
            "INSERT INTO ledger_postings (tenant_id, transfer_id, position, debit_account_id, credit_account_id, amount_minor, currency, at_ms) \
             SELECT '{tenant}', id, 99, '{debit}', '{credit}', {minor}, '{currency}', 0 FROM ledger_transfers LIMIT 1"
        )
    };
    let mut raw = world.raw().await;
    for attempt in [
        "UPDATE ledger_postings SET amount_minor = amount_minor + 1".to_owned(),
        "DELETE FROM ledger_postings".to_owned(),
        "UPDATE ledger_transfers SET transfer_key = 'x'".to_owned(),
        "DELETE FROM ledger_transfers".to_owned(),
        posting(&roubles, &euros, 5, "RUB"),
        posting(&roubles, &clearing, 5, "EUR"),
        posting(&roubles, &clearing, 0, "RUB"),
        posting(&roubles, &clearing, -5, "RUB"),
        posting(&roubles, &roubles, 5, "RUB"),
        posting(&roubles, "nobody:knows:RUB", 5, "RUB"),
        "UPDATE payments SET refunded_minor = amount_minor + 1".to_owned(),
        "UPDATE order_lines SET refunded_minor = total_minor + 1".to_owned(),
        "UPDATE orders SET total_minor = total_minor - 1".to_owned(),
    ] {
        assert!(raw.refuses(&attempt).await, "{attempt}");
    }
    raw.close().await;
    assert_eq!(world.read().await.check_books().await.unwrap(), []);
}

pub async fn a_statement_tells_every_movement_newest_first(world: &World) {
    let sale = a_sale(world).await;
    let wallet = Account::wallet(&sale.client, Currency::Rub);
    let mut expected = Vec::new();
    let mut tx = world.write().await;
    for minor in 1..=7 {
        let payment: PaymentId = world.id();
        tx.post(&[paid_in(world, &sale.client, &payment, rub(minor))])
            .await
            .unwrap();
        expected.insert(0, rub(-minor));
    }
    tx.post(&[charged(world, &sale.client, &sale.order.id, &sale.product, rub(10))])
        .await
        .unwrap();
    expected.insert(0, rub(10));
    tx.commit().await.unwrap();
    let mut tx = world.read().await;
    let (mut told, mut after) = (Vec::new(), None);
    loop {
        let found = tx.entries(&wallet, &page_after(3, after.clone())).await.unwrap();
        let sum: i64 = found.items.iter().map(|entry| entry.amount.minor).sum();
        let top = match &after {
            None => tx.balance(&wallet).await.unwrap(),
            Some(_) => tx.balance_before(&wallet, after.as_ref()).await.unwrap(),
        };
        if let Some(next) = &found.next {
            let below = tx.balance_before(&wallet, Some(next)).await.unwrap();
            assert_eq!(below.minor + sum, top.minor, "a page lies between two balances");
        }
        told.extend(found.items.into_iter().map(|entry| entry.amount));
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(told, expected);
    let wallets = tx.balances(AccountKind::Wallet, &page(9)).await.unwrap().items;
    assert_eq!((wallets.len(), wallets[0].balance), (1, rub(10 - 28)));
}

/// Payments, charges and refunds of few clients by many at once: nobody waits in a circle, nothing is lost.
pub async fn the_books_stay_right_under_many_writers(world: &World) {
    let mut sales = Vec::new();
    for _ in 0..3 {
        sales.push(a_sale(world).await);
    }
    let mut tasks = JoinSet::new();
    for writer in 0..8_u64 {
        let mut steps = Vec::new();
        for step in 0..25_u64 {
            let dice = scramble(writer * 1_000 + step);
            let sale = &sales[usize::try_from(dice % 3).unwrap()];
            let amount = rub(i64::try_from(dice % 997 + 1).unwrap());
            let parts = [(sale.product.id.clone(), amount)];
            let refund = ledger::refund_succeeded(&world.id::<RefundId>(), PROVIDER, &sale.client, amount, &parts);
            let bought = [
                paid_in(world, &sale.client, &world.id(), amount),
                charged(world, &sale.client, &world.id(), &sale.product, amount),
            ];
            let fee = ledger::provider_fee(&world.id(), PROVIDER, rub(3)).unwrap();
            steps.push((
                dice % 5,
                bought,
                a_transfer(world, &sale.client, refund.unwrap()),
                a_transfer(world, &sale.client, fee),
            ));
        }
        let tenant = world.tenant.clone();
        tasks.spawn(async move {
            let mut turnover = 0;
            for (kind, bought, refund, fee) in steps {
                let mut tx = tenant.write().await.unwrap();
                tx.post(&bought).await.unwrap();
                if kind == 0 {
                    tx.post(&[refund]).await.unwrap();
                }
                if kind == 1 {
                    tx.post(&[fee]).await.unwrap();
                }
                // One in five never happened.
                if kind == 4 {
                    continue;
                }
                tx.commit().await.unwrap();
                turnover += 1;
            }
            turnover
        });
    }
    let done: i32 = tasks.join_all().await.into_iter().sum();
    assert!(done > 100);
    let mut tx = world.read().await;
    assert_eq!(tx.check_books().await.unwrap(), []);
    let total: i64 = tx
        .trial_balance()
        .await
        .unwrap()
        .iter()
        .map(|(_, money)| money.minor)
        .sum();
    assert_eq!(total, 0);
    for sale in &sales {
        let wallet = Account::wallet(&sale.client, Currency::Rub);
        assert_eq!(tx.balance(&wallet).await.unwrap(), rub(0));
    }
}

pub async fn books_that_were_changed_by_hand_are_found_out(world: &World) {
    let sale = a_sale(world).await;
    let mut tx = world.write().await;
    settle(world, &mut tx, &sale).await;
    tx.commit().await.unwrap();
    let mut raw = world.raw().await;
    let found = async || {
        let mut tx = world.read().await;
        let findings = tx.check_books().await.unwrap();
        findings.into_iter().map(|finding| finding.problem).collect::<Vec<_>>()
    };
    assert_eq!(found().await, Vec::<String>::new());
    let clearing = account_id(&Account::provider_clearing(PROVIDER, Currency::Rub));
    for (wrong, right, told) in [
        (
            format!("UPDATE ledger_balances SET balance_minor = balance_minor + 7 WHERE account_id = '{clearing}'"),
            format!("UPDATE ledger_balances SET balance_minor = balance_minor - 7 WHERE account_id = '{clearing}'"),
            clearing.clone(),
        ),
        (
            format!(
                "UPDATE payments SET refunded_minor = 1 WHERE id = '{}'",
                sale.payment.id
            ),
            format!(
                "UPDATE payments SET refunded_minor = 0 WHERE id = '{}'",
                sale.payment.id
            ),
            sale.payment.id.to_string(),
        ),
    ] {
        raw.execute(&wrong).await;
        let problems = found().await;
        assert!(problems.len() == 1 && problems[0].contains(&told), "{problems:?}");
        raw.execute(&right).await;
    }
    let unpaid = a_sale(world).await;
    for (table, id) in [
        ("payments", unpaid.payment.id.to_string()),
        ("orders", unpaid.order.id.to_string()),
    ] {
        let status = if table == "payments" { "completed" } else { "paid" };
        raw.execute(&format!("UPDATE {table} SET status = '{status}' WHERE id = '{id}'"))
            .await;
        let problems = found().await;
        assert!(problems.iter().any(|problem| problem.contains(&id)), "{problems:?}");
    }
    raw.close().await;
}
