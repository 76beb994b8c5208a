//! Every dialect against the sandbox, on good days and bad ones: one suite for all of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use providers::llm::{Completion, Dialect, Error, Llm, LlmConfig, Prompt, Reason, TokenLimitField};
use sandbox::Running;
use serde_json::{Value, json};
use tokio::time::Instant;

struct World {
    sandbox: Running,
    llm: Llm,
}

impl World {
    async fn start() -> Self {
        let sandbox = sandbox::start(sandbox::Config::default()).await.unwrap();
        Self {
            llm: Llm::new(providers::http_client(&[]).unwrap()),
            sandbox,
        }
    }

    fn config(&self, dialect: Dialect) -> LlmConfig {
        let path = match dialect {
            Dialect::OpenAi => "/openai/v1",
            Dialect::ProxyApi => "/proxyapi/openai/v1",
            Dialect::Yandex => "/yandex",
            Dialect::YandexOpenAi => "/yandex/v1",
        };
        LlmConfig {
            dialect,
            base_url: self.sandbox.url(path),
            api_key: "sk-secret-0123456789".into(),
            folder_id: "b1gfolder".into(),
            model: dialect.usual_model().into(),
            temperature_millis: Some(300),
            token_limit_field: TokenLimitField::MaxTokens,
            max_answer_tokens: 4000,
        }
    }

    async fn faults(&self, llm: Value) {
        self.sandbox
            .set_faults(&json!({ "reset": true, "llm": llm }))
            .await
            .unwrap();
    }

    async fn ask_within(&self, config: &LlmConfig, seconds: u64) -> Completion {
        let user = programme();
        let schema = json!({ "type": "object", "properties": {}, "required": [], "additionalProperties": false });
        let prompt = Prompt {
            system: "You word programmes.",
            user: &user,
            schema: &schema,
            is_readable: &|text| serde_json::from_str::<Value>(text).is_ok(),
            repair: "The answer before was no JSON.",
        };
        let deadline = Instant::now() + Duration::from_secs(seconds);
        self.llm.complete(config, &prompt, deadline).await
    }

    async fn ask(&self, dialect: Dialect) -> Completion {
        self.ask_within(&self.config(dialect), 20).await
    }

    async fn requests(&self) -> Vec<Value> {
        self.sandbox.llm_requests().await.unwrap()
    }
}

fn programme() -> String {
    json!({
        "task": "word_programme", "language": "ru",
        "client": { "sex": "female", "age_band": "25-34", "goal": "muscle", "level": "beginner", "place": "home" },
        "weeks": [{ "week": 1, "days": [{ "day": 1, "exercises": [
            { "id": "r1", "exercise": "Приседания", "sets": 3, "reps": "8-12", "rest_seconds": 90 },
        ] }] }],
    })
    .to_string()
}

fn reasons(completion: &Completion) -> Vec<Reason> {
    completion.attempts.iter().map(|attempt| attempt.reason).collect()
}

#[tokio::test]
async fn every_dialect_answers_and_tells_what_it_cost() {
    let world = World::start().await;
    for dialect in Dialect::ALL {
        let completion = world.ask(dialect).await;
        let answer = completion.outcome.clone().unwrap();
        let json: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(json["weeks"][0]["days"][0]["exercises"][0]["sets"], 3, "{dialect:?}");
        assert!(!answer.model.is_empty());
        let tokens = completion.tokens();
        assert!(tokens.prompt > 50 && tokens.answer > 50, "{dialect:?}: {tokens:?}");
        assert_eq!(reasons(&completion), [Reason::First]);
    }
    let requests = world.requests().await;
    assert_eq!(requests.len(), 4);
    for request in &requests {
        let (path, body, headers) = (&request["path"], &request["request_body"], &request["headers"]);
        match path.as_str().unwrap() {
            "/yandex/foundationModels/v1/completion" => {
                assert_eq!(body["modelUri"], "gpt://b1gfolder/yandexgpt/latest");
                assert_eq!(body["completionOptions"]["maxTokens"], "4000");
                assert_eq!(body["completionOptions"]["temperature"], 0.3);
                assert_eq!(headers["x-data-logging-enabled"], "false");
            }
            "/yandex/v1/chat/completions" => {
                assert_eq!(body["model"], "gpt://b1gfolder/yandexgpt/latest");
                assert_eq!(headers["x-data-logging-enabled"], "false");
                assert_eq!(headers["openai-project"], "b1gfolder");
            }
            _ => {
                assert_eq!(body["model"], "gpt-4o-mini");
                assert_eq!(body["temperature"], 0.3);
                assert_eq!(body["max_tokens"], 4000);
                assert_eq!(body["response_format"]["json_schema"]["strict"], true);
                assert_eq!(*headers, json!({}));
            }
        }
    }
}

