use sandbox::{Config, driver::ClockAction};
use serde_json::json;

use crate::{SHOP, World, ears::Ears, ears::SOON, fresh_key, payment};

#[tokio::test]
async fn payments_keys_and_post_outlive_a_restart() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = || Config {
        data_file: Some(folder.path().join("sandbox.json")),
        ..Config::default()
    };
    let mut ears = Ears::open(&[(500, "")]).await?;
    let world = World::with(config()).await?;
    world.sandbox.move_clock(&ClockAction::Freeze).await?;
    world
        .sandbox
        .yookassa()
        .set_account(SHOP, &json!({"notification_url": ears.url}))
        .await?;
    let key = fresh_key();
    let (_, made) = world
        .yoo(reqwest::Method::POST, "payments", &key, Some(&payment(json!({}))))
        .await?;
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    world.sandbox.yookassa().pay(&id).await?;
    let t_id = world.t_payment(json!({"OrderId": "kept"})).await?;
    ears.next().await?;
    world.sandbox.wait_until_quiet(SOON).await?;
    world.sandbox.shutdown().await;

    let mut world = World::with(config()).await?;
    assert_eq!(world.yoo_get(&format!("payments/{id}")).await?["status"], "succeeded");
    let (_, again) = world
        .yoo(reqwest::Method::POST, "payments", &key, Some(&payment(json!({}))))
        .await?;
    assert_eq!(again["id"], id.as_str());
    assert_eq!(
        world.t_code("Init", json!({"Amount": 1000, "OrderId": "kept"})).await?,
        "20"
    );
    // The failed notification still waits for its next try.
    world.sandbox.advance_clock(std::time::Duration::from_secs(11)).await?;
    assert_eq!(ears.next().await?.body["object"]["id"], id.as_str());

    // Numbers never come twice, not even without the file.
    world = World::start().await?;
    let fresh: u64 = world.t_payment(json!({})).await?.parse()?;
    assert!(fresh > t_id.parse()?);
    Ok(())
}

#[tokio::test]
async fn a_reset_empties_the_banks_and_keeps_their_accounts() -> anyhow::Result<()> {
    let world = World::start().await?;
    world
        .sandbox
        .yookassa()
        .set_account(SHOP, &json!({"fee_basis_points": 100}))
        .await?;
    world.yoo_payment(json!({})).await?;
    world.t_payment(json!({})).await?;
    world.sandbox.reset().await?;
    assert!(world.sandbox.yookassa().payments().await?.is_empty());
    assert!(world.sandbox.tbank().payments().await?.is_empty());
    let id = world.yoo_payment(json!({})).await?;
    world.sandbox.yookassa().pay(&id).await?;
    assert_eq!(
        world.yoo_get(&format!("payments/{id}")).await?["income_amount"]["value"],
        "4940.10"
    );
    Ok(())
}
