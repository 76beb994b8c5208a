//! Deep links and the touches they lead to.

use domain::ids::{ClientId, Id, TouchId};
use domain::time::Timestamp;

use crate::clients::Origin;
use crate::dialect::{execute, row, rows, scalar};
use crate::{Error, PageOf, PageRequest, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeepLink {
    /// The payload of `/start`: 1 to 64 of `[A-Za-z0-9_-]`.
    pub token: String,
    /// `source` or `trainer` (makes the chat that opens it the trainer's).
    pub purpose: String,
    pub source: String,
    pub campaign: Option<String>,
    /// JSON object.
    pub utm: String,
    pub referrer: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTouch {
    pub id: TouchId,
    pub client: ClientId,
    pub channel: String,
    pub origin: Origin,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    pub id: TouchId,
    pub channel: String,
    pub origin: Origin,
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    token: String,
    purpose: String,
    source: String,
    campaign: Option<String>,
    utm: String,
    referrer: Option<String>,
    created_at_ms: i64,
    expires_at_ms: Option<i64>,
    used_at_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct TouchRow {
    id: String,
    channel: String,
    source: String,
    campaign: Option<String>,
    utm: String,
    referrer: Option<String>,
    payload: Option<String>,
    at_ms: i64,
}

impl From<LinkRow> for DeepLink {
    fn from(row: LinkRow) -> Self {
        Self {
            token: row.token,
            purpose: row.purpose,
            source: row.source,
            campaign: row.campaign,
            utm: row.utm,
            referrer: row.referrer,
            created_at: Timestamp::from_millis(row.created_at_ms),
            expires_at: row.expires_at_ms.map(Timestamp::from_millis),
            used_at: row.used_at_ms.map(Timestamp::from_millis),
        }
    }
}

impl TryFrom<TouchRow> for Touch {
    type Error = Error;

    fn try_from(row: TouchRow) -> Result<Self> {
        Ok(Self {
            id: TouchId::parse(&row.id).ok_or_else(|| Error::corrupt("touches.id", &row.id))?,
            channel: row.channel,
            origin: Origin {
                source: row.source,
                campaign: row.campaign,
                utm: row.utm,
                referrer: row.referrer,
                payload: row.payload,
            },
            at: Timestamp::from_millis(row.at_ms),
        })
    }
}

impl Tx {
    pub async fn insert_link(&mut self, link: &DeepLink) -> Result<()> {
        const SQL: &str = "INSERT INTO deep_links (token, tenant_id, purpose, source, campaign, utm, referrer, created_at_ms, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        execute!(
            self,
            SQL,
            &link.token,
            self.tenant.as_ref(),
            &link.purpose,
            &link.source,
            link.campaign.as_deref(),
            &link.utm,
            link.referrer.as_deref(),
            link.created_at.millis(),
            link.expires_at.map(Timestamp::millis)
        )?;
        Ok(())
    }

    /// A link of this tenant that has not expired.
    pub async fn find_link(&mut self, token: &str, now: Timestamp) -> Result<Option<DeepLink>> {
        const SQL: &str = "SELECT token, purpose, source, campaign, utm, referrer, created_at_ms, expires_at_ms, used_at_ms \
             FROM deep_links WHERE tenant_id = $1 AND token = $2 AND (expires_at_ms IS NULL OR expires_at_ms > $3)";
        Ok(row!(self, LinkRow, SQL, self.tenant.as_ref(), token, now.millis())?.map(DeepLink::from))
    }

    /// Marks a link as used. Returns whether this was its first use.
    pub async fn use_link(&mut self, token: &str, now: Timestamp) -> Result<bool> {
        const SQL: &str =
            "UPDATE deep_links SET used_at_ms = $1 WHERE tenant_id = $2 AND token = $3 AND used_at_ms IS NULL";
        Ok(execute!(self, SQL, now.millis(), self.tenant.as_ref(), token)? == 1)
    }

    /// Newest first, at most 500.
    pub async fn links(&mut self) -> Result<Vec<DeepLink>> {
        const SQL: &str = "SELECT token, purpose, source, campaign, utm, referrer, created_at_ms, expires_at_ms, used_at_ms \
             FROM deep_links WHERE tenant_id = $1 ORDER BY created_at_ms DESC, token LIMIT 500";
        Ok(rows!(self, LinkRow, SQL, self.tenant.as_ref())?
            .into_iter()
            .map(DeepLink::from)
            .collect())
    }

    pub async fn insert_touch(&mut self, touch: &NewTouch) -> Result<()> {
        const SQL: &str = "INSERT INTO touches (id, tenant_id, client_id, channel, source, campaign, utm, referrer, payload, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        execute!(
            self,
            SQL,
            touch.id.as_str(),
            self.tenant.as_ref(),
            touch.client.as_str(),
            &touch.channel,
            &touch.origin.source,
            touch.origin.campaign.as_deref(),
            &touch.origin.utm,
            touch.origin.referrer.as_deref(),
            touch.origin.payload.as_deref(),
            touch.now.millis()
        )?;
        Ok(())
    }

    /// Oldest first, at most 200.
    pub async fn touches_of(&mut self, client: &ClientId) -> Result<Vec<Touch>> {
        const SQL: &str = "SELECT id, channel, source, campaign, utm, referrer, payload, at_ms FROM touches \
             WHERE tenant_id = $1 AND client_id = $2 ORDER BY id LIMIT 200";
        rows!(self, TouchRow, SQL, self.tenant.as_ref(), client.as_str())?
            .into_iter()
            .map(Touch::try_from)
            .collect()
    }

    /// Newest first.
    pub async fn list_touches(&mut self, client: &ClientId, page: &PageRequest) -> Result<PageOf<Touch>> {
        const SQL: &str = "SELECT id, channel, source, campaign, utm, referrer, payload, at_ms FROM touches \
             WHERE tenant_id = $1";
        let of_client = [("client_id", client.to_string())];
        let found: Vec<TouchRow> = self.newest(SQL, &of_client, "id", page).await?;
        let touches = found.into_iter().map(Touch::try_from).collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(touches, page, |touch| touch.id.to_string()))
    }

    /// Newest first. The cursor is the token of the last link.
    pub async fn list_links(&mut self, page: &PageRequest) -> Result<PageOf<DeepLink>> {
        const PLACE: &str = "SELECT created_at_ms FROM deep_links WHERE tenant_id = $1 AND token = $2";
        const SQL: &str = "SELECT token, purpose, source, campaign, utm, referrer, created_at_ms, expires_at_ms, used_at_ms \
             FROM deep_links WHERE tenant_id = $1 AND created_at_ms <= $2 AND (created_at_ms < $2 OR token > $3) \
             ORDER BY created_at_ms DESC, token LIMIT $4";
        let (before, token) = match &page.after {
            Some(cursor) => {
                // Links are never deleted, so a cursor that names none was not ours: nothing follows it.
                let place = scalar!(self, i64, PLACE, self.tenant.as_ref(), cursor.0.as_str())?;
                (place.unwrap_or(i64::MIN), cursor.0.as_str())
            }
            None => (i64::MAX, ""),
        };
        let links = rows!(self, LinkRow, SQL, self.tenant.as_ref(), before, token, page.fetch())?
            .into_iter()
            .map(DeepLink::from)
            .collect();
        Ok(PageOf::cut(links, page, |link| link.token.clone()))
    }
}
