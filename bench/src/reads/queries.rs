//! What is asked of a list: the same through the store and over HTTP.

use data_encoding::BASE64URL_NOPAD;
use domain::ids::Id as _;
use domain::pipeline::StageKind;
use store::{ClientFilter, Cursor, PageRequest, Tenant};
use url::form_urlencoded::Serializer;

use super::seed::{COMMON_WORDS, RARE_ROWS, RARE_WORD, Seeded, TAG};

/// The API's own defaults.
const PAGE: u32 = 50;
const COLUMN: u32 = 20;

#[derive(Debug, Clone)]
pub enum Kind {
    List(ClientFilter, PageRequest),
    Board,
}

#[derive(Debug, Clone)]
pub struct Ask {
    pub kind: Kind,
    /// Path and query of the same request over HTTP.
    pub path: String,
}

#[derive(Debug, Clone)]
pub struct Query {
    pub what: &'static str,
    /// Asked in turn.
    pub asks: Vec<Ask>,
    /// Rows of a page, clients in all for the board; `None`: some.
    pub expected: Option<i64>,
}

fn list(filter: ClientFilter, after: Option<&str>, pairs: &[(&str, &str)]) -> Ask {
    let mut text = Serializer::new(String::new());
    text.extend_pairs(pairs);
    if let Some(after) = after {
        text.append_pair("cursor", &BASE64URL_NOPAD.encode(after.as_bytes()));
    }
    let page = PageRequest {
        limit: PAGE,
        after: after.map(|after| Cursor(after.to_owned())),
    };
    Ask {
        kind: Kind::List(filter, page),
        path: format!("/api/clients?{}", text.finish()),
    }
}

pub async fn all(tenant: &Tenant, seeded: &Seeded) -> anyhow::Result<Vec<Query>> {
    let mut tx = tenant.read().await?;
    let stages = tx.stages().await?;
    drop(tx);
    let stage_of = |kind: StageKind| {
        stages
            .iter()
            .find(|stage| stage.kind == kind)
            .map(|stage| stage.id.clone())
    };
    let stage = stage_of(StageKind::FirstContact);
    let stage_text = stage
        .as_ref()
        .map(|stage| stage.as_str().to_owned())
        .unwrap_or_default();
    let words = |words: &[&str]| ClientFilter {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        ..ClientFilter::default()
    };
    let page = i64::from(PAGE);
    let deep = seeded.deep_cursors();
    let tagged = i64::try_from(seeded.tagged)?.min(page);
    let two_words = format!("{} {RARE_WORD}", COMMON_WORDS[0]);
    Ok(vec![
        Query {
            what: "first page",
            asks: vec![list(ClientFilter::default(), None, &[])],
            expected: Some(page),
        },
        Query {
            what: "page deep inside",
            asks: deep
                .iter()
                .map(|cursor| list(ClientFilter::default(), Some(cursor), &[]))
                .collect(),
            expected: Some(page),
        },
        Query {
            what: "by stage",
            asks: vec![list(
                ClientFilter {
                    stage: stage.clone(),
                    ..ClientFilter::default()
                },
                None,
                &[("stage", &stage_text)],
            )],
            expected: Some(page),
        },
        Query {
            what: "by stage and source",
            asks: vec![list(
                ClientFilter {
                    stage,
                    source: Some("vk".to_owned()),
                    ..ClientFilter::default()
                },
                None,
                &[("stage", &stage_text), ("source", "vk")],
            )],
            expected: Some(page),
        },
        Query {
            what: "by tag",
            asks: vec![list(
                ClientFilter {
                    tag: Some(TAG.to_owned()),
                    ..ClientFilter::default()
                },
                None,
                &[("tag", TAG)],
            )],
            expected: Some(tagged),
        },
        Query {
            what: "by phone",
            asks: seeded
                .phones
                .iter()
                .map(|phone| {
                    let filter = ClientFilter {
                        phone: Some(phone.clone()),
                        ..ClientFilter::default()
                    };
                    list(filter, None, &[("phone", phone)])
                })
                .collect(),
            expected: Some(1),
        },
        Query {
            what: "search, a common word",
            asks: COMMON_WORDS
                .iter()
                .map(|word| list(words(&[word]), None, &[("q", word)]))
                .collect(),
            expected: None,
        },
        Query {
            what: "search, a rare word",
            asks: vec![list(words(&[RARE_WORD]), None, &[("q", RARE_WORD)])],
            expected: Some(i64::try_from(RARE_ROWS)?),
        },
        Query {
            what: "search, common and rare word",
            asks: vec![list(words(&[COMMON_WORDS[0], RARE_WORD]), None, &[("q", &two_words)])],
            expected: Some(i64::try_from(RARE_ROWS)?),
        },
        Query {
            what: "board with totals",
            asks: vec![Ask {
                kind: Kind::Board,
                path: "/api/pipeline/board".to_owned(),
            }],
            expected: Some(i64::try_from(seeded.clients)?),
        },
    ])
}

/// The ids found, in order.
pub async fn run(tenant: &Tenant, ask: &Ask) -> anyhow::Result<Vec<String>> {
    let mut tx = tenant.read().await?;
    let text = |client: store::Client| client.id.as_str().to_owned();
    match &ask.kind {
        Kind::List(filter, page) => Ok(tx
            .list_clients(filter, page)
            .await?
            .items
            .into_iter()
            .map(text)
            .collect()),
        Kind::Board => {
            let page = PageRequest {
                limit: COLUMN,
                after: None,
            };
            tx.stage_totals().await?;
            let mut found = Vec::new();
            for stage in tx.stages().await? {
                let filter = ClientFilter {
                    stage: Some(stage.id),
                    ..ClientFilter::default()
                };
                found.extend(tx.list_clients(&filter, &page).await?.items.into_iter().map(text));
            }
            Ok(found)
        }
    }
}
