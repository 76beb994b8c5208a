//! Listens to what the product says to PostgreSQL, so that the database's own limit is measured with the very same
//! statements. A proxy between the two reads the frontend's side of the protocol (version 3: Query, Parse, Bind).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A statement with the values it was executed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

#[derive(Debug, Clone)]
pub struct Recorder {
    pub address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// A statement and the connection it came through.
type Heard = (usize, Statement);

impl Recorder {
    /// Listens on a free port and passes everything on to `host:port`.
    pub async fn start(upstream: String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let recorder = Self {
            address: listener.local_addr()?.to_string(),
            heard: Arc::default(),
        };
        let heard = Arc::clone(&recorder.heard);
        tokio::spawn(async move {
            for connection in 0_usize.. {
                let Ok((client, _)) = listener.accept().await else {
                    break;
                };
                let (upstream, heard) = (upstream.clone(), Arc::clone(&heard));
                // A broken connection shows in the product's own error.
                tokio::spawn(async move { pass(client, &upstream, &heard, connection).await });
            }
        });
        Ok(recorder)
    }

    /// What was heard since the last call, transaction after transaction in the order in which they began.
    pub fn take(&self) -> Vec<Statement> {
        in_turn(std::mem::take(
            &mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

/// A transaction that is given up is rolled back a little later, when the next one may have begun on another connection.
fn in_turn(heard: Vec<Heard>) -> Vec<Statement> {
    let mut transactions: Vec<Vec<Statement>> = Vec::new();
    let mut open: HashMap<usize, usize> = HashMap::new();
    for (connection, statement) in heard {
        let is_end = matches!(statement.sql.as_str(), "COMMIT" | "ROLLBACK");
        let at = match open.get(&connection) {
            Some(at) => *at,
            // It belongs to what was heard before.
            None if is_end => continue,
            None => {
                if statement.sql == "BEGIN" {
                    open.insert(connection, transactions.len());
                }
                transactions.push(Vec::new());
                transactions.len() - 1
            }
        };
        if is_end {
            open.remove(&connection);
        }
        if let Some(transaction) = transactions.get_mut(at) {
            transaction.push(statement);
        }
    }
    for at in open.into_values() {
        if let Some(transaction) = transactions.get_mut(at) {
            transaction.push(Statement {
                sql: "ROLLBACK".to_owned(),
                values: Vec::new(),
            });
        }
    }
    transactions.concat()
}

async fn pass(client: TcpStream, upstream: &str, heard: &Mutex<Vec<Heard>>, connection: usize) -> anyhow::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    // The startup message has a length and no type.
    let mut startup = Vec::new();
    read_body(&mut from_client, &mut startup).await?;
    to_server.write_all(&startup).await?;
    let mut prepared: HashMap<String, (String, Vec<u32>)> = HashMap::new();
    while let Ok(kind) = from_client.read_u8().await {
        let mut message = vec![kind];
        read_body(&mut from_client, &mut message).await?;
        let mut reader = Reader(message.get(5..).unwrap_or_default());
        match kind {
            b'Q' => {
                let sql = reader.text().context("a query without an end")?;
                let values = Vec::new();
                heard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((connection, Statement { sql, values }));
            }
            b'P' => {
                let (name, sql) = (reader.text(), reader.text());
                let types = (0..reader.short()).map(|_| reader.word()).collect();
                prepared.insert(name.unwrap_or_default(), (sql.unwrap_or_default(), types));
            }
            b'B' => {
                reader.text();
                let name = reader.text().unwrap_or_default();
                let (sql, types) = prepared.get(&name).context("a statement that was never prepared")?;
                for _ in 0..reader.short() {
                    reader.short();
                }
                let values = (0..reader.short())
                    .map(|at| value(types.get(usize::from(at)).copied().unwrap_or_default(), reader.field()))
                    .collect();
                let statement = Statement {
                    sql: sql.clone(),
                    values,
                };
                heard
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((connection, statement));
            }
            _ => {}
        }
        to_server.write_all(&message).await?;
    }
    back.abort();
    Ok(())
}

async fn read_body(from: &mut (impl tokio::io::AsyncRead + Unpin), into: &mut Vec<u8>) -> anyhow::Result<()> {
    let length = from.read_u32().await?;
    into.extend_from_slice(&length.to_be_bytes());
    let start = into.len();
    into.resize(start + usize::try_from(length)?.saturating_sub(4), 0);
    from.read_exact(into.get_mut(start..).unwrap_or_default()).await?;
    Ok(())
}

/// The types the product uses: int8, int4, text and bytea, all in binary form.
fn value(type_id: u32, field: Option<Vec<u8>>) -> Value {
    let Some(bytes) = field else { return Value::Null };
    match (type_id, bytes.len()) {
        (20, 8) | (23, 4) => Value::Int(bytes.iter().fold(
            if bytes.first().is_some_and(|first| *first >= 0x80) {
                -1
            } else {
                0
            },
            |number: i64, byte| (number << 8) | i64::from(*byte),
        )),
        (17, _) => Value::Bytes(bytes),
        _ => String::from_utf8(bytes).map_or_else(|error| Value::Bytes(error.into_bytes()), Value::Text),
    }
}

/// Takes a message apart from the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head.to_vec())
    }

    fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        String::from_utf8(text).ok()
    }

    fn short(&mut self) -> u16 {
        self.take(2)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u16::from_be_bytes)
    }

    fn word(&mut self) -> u32 {
        self.take(4)
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u32::from_be_bytes)
    }

    /// `None` is NULL.
    fn field(&mut self) -> Option<Vec<u8>> {
        let length = self.word();
        usize::try_from(length)
            .ok()
            .filter(|_| length != u32::MAX)
            .and_then(|length| self.take(length))
    }
}
