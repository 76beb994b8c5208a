//! Two clients turn out to be one.

use std::collections::BTreeSet;

use domain::pipeline::LeadStatus;
use store::{Action, Backend, BotLink, LeadFilter, NewLead, OrderFilter};

use crate::shop::{a_sale, settle};
use crate::world::{NOW, World, page};

pub async fn no_table_that_names_a_client_is_forgotten(world: &World) {
    // What `merge_client` moves, or leaves on purpose: history is never rewritten, a chat stays with who writes in it.
    let known = BTreeSet::from([
        "client_actions.client_id",
        "client_discounts.client_id",
        "client_merges.client_id",
        "client_merges.into_client_id",
        "client_pipelines.client_id",
        "client_tags.client_id",
        "consents.client_id",
        "conversations.client_id",
        "held_notices.about_client_id",
        "leads.client_id",
        "ledger_transfers.client_id",
        "messages.client_id",
        "orders.client_id",
        "outbox.about_client_id",
        "outbox.client_id",
        "payments.client_id",
        "promo_code_usages.client_id",
        "questionnaires.client_id",
        "refunds.client_id",
        "saved_methods.client_id",
        "tasks.client_id",
        "touches.client_id",
        "training_programs.client_id",
    ]);
    let sql = match world.store.backend() {
        Backend::Sqlite => {
            "SELECT t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND c.name LIKE '%client_id'"
        }
        Backend::Postgres => {
            "SELECT table_name || '.' || column_name FROM information_schema.columns \
             WHERE table_schema = 'public' AND column_name LIKE '%client_id'"
        }
    };
    let mut raw = world.raw().await;
    for column in raw.texts(sql).await {
        assert!(
            known.contains(column.as_str()),
            "{column} names a client: does merge_client move it?"
        );
    }
    raw.close().await;
}

pub async fn everything_goes_over_once_and_history_stays(world: &World) {
    let sale = a_sale(world).await;
    let known = world.a_client();
    let mut tx = world.write().await;
    tx.insert_client(&known).await.unwrap();
    assert!(tx.open_payment(&sale.payment.id, "yk-9", None, None).await.unwrap());
    settle(world, &mut tx, &sale).await;
    for client in [&sale.client, &known.id] {
        let lead = NewLead {
            id: world.id(),
            client: client.clone(),
            source: "site".to_owned(),
            now: NOW,
        };
        tx.insert_lead(&lead).await.unwrap();
        let action = Action {
            id: world.id(),
            kind: "lead.created".to_owned(),
            actor: "system".to_owned(),
            details: "{}".to_owned(),
            at: NOW,
        };
        tx.insert_action(client, &action).await.unwrap();
    }
    tx.add_tag(&sale.client, "vip").await.unwrap();
    let books = format!("{:?}", tx.trial_balance().await.unwrap());
    tx.merge_client(&sale.client, &known.id, NOW).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = world.read().await;
    let of = |client: &domain::ids::ClientId| OrderFilter {
        client: Some(client.clone()),
        status: None,
    };
    assert!(
        tx.list_orders(&of(&sale.client), &page(9))
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert_eq!(tx.list_orders(&of(&known.id), &page(9)).await.unwrap().items.len(), 1);
    let payment = tx.find_payment(&sale.payment.id).await.unwrap().unwrap();
    assert_eq!(payment.client, known.id);
    assert_eq!(tx.tags_of(&known.id).await.unwrap(), ["vip"]);
    assert_eq!(tx.list_actions(&known.id, &page(9)).await.unwrap().items.len(), 2);
    let leads = LeadFilter {
        status: None,
        client: Some(known.id.clone()),
    };
    let leads = tx.list_leads(&leads, &page(9)).await.unwrap().items;
    let open: Vec<_> = leads.iter().filter(|lead| lead.closed_at.is_none()).collect();
    assert_eq!((leads.len(), open.len()), (2, 1), "one open lead a client");
    assert!(leads.iter().any(|lead| lead.status == LeadStatus::Lost));
    assert_eq!(format!("{:?}", tx.trial_balance().await.unwrap()), books);
    assert_eq!(tx.check_books().await.unwrap(), []);
    assert_eq!(tx.merged_into(&sale.client).await.unwrap(), Some(known.id.clone()));
    drop(tx);

    let third = world.a_client();
    let mut tx = world.write().await;
    tx.insert_client(&third).await.unwrap();
    tx.merge_client(&sale.client, &known.id, NOW).await.unwrap();
    assert!(
        tx.merge_client(&sale.client, &third.id, NOW).await.is_err(),
        "nobody is two others"
    );
    drop(tx);
    let mut tx = world.write().await;
    tx.insert_client(&third).await.unwrap();
    tx.merge_client(&known.id, &third.id, NOW).await.unwrap();
    assert_eq!(
        tx.merged_into(&sale.client).await.unwrap(),
        Some(third.id),
        "whoever was found to be one of them is the other, too"
    );
}

pub async fn a_link_into_the_bot_works_for_the_first(world: &World) {
    let sale = a_sale(world).await;
    let link = BotLink {
        order: sale.order.id.clone(),
        number: 1,
        token_hash: "hash".to_owned(),
        created_at: NOW,
        expires_at: NOW.plus_minutes(60),
        used_at: None,
        used_by: None,
    };
    let mut tx = world.write().await;
    assert!(tx.insert_bot_link(&link).await.unwrap());
    assert!(!tx.insert_bot_link(&link).await.unwrap());
    assert_eq!(tx.newest_bot_link(&sale.order.id).await.unwrap(), Some(link.clone()));
    assert!(tx.use_bot_link(&link, "42", NOW).await.unwrap());
    assert!(!tx.use_bot_link(&link, "43", NOW).await.unwrap());
    let used = tx.lock_bot_link("hash").await.unwrap().unwrap();
    assert_eq!((used.used_at, used.used_by.as_deref()), (Some(NOW), Some("42")));
    assert_eq!(tx.lock_bot_link("other").await.unwrap(), None);
}
