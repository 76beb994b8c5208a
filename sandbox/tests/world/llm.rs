use std::time::Duration;

use serde_json::{Value, json};

use crate::{World, text};

fn prompt() -> String {
    json!({
        "task": "word_programme", "language": "ru",
        "client": {"sex": "female", "age_band": "30-39", "goal": "muscle", "level": "beginner", "place": "home"},
        "weeks": [{"week": 1, "days": [{"day": 1, "exercises": [
            {"id": "r1", "exercise": "Приседания", "sets": 3, "reps": "8-12", "rest_seconds": 90, "intensity": "RPE 7", "notes": ""},
            {"id": "r2", "exercise": "Планка", "sets": 2, "reps": "30", "rest_seconds": 60, "intensity": "", "notes": ""},
        ]}]}],
    })
    .to_string()
}

async fn openai(world: &World, path: &str, content: &str) -> anyhow::Result<(u16, Value)> {
    let response = world
        .http
        .post(world.url(path))
        .bearer_auth("sk-test")
        .json(&json!({"model": "gpt-test", "messages": [
            {"role": "system", "content": "Ты тренер"}, {"role": "user", "content": content},
        ]}))
        .send()
        .await?;
    let status = response.status().as_u16();
    Ok((status, response.json().await?))
}

async fn yandex(world: &World, content: &str) -> anyhow::Result<(u16, Value)> {
    let response = world
        .http
        .post(world.url("/yandex/foundationModels/v1/completion"))
        .header("authorization", "Api-Key test")
        .json(&json!({"modelUri": "gpt://folder/yandexgpt/latest", "messages": [
            {"role": "system", "text": "Ты тренер"}, {"role": "user", "text": content},
        ]}))
        .send()
        .await?;
    let status = response.status().as_u16();
    Ok((status, response.json().await?))
}

const OPENAI: &str = "/openai/v1/chat/completions";

async fn mode(world: &World, mode: &str) -> anyhow::Result<()> {
    world.sandbox.set_faults(&json!({"llm": {"mode": mode}})).await?;
    Ok(())
}

fn exercises(content: &str) -> anyhow::Result<Vec<Value>> {
    let answer: Value = serde_json::from_str(content)?;
    Ok(answer["weeks"][0]["days"][0]["exercises"]
        .as_array()
        .cloned()
        .unwrap_or_default())
}

#[tokio::test]
async fn both_dialects_word_the_programme_honestly() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (status, body) = openai(&world, OPENAI, &prompt()).await?;
    assert_eq!(status, 200);
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert!(body["usage"]["total_tokens"].as_u64() > Some(0));
    let content = text(&body["choices"][0]["message"]["content"]);
    let exercises = exercises(&content)?;
    assert_eq!(exercises.len(), 2);
    assert_eq!(exercises[0]["exercise"], "Приседания");
    assert_eq!(exercises[0]["sets"], 3);
    assert_eq!(exercises[0]["reps"], "8-12");
    assert_eq!(exercises[1]["rest_seconds"], 60);
    assert!(!text(&exercises[0]["cue"]).is_empty());

    let (status, body) = yandex(&world, &prompt()).await?;
    assert_eq!(status, 200);
    let alternative = &body["result"]["alternatives"][0];
    assert_eq!(alternative["status"], "ALTERNATIVE_STATUS_FINAL");
    assert_eq!(text(&alternative["message"]["text"]), content);
    assert!(body["result"]["usage"]["totalTokens"].is_string());

    let requests = world.sandbox.llm_requests().await?;
    let dialects: Vec<&Value> = requests.iter().map(|request| &request["dialect"]).collect();
    assert_eq!(dialects, ["openai", "yandex"]);
    let (_, body) = openai(&world, OPENAI, "Как дела?").await?;
    assert!(text(&body["choices"][0]["message"]["content"]).contains("тренер"));
    Ok(())
}

#[tokio::test]
async fn lies_are_told_on_demand() -> anyhow::Result<()> {
    let world = World::start().await?;
    let content = async |name: &str| -> anyhow::Result<String> {
        mode(&world, name).await?;
        let (status, body) = openai(&world, OPENAI, &prompt()).await?;
        assert_eq!(status, 200, "{name}");
        Ok(text(&body["choices"][0]["message"]["content"]))
    };
    assert_ne!(exercises(&content("wrong_numbers").await?)?[0]["sets"], 3);
    assert_eq!(exercises(&content("missing_exercise").await?)?.len(), 1);
    assert_eq!(exercises(&content("invented_exercise").await?)?.len(), 3);
    let english: Value = serde_json::from_str(&content("english").await?)?;
    assert!(text(&english["intro"]).is_ascii());
    assert!(serde_json::from_str::<Value>(&content("broken_json").await?).is_err());
    Ok(())
}

#[tokio::test]
async fn refusals_and_errors_in_each_dialect() -> anyhow::Result<()> {
    let world = World::start().await?;
    mode(&world, "refuse").await?;
    let (status, body) = openai(&world, OPENAI, &prompt()).await?;
    let message = &body["choices"][0]["message"];
    assert!(status == 200 && message["content"].is_null() && message["refusal"].is_string());
    let (status, body) = yandex(&world, &prompt()).await?;
    assert_eq!(status, 200);
    assert_eq!(
        body["result"]["alternatives"][0]["status"],
        "ALTERNATIVE_STATUS_CONTENT_FILTER"
    );

    mode(&world, "error").await?;
    assert_eq!(openai(&world, OPENAI, &prompt()).await?.0, 500);
    let (status, body) = yandex(&world, &prompt()).await?;
    assert_eq!((status, &body["error"]["grpcCode"]), (500, &json!(13)));

    mode(&world, "rate_limited").await?;
    let (status, body) = openai(&world, OPENAI, &prompt()).await?;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("rate_limit_exceeded")));
    let (status, body) = yandex(&world, &prompt()).await?;
    assert_eq!((status, &body["error"]["grpcCode"]), (429, &json!(8)));

    mode(&world, "no_money").await?;
    let (status, body) = openai(&world, OPENAI, &prompt()).await?;
    assert_eq!((status, &body["error"]["code"]), (429, &json!("insufficient_quota")));
    let (status, body) = openai(&world, "/proxyapi/openai/v1/chat/completions", &prompt()).await?;
    assert!(status == 402 && body["detail"].is_string());
    assert_eq!(yandex(&world, &prompt()).await?.0, 403);

    let keyless = world.http.post(world.url(OPENAI)).json(&json!({})).send().await?;
    assert_eq!(keyless.status(), 401);
    Ok(())
}

#[tokio::test]
async fn a_stalled_model_never_answers() -> anyhow::Result<()> {
    let world = World::start().await?;
    mode(&world, "stall").await?;
    let prompt = prompt();
    let mut asked = std::pin::pin!(openai(&world, OPENAI, &prompt));
    let noted = async {
        loop {
            let requests = world.sandbox.llm_requests().await?;
            if !requests.is_empty() {
                return anyhow::Ok(requests);
            }
        }
    };
    let requests = tokio::select! {
        answer = &mut asked => anyhow::bail!("it answered: {answer:?}"),
        requests = noted => requests?,
    };
    assert!(tokio::time::timeout(Duration::from_millis(300), asked).await.is_err());
    assert_eq!(requests[0]["status"], 0);
    assert_eq!(requests[0]["mode"], "stall");
    Ok(())
}
