//! People and links for a first look at an empty installation.

use domain::ids::{LeadId, TenantId};
use domain::language::Language;
use domain::pipeline::StageKind;
use serde_json::json;
use store::{Action, DeepLink, NewClient, NewLead, NewMove, Origin};

use crate::context::App;
use crate::error::Result;

/// (name, username, language, source, campaign, stage, days ago)
const PEOPLE: &[(&str, Option<&str>, Language, &str, Option<&str>, StageKind, i64)] = &[
    (
        "Мария Кузнецова",
        Some("masha_fit"),
        Language::Ru,
        "site",
        Some("spring"),
        StageKind::Active,
        41,
    ),
    (
        "Игорь Петров",
        Some("ipetrov"),
        Language::Ru,
        "vk",
        None,
        StageKind::Purchased,
        12,
    ),
    (
        "Елена Соколова",
        None,
        Language::Ru,
        "telegram",
        None,
        StageKind::Deciding,
        6,
    ),
    (
        "Алёна Фёдорова",
        Some("alena_f"),
        Language::Ru,
        "vk",
        Some("marathon"),
        StageKind::Deciding,
        5,
    ),
    (
        "Kate Miller",
        Some("katem"),
        Language::En,
        "site",
        Some("spring"),
        StageKind::Consultation,
        4,
    ),
    (
        "Дмитрий Волков",
        Some("dvolkov"),
        Language::Ru,
        "telegram",
        None,
        StageKind::Consultation,
        3,
    ),
    (
        "Ольга Новикова",
        None,
        Language::Ru,
        "site",
        None,
        StageKind::Consultation,
        3,
    ),
    (
        "Сергей Орлов",
        Some("s_orlov"),
        Language::Ru,
        "vk",
        Some("marathon"),
        StageKind::FirstContact,
        2,
    ),
    (
        "Наталья Белова",
        None,
        Language::Ru,
        "telegram",
        None,
        StageKind::FirstContact,
        1,
    ),
    (
        "Peter Novak",
        Some("pnovak"),
        Language::En,
        "site",
        None,
        StageKind::FirstContact,
        1,
    ),
    (
        "Виктор Зайцев",
        None,
        Language::Ru,
        "telegram",
        None,
        StageKind::Completed,
        120,
    ),
    (
        "Ирина Крылова",
        Some("irina_k"),
        Language::Ru,
        "vk",
        None,
        StageKind::Inactive,
        200,
    ),
];

const DAY_MS: i64 = 86_400_000;

pub(super) async fn fill(app: &App, tenant: &TenantId) -> Result<()> {
    let mut tx = app.tenant(tenant).write().await?;
    let stages = tx.stages().await?;
    for &(name, username, language, source, campaign, kind, days_ago) in PEOPLE {
        let Some(stage) = stages.iter().find(|stage| stage.kind == kind) else {
            continue;
        };
        let at = app.now().plus_millis(-days_ago * DAY_MS);
        let id = domain::ids::Id::from_parts(
            u64::try_from(at.millis()).unwrap_or_default(),
            crate::clock::random_bytes(),
        );
        let client = NewClient {
            id,
            stage: stage.id.clone(),
            display_name: name.to_owned(),
            username: username.map(str::to_owned),
            language,
            phone: None,
            email: None,
            origin: Origin {
                source: source.to_owned(),
                campaign: campaign.map(str::to_owned),
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
            source: source.to_owned(),
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
            details: json!({ "lead_id": lead.id, "source": source }).to_string(),
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
