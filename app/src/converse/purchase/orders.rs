//! What was bought: the list, one order, calling it off, giving its money back.

use domain::dialogue::purchase::{self, CardLine, Possible, Purchase};
use domain::dialogue::{Scene, Turn};
use domain::ids::OrderId;
use domain::order::{Grant, OrderStatus};
use store::{Order, OrderFilter, OrderLine, Tx};

use super::{Desk, SHOWN, show};
use crate::error::{Error, Result};
use crate::pay::{expire, refund};

/// What a line of the list has room for.
const BRIEF_CHARS: usize = 40;

impl Desk<'_> {
    /// The order, if it is this client's; a foreign or vanished one is explained.
    pub(super) async fn own(&self, tx: &mut Tx, id: &OrderId, turn: &mut Turn) -> Result<Option<Order>> {
        let found = tx.find_order(id).await?.filter(|order| order.client == self.client.id);
        if found.is_none() {
            turn.toast = Some(self.facts.texts.stale_button.clone());
            self.purchases(tx, turn).await?;
        }
        Ok(found)
    }

    pub(super) fn entry(&self, order: &Order, lines: &[OrderLine]) -> Purchase {
        let language = self.facts.language;
        let titles: Vec<&str> = lines.iter().map(|line| line.title.get(language)).collect();
        let what = titles.join(", ");
        let what = if what.chars().count() > BRIEF_CHARS {
            let brief: String = what.chars().take(BRIEF_CHARS).collect();
            format!("{}…", brief.trim_end())
        } else {
            what
        };
        let is_over = order.status.is_payable() && order.expires_at <= self.app.now();
        Purchase {
            order: order.id.clone(),
            what,
            total: order.total,
            status: if is_over { OrderStatus::Expired } else { order.status },
        }
    }

    pub(super) fn lines<'l>(&self, lines: &'l [OrderLine]) -> Vec<CardLine<'l>> {
        let language = self.facts.language;
        lines
            .iter()
            .map(|line| CardLine {
                title: line.title.get(language),
                delivery: line.delivery.get(language),
                quantity: line.quantity,
                is_monthly: line.is_monthly,
                list: line.list,
            })
            .collect()
    }

    pub(super) async fn purchases(&self, tx: &mut Tx, turn: &mut Turn) -> Result<()> {
        let filter = OrderFilter {
            client: Some(self.client.id.clone()),
            status: None,
        };
        let mut all = Vec::new();
        for order in tx.list_orders(&filter, &SHOWN).await?.items {
            let lines = tx.order_lines(&order).await?;
            all.push(self.entry(&order, &lines));
        }
        turn.scene = Scene::Idle;
        let content = purchase::purchases(&self.facts, &all);
        show(turn, self.with_cards(tx, content).await?);
        Ok(())
    }

    pub(super) async fn order(&self, tx: &mut Tx, id: &OrderId, turn: &mut Turn) -> Result<()> {
        let Some(order) = self.own(tx, id, turn).await? else {
            return Ok(());
        };
        let lines = tx.order_lines(&order).await?;
        let entry = self.entry(&order, &lines);
        let is_bought = matches!(order.status, OrderStatus::Paid | OrderStatus::Fulfilled);
        let gives_program = lines.iter().any(|line| line.grants.contains(&Grant::FullProgram));
        let possible = Possible {
            pay: entry.status.is_payable(),
            program: is_bought && gives_program && self.facts.has_program,
            refund: is_bought
                && refund::refundable_by_client_in(self.app, tx, &order.id)
                    .await?
                    .is_some(),
        };
        turn.scene = Scene::Idle;
        let content = purchase::order(&self.facts, &entry, &self.lines(&lines), &order.breakdown, possible);
        show(turn, content);
        Ok(())
    }

    pub(super) async fn cancel(&self, tx: &mut Tx, id: &OrderId, turn: &mut Turn) -> Result<()> {
        let Some(order) = self.own(tx, id, turn).await? else {
            return Ok(());
        };
        if !order.status.is_payable() {
            return self.order(tx, id, turn).await;
        }
        let pressed = self.pressed_message();
        match Box::pin(expire::cancel_in(self.app, tx, &self.caller, id, pressed)).await {
            Ok(()) => {}
            // Paid at this very moment.
            Err(Error::Conflict { .. }) => return self.order(tx, id, turn).await,
            Err(error) => return Err(error),
        }
        turn.scene = Scene::Idle;
        show(turn, self.about(&self.facts.texts.order_canceled, id));
        Ok(())
    }

    pub(super) async fn refund(&self, tx: &mut Tx, id: &OrderId, turn: &mut Turn) -> Result<()> {
        let Some(order) = self.own(tx, id, turn).await? else {
            return Ok(());
        };
        // Two presses are one refund: the second finds nothing left to give back.
        let text = match refund::refundable_by_client_in(self.app, tx, &order.id).await? {
            Some(payment) => match Box::pin(refund::request_in(self.app, tx, &self.caller, &payment, None, "")).await {
                Ok(_) => &self.facts.texts.refund_started,
                Err(Error::Conflict { .. }) => &self.facts.texts.refund_refused,
                Err(error) => return Err(error),
            },
            None if self.is_under_way(tx, &order.id).await? => &self.facts.texts.refund_started,
            None => &self.facts.texts.refund_refused,
        };
        show(turn, self.about(text, id));
        Ok(())
    }

    async fn is_under_way(&self, tx: &mut Tx, order: &OrderId) -> Result<bool> {
        let filter = store::RefundFilter {
            order: Some(order.clone()),
            status: None,
        };
        let refunds = tx.list_refunds(&filter, &SHOWN).await?.items;
        Ok(refunds.iter().any(|refund| refund.status.is_live()))
    }
}
