//! Keys of programs: a token that says who calls, until it is revoked.

use data_encoding::BASE64URL_NOPAD;
use domain::ids::{ApiKeyId, TenantId};
use serde_json::json;
use store::{ApiKey, NewApiKey, PageOf, PageRequest};
use zeroize::Zeroizing;

use super::{audit, by_system, check_name, token_hash};
use crate::clock::random_bytes;
use crate::{App, Caller, Error, Result, Role};

/// Makes a key; its token is answered once and never again.
///
/// Errors: `Invalid` names `name`.
pub async fn create_api_key(app: &App, caller: &Caller, name: &str, role: Role) -> Result<(ApiKey, Zeroizing<String>)> {
    check_name(name)?;
    let token = Zeroizing::new(format!("vk_{}", BASE64URL_NOPAD.encode(&random_bytes::<32>())));
    let key = ApiKey {
        id: app.new_id(),
        tenant_id: caller.tenant.clone(),
        name: name.trim().to_owned(),
        role: role.code().to_owned(),
        created_at: app.now(),
        revoked_at: None,
    };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    insert_key(&mut tx, &key, &token).await?;
    tx.record_audit(&audit(
        app,
        caller,
        "api_key.created",
        key.id.as_ref(),
        json!({ "role": role.code() }),
    ))
    .await?;
    tx.commit().await?;
    Ok((key, token))
}

pub async fn list_api_keys(app: &App, caller: &Caller, page: &PageRequest) -> Result<PageOf<ApiKey>> {
    Ok(app.tenant(&caller.tenant).read().await?.api_keys(page).await?)
}

/// A revoked key is refused from the next request on. Revoking twice is no error.
pub async fn revoke_api_key(app: &App, caller: &Caller, id: &ApiKeyId) -> Result<()> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    if !tx.revoke_api_key(id, app.now()).await? {
        return Err(Error::NotFound { what: "API key" });
    }
    tx.record_audit(&audit(app, caller, "api_key.revoked", id.as_ref(), json!({})))
        .await?;
    tx.commit().await?;
    app.credentials().forget_key(id);
    Ok(())
}

/// The bot's service token of the configuration: known after this. Answers whether it was new.
pub async fn ensure_bot_token(app: &App, tenant: &TenantId, token: &str) -> Result<bool> {
    let known = app.store().system_read().await?.api_key(&token_hash(token)).await?;
    if let Some(key) = known {
        if key.revoked_at.is_some() {
            tracing::warn!(key.id = %key.id, "the bot's token of the configuration was revoked; set another CRM_API_TOKEN");
        }
        return Ok(false);
    }
    let key = ApiKey {
        id: app.new_id(),
        tenant_id: tenant.clone(),
        name: "Bot (configuration)".to_owned(),
        role: Role::Bot.code().to_owned(),
        created_at: app.now(),
        revoked_at: None,
    };
    let caller = by_system(app, tenant);
    let mut tx = app.tenant(tenant).write().await?;
    match insert_key(&mut tx, &key, token).await {
        Ok(()) => {}
        // Another replica starts at the same time and was faster.
        Err(error) if error.is_unique_violation() => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    tx.record_audit(&audit(
        app,
        &caller,
        "api_key.created",
        key.id.as_ref(),
        json!({ "role": "bot" }),
    ))
    .await?;
    tx.commit().await?;
    Ok(true)
}

async fn insert_key(tx: &mut store::Tx, key: &ApiKey, token: &str) -> Result<(), store::Error> {
    let hash = token_hash(token);
    let row = NewApiKey {
        id: &key.id,
        name: &key.name,
        token_hash: &hash,
        role: &key.role,
        created_at: key.created_at,
    };
    tx.insert_api_key(&row).await
}
