//! People and links for a first look at an empty installation.

use domain::ids::{LeadId, TenantId};
use domain::language::Language;
use domain::pipeline::StageKind;
use serde_json::json;
use store::{Action, DeepLink, NewClient, NewLead, NewMove, Origin};

use crate::context::App;
use crate::error::Result;

struct Person {
    name: &'static str,
    username: Option<&'static str>,
    language: Language,
    source: &'static str,
    campaign: Option<&'static str>,
    stage: StageKind,
    days_ago: i64,
}

const PEOPLE: &[Person] = &[
    Person {
        name: "Мария Кузнецова",
        username: Some("masha_fit"),
        language: Language::Ru,
        source: "site",
        campaign: Some("spring"),
        stage: StageKind::Active,
        days_ago: 41,
    },
    Person {
        name: "Игорь Петров",
        username: Some("ipetrov"),
        language: Language::Ru,
        source: "vk",
        campaign: None,
        stage: StageKind::Purchased,
        days_ago: 12,
    },
    Person {
        name: "Елена Соколова",
        username: None,
        language: Language::Ru,
        source: "telegram",
        campaign: None,
        stage: StageKind::Deciding,
        days_ago: 6,
    },
    Person {
        name: "Алёна Фёдорова",
        username: Some("alena_f"),
        language: Language::Ru,
        source: "vk",
        campaign: Some("marathon"),
        stage: StageKind::Deciding,
        days_ago: 5,
    },
    Person {
        name: "Kate Miller",
        username: Some("katem"),
        language: Language::En,
        source: "site",
        campaign: Some("spring"),
        stage: StageKind::Consultation,
        days_ago: 4,
    },
    Person {
        name: "Дмитрий Волков",
        username: Some("dvolkov"),
        language: Language::Ru,
        source: "telegram",
        campaign: None,
        stage: StageKind::Consultation,
        days_ago: 3,
    },
    Person {
        name: "Ольга Новикова",
        username: None,
        language: Language::Ru,
        source: "site",
        campaign: None,
        stage: StageKind::Consultation,
        days_ago: 3,
    },
    Person {
        name: "Сергей Орлов",
        username: Some("s_orlov"),
        language: Language::Ru,
        source: "vk",
        campaign: Some("marathon"),
        stage: StageKind::FirstContact,
        days_ago: 2,
    },
    Person {
        name: "Наталья Белова",
        username: None,
        language: Language::Ru,
        source: "telegram",
        campaign: None,
        stage: StageKind::FirstContact,
        days_ago: 1,
    },
    Person {
        name: "Peter Novak",
        username: Some("pnovak"),
        language: Language::En,
        source: "site",
        campaign: None,
        stage: StageKind::FirstContact,
        days_ago: 1,
    },
    Person {
        name: "Виктор Зайцев",
        username: None,
        language: Language::Ru,
        source: "telegram",
        campaign: None,
        stage: StageKind::Completed,
        days_ago: 120,
    },
    Person {
        name: "Ирина Крылова",
        username: Some("irina_k"),
        language: Language::Ru,
        source: "vk",
        campaign: None,
        stage: StageKind::Inactive,
        days_ago: 200,
    },
];

const DAY_MS: i64 = 86_400_000;

pub(super) async fn fill(app: &App, tenant: &TenantId) -> Result<()> {
    let mut tx = app.tenant(tenant).write().await?;
    let stages = tx.stages().await?;
    for person in PEOPLE {
        let Some(stage) = stages.iter().find(|stage| stage.kind == person.stage) else {
            continue;
        };
        let at = app.now().plus_millis(-person.days_ago * DAY_MS);
        let id = domain::ids::Id::from_parts(
            u64::try_from(at.millis()).unwrap_or_default(),
            crate::clock::random_bytes(),
        );
        let client = NewClient {
            id,
            stage: stage.id.clone(),
            display_name: person.name.to_owned(),
            username: person.username.map(str::to_owned),
            language: person.language,
            phone: None,
            email: None,
            origin: Origin {
                source: person.source.to_owned(),
                campaign: person.campaign.map(str::to_owned),
                utm: "{}".into(),
                ..Origin::default()
            },
            now: at,
        };
        tx.insert_client(&client).await?;
        tx.add_tag(&client.id, "demo").await?;
        let lead = NewLead {
            id: app.new_id::<LeadId>(),
            client: client.id.clone(),
            source: person.source.to_owned(),
            now: at,
        };
        tx.insert_lead(&lead).await?;
        let step = NewMove {
            id: app.new_id(),
            client: client.id.clone(),
            from: None,
            to: stage.id.clone(),
            actor: "system".into(),
            reason: "Demo".into(),
            now: at,
        };
        tx.insert_move(&step).await?;
        let action = Action {
            id: app.new_id(),
            kind: "lead.created".into(),
            actor: "system".into(),
            details: json!({ "lead_id": lead.id, "source": person.source }).to_string(),
            at,
        };
        tx.insert_action(&client.id, &action).await?;
    }
    for (token, source, campaign) in [
        ("site_spring", "site", Some("spring")),
        ("vk_marathon", "vk", Some("marathon")),
    ] {
        let link = DeepLink {
            token: token.to_owned(),
            purpose: "source".into(),
            source: source.to_owned(),
            campaign: campaign.map(str::to_owned),
            utm: json!({ "utm_source": source, "utm_campaign": campaign }).to_string(),
            referrer: None,
            created_at: app.now(),
            expires_at: None,
            used_at: None,
        };
        tx.insert_link(&link).await?;
    }
    tx.commit().await?;
    Ok(())
}
