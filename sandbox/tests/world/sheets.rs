use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use sandbox::DEMO_SHEET;
use serde_json::{Value, json};

use crate::World;

fn export(world: &World, query: &str) -> String {
    world.url(&format!("/google/spreadsheets/d/{DEMO_SHEET}/export?{query}"))
}

#[tokio::test]
async fn an_export_redirects_to_a_one_time_csv() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.sandbox.put_sheet(DEMO_SHEET, 0, "a,b\n1,\"x, y\"\n").await?;
    let careful = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build()?;
    let redirect = careful.get(export(&world, "format=csv&gid=0")).send().await?;
    assert_eq!(redirect.status(), 307);
    let target = redirect.headers()["location"].to_str()?.to_owned();
    assert!(target.contains("/google/content/"));
    let content = careful.get(&target).send().await?;
    assert_eq!(content.headers()["content-type"], "text/csv");
    assert_eq!(content.text().await?, "a,b\r\n1,\"x, y\"");
    assert_eq!(careful.get(&target).send().await?.status(), 404);

    // The name of a tab means nothing here: the first one comes.
    let by_name = world
        .http
        .get(export(&world, "format=csv&sheet=exercises"))
        .send()
        .await?;
    assert!(by_name.text().await?.starts_with("a,b"));
    assert_eq!(
        careful.get(export(&world, "format=csv&gid=77")).send().await?.status(),
        400
    );
    let unknown = world.url("/google/spreadsheets/d/1NoSuchSheet000000000000000/export?format=csv");
    assert_eq!(careful.get(unknown).send().await?.status(), 404);
    Ok(())
}

#[tokio::test]
async fn the_shipped_tables_are_listed_and_can_be_put_back() -> anyhow::Result<()> {
    let world = World::start().await?;
    let sheets: Value = world
        .http
        .get(world.url("/sandbox/sheets"))
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(sheets[0]["id"], DEMO_SHEET);
    let names: Vec<&Value> = sheets[0]["tabs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tab| &tab["name"])
        .collect();
    assert_eq!(names, ["Men_12w_2", "Women_12w_2", "exercises"]);
    assert!(sheets[0]["tabs"][0]["rows"].as_u64() > Some(10));

    let address = world.url(&format!("/sandbox/sheets/{DEMO_SHEET}/2"));
    let shipped = world.http.get(&address).send().await?.text().await?;
    world.sandbox.put_sheet(DEMO_SHEET, 2, "id\nx\n").await?;
    assert_eq!(world.http.get(&address).send().await?.text().await?, "id\nx\n");
    world.sandbox.reset_sheet(DEMO_SHEET, 2).await?;
    assert_eq!(world.http.get(&address).send().await?.text().await?, shipped);

    let own = "1OwnSheetOfATest000000000000001";
    world.sandbox.put_sheet(own, 5, "q\n1\n").await?;
    let exported = world
        .http
        .get(world.url(&format!("/google/spreadsheets/d/{own}/export?format=csv")))
        .send()
        .await?;
    assert_eq!(exported.text().await?, "q\r\n1");
    Ok(())
}

#[tokio::test]
async fn bad_days() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (mode, status, final_path) in [
        ("html", 200, "/google/content/"),
        ("private", 200, "/google/accounts/ServiceLogin"),
        ("gone", 404, "/google/spreadsheets/"),
        ("error", 500, "/google/spreadsheets/"),
    ] {
        world.sandbox.set_faults(&json!({"sheets": {"mode": mode}})).await?;
        let response = world.http.get(export(&world, "format=csv&gid=0")).send().await?;
        assert_eq!(response.status(), status, "{mode}");
        assert!(response.url().path().starts_with(final_path), "{mode}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{mode}");
        assert!(response.text().await?.starts_with("<!DOCTYPE html>"), "{mode}");
    }
    world
        .sandbox
        .set_faults(&json!({"sheets": {"mode": "slow", "slow_ms": 300}}))
        .await?;
    let began = Instant::now();
    let slow = world.http.get(export(&world, "format=csv&gid=0")).send().await?;
    assert_eq!(slow.headers()["content-type"], "text/csv");
    assert!(began.elapsed() >= Duration::from_millis(300));
    Ok(())
}

#[tokio::test]
async fn gviz_has_its_own_ways() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.sandbox.put_sheet(DEMO_SHEET, 0, "n,t\n1,x\n2,y\nнет,z\n").await?;
    let gviz = |query: &str| world.url(&format!("/google/spreadsheets/d/{DEMO_SHEET}/gviz/tq?{query}"));
    let eaten = "\"n\",\"t\"\n\"1\",\"x\"\n\"2\",\"y\"\n\"\",\"z\"\n";
    for query in [
        "tqx=out:csv&sheet=Men_12w_2",
        "tqx=out:csv&gid=0",
        "tqx=out:csv&sheet=unknown",
    ] {
        let csv = world.http.get(gviz(query)).send().await?.text().await?;
        assert_eq!(csv, eaten, "{query}");
    }
    world
        .sandbox
        .set_faults(&json!({"sheets": {"mode": "private"}}))
        .await?;
    let script = world.http.get(gviz("tqx=out:csv")).send().await?.text().await?;
    assert!(script.contains("google.visualization.Query.setResponse") && script.contains("access_denied"));
    Ok(())
}