#[tokio::test]
async fn what_only_the_owner_can_mend_is_never_tried_again() {
    let world = World::start().await;
    for dialect in Dialect::ALL {
        let denied = Error::Denied { status: 401 };
        for (mode, expected) in [
            ("no_money", Error::NoMoney),
            ("bad_key", denied),
            ("no_model", Error::NoModel),
        ] {
            world.faults(json!({ "mode": mode })).await;
            let completion = world.ask(dialect).await;
            assert_eq!(completion.outcome, Err(expected.clone()), "{dialect:?} {mode}");
            assert_eq!(reasons(&completion), [Reason::First], "{dialect:?} {mode}");
            assert!(expected.is_for_the_owner());
        }
    }
}

#[tokio::test]
async fn a_busy_server_is_asked_once_more_after_the_pause_it_wants() {
    let world = World::start().await;
    for dialect in Dialect::ALL {
        for mode in ["rate_limited", "error"] {
            world
                .faults(json!({ "mode": mode, "mode_next": 1, "retry_after_s": 0 }))
                .await;
            let completion = world.ask(dialect).await;
            assert!(completion.outcome.is_ok(), "{dialect:?} {mode}: {completion:?}");
            assert_eq!(reasons(&completion), [Reason::First, Reason::Retry]);
        }
        world
            .faults(json!({ "mode": "rate_limited", "retry_after_s": 0 }))
            .await;
        let completion = world.ask(dialect).await;
        assert_eq!(completion.outcome, Err(Error::Busy { status: 429 }));
        assert_eq!(completion.attempts.len(), 2, "once more, not for ever");
        // A wait that ends after the deadline is not begun.
        world
            .faults(json!({ "mode": "rate_limited", "retry_after_s": 600 }))
            .await;
        let started = Instant::now();
        let completion = world.ask(dialect).await;
        assert_eq!(completion.outcome, Err(Error::Busy { status: 429 }));
        assert_eq!(reasons(&completion), [Reason::First]);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_asked_for_once_more_and_paid_for_twice() {
    let world = World::start().await;
    for dialect in Dialect::ALL {
        world.faults(json!({ "mode": "broken_json", "mode_next": 1 })).await;
        let completion = world.ask(dialect).await;
        assert!(completion.outcome.is_ok(), "{dialect:?}: {completion:?}");
        assert_eq!(reasons(&completion), [Reason::First, Reason::Repair]);
        assert!(completion.attempts.iter().all(|attempt| attempt.tokens.answer > 0));
        let last = world.requests().await.pop().unwrap();
        assert!(
            last["request_body"]
                .to_string()
                .contains("The answer before was no JSON.")
        );

        world.faults(json!({ "mode": "broken_json" })).await;
        let completion = world.ask(dialect).await;
        assert_eq!(completion.outcome, Err(Error::Unreadable));
        assert_eq!(completion.attempts.len(), 2);
        assert!(completion.unusable.is_some(), "the trainer can see what came");
    }
}

#[tokio::test]
async fn endings_that_are_no_answer_are_told_apart() {
    let world = World::start().await;
    for dialect in Dialect::ALL {
        let refused = if dialect == Dialect::Yandex {
            Error::Filtered
        } else {
            Error::Refused
        };
        for (mode, expected) in [
            ("cut_off", Error::CutOff),
            ("filter", Error::Filtered),
            ("refuse", refused),
            ("html", Error::Unexpected { status: 200 }),
        ] {
            world.faults(json!({ "mode": mode })).await;
            let completion = world.ask(dialect).await;
            assert_eq!(completion.outcome, Err(expected.clone()), "{dialect:?} {mode}");
            assert_eq!(completion.attempts.len(), 1);
            if mode != "html" {
                assert!(completion.tokens().answer > 0, "{dialect:?} {mode} is paid for");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_knows_no_schema_is_asked_in_a_simpler_form_and_remembered() {
    let world = World::start().await;
    for dialect in Dialect::ALL {
        for (structured, form, tries) in [
            ("full", "json_schema", 1),
            (
                "json_object",
                "json_object",
                if dialect == Dialect::YandexOpenAi { 3 } else { 2 },
            ),
            ("none", "text", if dialect == Dialect::YandexOpenAi { 4 } else { 3 }),
        ] {
            // What a server takes is remembered by its address and model.
            let mut config = world.config(dialect);
            config.model = format!("{}-{structured}", config.model);
            world.faults(json!({ "structured": structured })).await;
            let completion = world.ask_within(&config, 20).await;
            assert!(completion.outcome.is_ok(), "{dialect:?} {structured}: {completion:?}");
            assert_eq!(completion.attempts.len(), tries, "{dialect:?} {structured}");
            assert_eq!(completion.attempts.last().unwrap().form, form);
            let again = world.ask_within(&config, 20).await;
            assert_eq!(again.attempts.len(), 1, "{dialect:?} {structured}");
            assert_eq!(again.attempts[0].form, form);
        }
    }
    world.faults(json!({ "structured": "bare" })).await;
    let mut config = world.config(Dialect::YandexOpenAi);
    config.model = "yandexgpt-bare".into();
    let completion = world.ask_within(&config, 20).await;
    assert_eq!(completion.attempts.last().unwrap().form, "json_schema_bare");
    assert!(completion.outcome.is_ok());
}

#[tokio::test]
async fn the_name_of_the_token_limit_is_a_setting_and_a_wrong_one_is_named() {
    let world = World::start().await;
    world
        .faults(json!({ "token_limit_field": "max_completion_tokens" }))
        .await;
    let mut config = world.config(Dialect::OpenAi);
    let completion = world.ask_within(&config, 20).await;
    let expected = Error::BadRequest {
        status: 400,
        parameter: "max_tokens".into(),
    };
    assert_eq!(completion.outcome, Err(expected));
    assert_eq!(completion.attempts.len(), 1);
    config.token_limit_field = TokenLimitField::MaxCompletionTokens;
    assert!(world.ask_within(&config, 20).await.outcome.is_ok());
}

#[tokio::test]
async fn a_silent_or_absent_server_costs_no_more_than_the_deadline() {
    let world = World::start().await;
    world.faults(json!({ "mode": "stall" })).await;
    for dialect in Dialect::ALL {
        let started = Instant::now();
        let completion = world.ask_within(&world.config(dialect), 1).await;
        assert_eq!(completion.outcome, Err(Error::Timeout), "{dialect:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
        let mut absent = world.config(dialect);
        absent.base_url = "http://127.0.0.1:9/v1".into();
        let completion = world.ask_within(&absent, 2).await;
        assert_eq!(completion.outcome, Err(Error::Unreachable), "{dialect:?}");
    }
}

#[test]
fn nothing_printed_holds_the_key() {
    let config = LlmConfig {
        dialect: Dialect::OpenAi,
        base_url: "https://example.com/v1".into(),
        api_key: "sk-secret".into(),
        folder_id: String::new(),
        model: "m".into(),
        temperature_millis: None,
        token_limit_field: TokenLimitField::MaxTokens,
        max_answer_tokens: 1,
    };
    assert!(!format!("{config:?}").contains("secret"));
}
