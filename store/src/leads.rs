//! Leads: one open lead a client.

use domain::ids::{ClientId, Id, LeadId};
use domain::pipeline::LeadStatus;
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows};
use crate::keyset::Statement;
use crate::{Error, PageOf, PageRequest, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLead {
    pub id: LeadId,
    pub client: ClientId,
    pub source: String,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    pub id: LeadId,
    pub client: ClientId,
    pub client_name: String,
    pub status: LeadStatus,
    pub source: String,
    pub taken_by: Option<String>,
    pub created_at: Timestamp,
    pub qualified_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub version: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadFilter {
    pub status: Option<LeadStatus>,
    pub client: Option<ClientId>,
}

#[derive(sqlx::FromRow)]
struct LeadRow {
    id: String,
    client_id: String,
    display_name: String,
    status: String,
    source: String,
    taken_by: Option<String>,
    created_at_ms: i64,
    qualified_at_ms: Option<i64>,
    closed_at_ms: Option<i64>,
    version: i64,
}

const SELECT: &str = "SELECT l.id, l.client_id, c.display_name, l.status, l.source, l.taken_by, l.created_at_ms, \
     l.qualified_at_ms, l.closed_at_ms, l.version FROM leads l CROSS JOIN clients c \
     WHERE c.tenant_id = $1 AND c.id = l.client_id AND l.tenant_id = $1";

impl TryFrom<LeadRow> for Lead {
    type Error = Error;

    fn try_from(row: LeadRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        Ok(Self {
            id: LeadId::parse(&row.id).ok_or_else(|| corrupt("leads.id"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt("leads.client_id"))?,
            status: LeadStatus::parse(&row.status).ok_or_else(|| corrupt("leads.status"))?,
            client_name: row.display_name,
            source: row.source,
            taken_by: row.taken_by,
            created_at: Timestamp::from_millis(row.created_at_ms),
            qualified_at: row.qualified_at_ms.map(Timestamp::from_millis),
            closed_at: row.closed_at_ms.map(Timestamp::from_millis),
            version: row.version,
        })
    }
}

impl Tx {
    pub async fn insert_lead(&mut self, new: &NewLead) -> Result<()> {
        const SQL: &str = "INSERT INTO leads (id, tenant_id, client_id, status, source, created_at_ms, version) \
             VALUES ($1, $2, $3, 'new', $4, $5, 1)";
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.client.as_str(),
            &new.source,
            new.now.millis()
        )?;
        Ok(())
    }

    pub async fn find_lead(&mut self, id: &LeadId) -> Result<Option<Lead>> {
        let sql = format!("{SELECT} AND l.id = $2");
        row!(
            self,
            LeadRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(Lead::try_from)
        .transpose()
    }

    pub async fn open_lead_of(&mut self, client: &ClientId) -> Result<Option<Lead>> {
        let sql = format!("{SELECT} AND l.client_id = $2 AND l.closed_at_ms IS NULL");
        row!(
            self,
            LeadRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            client.as_str()
        )?
        .map(Lead::try_from)
        .transpose()
    }

    /// Newest first.
    pub async fn list_leads(&mut self, filter: &LeadFilter, page: &PageRequest) -> Result<PageOf<Lead>> {
        let mut statement = Statement::new(SELECT);
        let status = filter.status.map(|status| status.code().to_owned());
        let columns = match &filter.client {
            // A client has few leads: their own index finds them, whatever their status.
            Some(client) => {
                statement.compare("l.status", "=", status);
                vec![("l.client_id", client.to_string())]
            }
            None => status.map(|status| ("l.status", status)).into_iter().collect(),
        };
        statement.walk(&columns, "l.id", String::new());
        let found: Vec<LeadRow> = self.fetch_page(statement, page).await?;
        let leads = found.into_iter().map(Lead::try_from).collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(leads, page, |lead| lead.id.to_string()))
    }

    /// The questionnaire is finished. A lead that is already further stays where it is.
    pub async fn qualify_lead(&mut self, client: &ClientId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE leads SET status = 'qualified', qualified_at_ms = $1, version = version + 1 \
             WHERE tenant_id = $2 AND client_id = $3 AND closed_at_ms IS NULL AND status IN ('new', 'in_progress')";
        Ok(execute!(self, SQL, now.millis(), self.tenant.as_ref(), client.as_str())? > 0)
    }

    /// Marks who works with a lead; a new lead is in progress from then on.
    pub async fn take_lead(&mut self, id: &LeadId, who: &str) -> Result<bool> {
        const SQL: &str = "UPDATE leads SET taken_by = $1, status = CASE WHEN status = 'new' THEN 'in_progress' ELSE status END, \
             version = version + 1 WHERE tenant_id = $2 AND id = $3";
        Ok(execute!(self, SQL, who, self.tenant.as_ref(), id.as_str())? > 0)
    }

    /// Errors: [`Error::VersionConflict`] when `version` is no longer current.
    pub async fn set_lead_status(
        &mut self,
        id: &LeadId,
        version: i64,
        status: LeadStatus,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "UPDATE leads SET status = $1, version = version + 1, \
             qualified_at_ms = CASE WHEN $1 = 'qualified' THEN COALESCE(qualified_at_ms, $2) ELSE qualified_at_ms END, \
             closed_at_ms = CASE WHEN $1 = 'lost' THEN $2 ELSE NULL END \
             WHERE tenant_id = $3 AND id = $4 AND version = $5";
        let changed = execute!(
            self,
            SQL,
            status.code(),
            now.millis(),
            self.tenant.as_ref(),
            id.as_str(),
            version
        )?;
        if changed == 1 {
            Ok(())
        } else {
            Err(Error::VersionConflict { what: "lead" })
        }
    }

    /// The newest leads with their clients, for the trainer's list.
    pub async fn newest_leads(&mut self, limit: u32) -> Result<Vec<Lead>> {
        let page = PageRequest { limit, after: None };
        Ok(self.list_leads(&LeadFilter::default(), &page).await?.items)
    }

    pub async fn leads_of(&mut self, client: &ClientId) -> Result<Vec<Lead>> {
        let sql = format!("{SELECT} AND l.client_id = $2 ORDER BY l.id DESC LIMIT 50");
        rows!(
            self,
            LeadRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            client.as_str()
        )?
        .into_iter()
        .map(Lead::try_from)
        .collect()
    }

    /// Like [`Tx::take_lead`], unless somebody else works with it (`force` takes it over) or it is closed.
    pub async fn take_free_lead(&mut self, id: &LeadId, who: &str, force: bool) -> Result<bool> {
        const SQL: &str = "UPDATE leads SET taken_by = $1, status = CASE WHEN status = 'new' THEN 'in_progress' ELSE status END, \
             version = version + 1 WHERE tenant_id = $2 AND id = $3 AND closed_at_ms IS NULL \
             AND (taken_by IS NULL OR $4 = 1)";
        let taken = execute!(self, SQL, who, self.tenant.as_ref(), id.as_str(), i64::from(force))?;
        Ok(taken == 1)
    }
}
