use sandbox::Config;
use serde_json::json;

use crate::{ANNA, World, text};

#[tokio::test]
async fn chats_survive_a_restart_when_a_file_is_given() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let config = Config {
        data_file: Some(folder.path().join("data/sandbox.json")),
        ..Config::default()
    };
    let world = World::with(config.clone()).await?;
    world.sandbox.send_text(ANNA, "/start").await?;
    let form = reqwest::multipart::Form::new().text("chat_id", ANNA.to_string()).part(
        "document",
        reqwest::multipart::Part::bytes(&b"%PDF"[..]).file_name("a.pdf"),
    );
    let (_, body) = world.upload("sendDocument", form).await?;
    let file_id = text(&body["result"]["document"]["file_id"]);
    let before = world.sandbox.messages(ANNA).await?;
    world.sandbox.shutdown().await;

    let world = World::with(config).await?;
    assert_eq!(world.sandbox.messages(ANNA).await?, before);
    assert_eq!(world.sandbox.file_bytes(&file_id).await?, b"%PDF");
    let updates = world.updates(0).await?;
    assert_eq!(updates.len(), 1);
    let next = world
        .ok("sendMessage", json!({"chat_id": ANNA, "text": "снова здесь"}))
        .await?;
    assert!(next["message_id"].as_i64() > before.last().map(|message| message.message_id));
    Ok(())
}

#[tokio::test]
async fn an_unreadable_file_is_put_aside() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("sandbox.json");
    std::fs::write(&path, "{}")?;
    let config = Config {
        data_file: Some(path.clone()),
        ..Config::default()
    };
    let world = World::with(config).await?;
    assert!(world.sandbox.messages(ANNA).await?.is_empty());
    assert_eq!(std::fs::read_to_string(path.with_extension("unreadable"))?, "{}");
    Ok(())
}

#[tokio::test]
async fn it_stops_while_somebody_waits() -> anyhow::Result<()> {
    let world = World::start().await?;
    let poll = world
        .http
        .post(world.method("getUpdates"))
        .json(&json!({"timeout": 50}))
        .send();
    let poll = tokio::spawn(poll);
    while world.sandbox.connected().await? != "polling" {
        tokio::task::yield_now().await;
    }
    let began = std::time::Instant::now();
    world.sandbox.shutdown().await;
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    poll.await?.ok();
    Ok(())
}
