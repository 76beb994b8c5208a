//! Kept versions as parsed templates, each parsed once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::TenantId;
use programs::coverage::{Coverage, TryOut};
use programs::templates::Templates;
use store::{NewSnapshot, Snapshot, SnapshotTables, Tx};

use super::Raw;
use crate::context::App;
use crate::error::{Error, Result};

/// Parsed tables take some ten megabytes each, so only a few stay.
const KEPT_TEMPLATES: usize = 2;
const KEPT_REPORTS: usize = 4;

/// What was parsed and computed, by the content it is made from.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    in_force: Mutex<HashMap<TenantId, (String, Arc<Templates>)>>,
    looked_at: Recent<String, Templates>,
    pub(crate) coverages: Recent<String, Coverage>,
    pub(crate) try_outs: Recent<(String, usize, u64), TryOut>,
}

/// The last few of something, the newest last.
#[derive(Debug)]
pub(crate) struct Recent<K, V>(Mutex<Vec<(K, Arc<V>)>>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<K: PartialEq, V> Recent<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| Arc::clone(value))
    }

    fn put(&self, key: K, value: Arc<V>, limit: usize) -> Arc<V> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        if kept.len() >= limit {
            kept.remove(0);
        }
        kept.push((key, Arc::clone(&value)));
        value
    }

    pub(crate) fn put_report(&self, key: K, value: V) -> Arc<V> {
        self.put(key, Arc::new(value), KEPT_REPORTS)
    }
}

/// The templates in force: the version that serves, else the shipped ones.
pub async fn current(app: &App, tenant: &TenantId) -> Result<Arc<Templates>> {
    Ok(in_force(app, tenant).await?.1)
}

/// The version that serves and its templates.
pub(crate) async fn in_force(app: &App, tenant: &TenantId) -> Result<(Option<Snapshot>, Arc<Templates>)> {
    let mut tx = app.tenant(tenant).read().await?;
    let Some(version) = tx.snapshot_in_force().await? else {
        return Ok((None, shipped()?));
    };
    let known = app
        .templates()
        .in_force
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(tenant)
        .filter(|(hash, _)| *hash == version.content_hash)
        .map(|(_, templates)| Arc::clone(templates));
    if let Some(templates) = known {
        return Ok((Some(version), templates));
    }
    let tables = tx.snapshot_tables(&version.id).await?;
    drop(tx);
    let Some(templates) = parse(&version.content_hash, tables).await? else {
        // It was good when it was kept; a newer program that reads more strictly must not leave clients without one.
        tracing::warn!(snapshot.id = %version.id, "the version in force can't be read any more; the shipped templates serve");
        return Ok((Some(version), shipped()?));
    };
    let mut kept = app.templates().in_force.lock().unwrap_or_else(PoisonError::into_inner);
    kept.insert(tenant.clone(), (version.content_hash.clone(), Arc::clone(&templates)));
    Ok((Some(version), templates))
}

/// The templates of any version.
///
/// Errors: a conflict `version_unreadable` for one that a stricter program can't read any more.
pub(crate) async fn templates_of(app: &App, tenant: &TenantId, version: &Snapshot) -> Result<Arc<Templates>> {
    if version.in_force_since.is_some() {
        return current(app, tenant).await;
    }
    let hash = &version.content_hash;
    if let Some(known) = app.templates().looked_at.get(hash) {
        return Ok(known);
    }
    let tables = app.tenant(tenant).read().await?.snapshot_tables(&version.id).await?;
    let templates = parse(hash, tables).await?.ok_or_else(|| {
        Error::conflict(
            "version_unreadable",
            "this version was made for an older program and can't be read any more",
        )
    })?;
    Ok(app.templates().looked_at.put(hash.clone(), templates, KEPT_TEMPLATES))
}

async fn parse(hash: &str, tables: Option<SnapshotTables>) -> Result<Option<Arc<Templates>>> {
    let shipped = shipped()?;
    if shipped.version == hash {
        return Ok(Some(shipped));
    }
    let Some(tables) = tables else { return Ok(None) };
    // Off the async threads: three tables of thousands of rows.
    let parsed = tokio::task::spawn_blocking(move || {
        let (men, women, exercises) = (tables.men.open()?, tables.women.open()?, tables.exercises.open()?);
        Ok::<_, store::Error>(Templates::from_csv(&men, &women, &exercises).ok())
    })
    .await
    .map_err(|_| Error::internal("reading the templates broke off"))??;
    Ok(parsed.map(Arc::new))
}

fn shipped() -> Result<Arc<Templates>> {
    Templates::shipped().map_err(|_| Error::internal("the shipped templates can't be read"))
}

/// Keeps the shipped tables as a version: the first one, or a newer one where nothing but the shipped ones ever served.
pub(crate) async fn ensure_shipped(app: &App, tx: &mut Tx) -> Result<()> {
    let hash = shipped()?.version.clone();
    let serving = tx.snapshot_in_force().await?;
    let is_newer = |version: &Snapshot| version.source == "shipped" && version.content_hash != hash;
    if !serving.as_ref().is_none_or(is_newer) {
        return Ok(());
    }
    tx.lock_templates().await?;
    let [men, women, exercises] = programs::templates::shipped() else {
        return Err(Error::internal("there are three shipped tables"));
    };
    let raw = Raw {
        men: men.csv.to_vec(),
        women: women.csv.to_vec(),
        exercises: exercises.csv.to_vec(),
    };
    let tables = tokio::task::spawn_blocking(move || raw.pack())
        .await
        .map_err(|_| Error::internal("packing the templates broke off"))?;
    let new = NewSnapshot {
        id: app.new_id(),
        source: "shipped",
        author: "system".to_owned(),
        content_hash: hash,
        tables,
        now: app.now(),
    };
    let kept = tx.keep_snapshot(&new).await?;
    tx.put_in_force(&kept.id, "system", app.now()).await?;
    Ok(())
}
