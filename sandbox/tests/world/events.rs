use anyhow::Context;
use futures::{Stream, StreamExt};
use serde_json::{Value, json};

use crate::{ANNA, World};

/// The `data:` lines of a stream of server-sent events.
async fn listen(world: &World, path: &str) -> anyhow::Result<impl Stream<Item = Value> + Unpin + use<>> {
    let response = world.http.get(world.url(path)).send().await?;
    anyhow::ensure!(response.headers()["content-type"] == "text/event-stream");
    let chunks = response.bytes_stream();
    let lines = chunks.scan(String::new(), |buffer, chunk| {
        buffer.push_str(
            &chunk
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default(),
        );
        let mut events = Vec::new();
        while let Some((event, rest)) = buffer.split_once("\n\n") {
            let data = event.lines().find_map(|line| line.strip_prefix("data: "));
            events.extend(data.and_then(|data| serde_json::from_str::<Value>(data).ok()));
            *buffer = rest.to_owned();
        }
        futures::future::ready(Some(futures::stream::iter(events)))
    });
    Ok(Box::pin(lines.flatten()))
}

#[tokio::test]
async fn everything_that_happens_is_streamed_in_order() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let mut events = listen(&world, "/sandbox/events?after=0").await?;
    let id = world.say("раз").await?;
    world
        .ok(
            "editMessageText",
            json!({"chat_id": ANNA, "message_id": id, "text": "два"}),
        )
        .await?;
    world
        .ok("sendChatAction", json!({"chat_id": ANNA, "action": "typing"}))
        .await?;
    world
        .ok("deleteMessage", json!({"chat_id": ANNA, "message_id": id}))
        .await?;
    world.sandbox.clear_faults().await?;
    let mut seen = Vec::new();
    let mut last = 0;
    while seen.len() < 5 {
        let event = events.next().await.context("the stream ended")?;
        let seq = event["seq"].as_u64().unwrap_or_default();
        assert!(seq > last);
        last = seq;
        seen.push((
            event["kind"].as_str().unwrap_or_default().to_owned(),
            event["chat_id"].clone(),
        ));
    }
    let kinds: Vec<_> = seen.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["message", "edited", "typing", "deleted", "faults"]);
    assert_eq!(seen[0].1, ANNA);

    let mut missed = listen(&world, &format!("/sandbox/events?after={}", last - 1)).await?;
    let event = missed.next().await.context("the stream ended")?;
    assert_eq!(event["seq"], last);
    Ok(())
}

#[tokio::test]
async fn the_pages_are_served() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/telegram", "text/html; charset=utf-8"),
        ("/clock", "text/html; charset=utf-8"),
        ("/assets/telegram.js", "text/javascript; charset=utf-8"),
        ("/assets/sandbox.css", "text/css; charset=utf-8"),
    ] {
        let response = world.http.get(world.url(path)).send().await?;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], content_type, "{path}");
    }
    for path in ["/nonsense", "/assets/..%2fCargo.toml"] {
        assert_eq!(world.http.get(world.url(path)).send().await?.status(), 404, "{path}");
    }
    Ok(())
}
