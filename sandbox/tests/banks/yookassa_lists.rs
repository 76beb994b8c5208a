use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::World;

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_lead_through_everything_newest_first() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut made = Vec::new();
    for _ in 0..25 {
        made.push(world.yoo_payment(json!({})).await?);
    }
    made.reverse();
    let first = world.yoo_get("payments").await?;
    assert_eq!(first["type"], "list");
    assert_eq!(ids(&first), made[..10]);
    let mut seen = ids(&first);
    let mut cursor = first["next_cursor"].as_str().map(str::to_owned);
    while let Some(next) = cursor {
        // One that comes meanwhile doesn't shift the pages.
        world.yoo_payment(json!({})).await?;
        let page = world.yoo_get(&format!("payments?cursor={next}")).await?;
        seen.extend(ids(&page));
        cursor = page["next_cursor"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, made);
    assert_eq!(ids(&world.yoo_get("payments?limit=100").await?).len(), 27);
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=nonsense",
        "colour=red",
        "created_at.gte=yesterday",
    ] {
        assert_eq!(
            world.yoo(Method::GET, &format!("payments?{query}"), "", None).await?.0,
            400,
            "{query}"
        );
    }
    let cursor = first["next_cursor"].as_str().unwrap_or_default();
    let other = format!("payments?status=pending&cursor={cursor}");
    assert_eq!(
        world.yoo(Method::GET, &other, "", None).await?.0,
        400,
        "a cursor belongs to its filters"
    );
    Ok(())
}

#[tokio::test]
async fn filters_of_status_and_time() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let early = world.yoo_payment(json!({})).await?;
    bank.pay(&early).await?;
    world.sandbox.advance_clock(Duration::from_secs(7_200)).await?;
    let late = world.yoo_payment(json!({})).await?;
    bank.pay(&late).await?;
    let open = world.yoo_payment(json!({})).await?;
    let all = |query: &str| {
        let path = format!("payments?{query}");
        let world = &world;
        async move { anyhow::Ok(ids(&world.yoo_get(&path).await?)) }
    };
    assert_eq!(all("status=pending").await?, [open.as_str()]);
    assert_eq!(all("status=succeeded").await?, [late.clone(), early.clone()]);
    let moment = world.yoo_get(&format!("payments/{late}")).await?["created_at"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert_eq!(all(&format!("created_at.lt={moment}")).await?, [early.as_str()]);
    assert_eq!(
        all(&format!("created_at.gte={moment}")).await?,
        [open.clone(), late.clone()]
    );
    assert_eq!(all(&format!("captured_at.gte={moment}")).await?, [late.as_str()]);
    assert_eq!(all("payment_method=yoo_money").await?, [""; 0]);

    bank.refund(&early, Some(100)).await?;
    bank.refund(&late, Some(200)).await?;
    let refunds = world
        .yoo_get(&format!("refunds?payment_id={early}&status=succeeded"))
        .await?;
    assert_eq!(refunds["items"][0]["amount"]["value"], "1.00");
    assert_eq!(ids(&refunds).len(), 1);
    assert_eq!(ids(&world.yoo_get("refunds").await?).len(), 2);
    Ok(())
}
