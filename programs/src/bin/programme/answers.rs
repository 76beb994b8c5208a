//! Clients from JSON, and what is wrong with it in a sentence that names line and field.

use domain::profile::{Equipment, Goal, Level, Lifestyle, Place, Profile, Sex, SparedArea};
use programs::coverage;
use programs::pdf::{Brand, NextStep};
use programs::templates::Templates;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A client and what their document says besides the programme.
#[derive(Debug, Clone)]
pub struct Client {
    pub name: String,
    pub brand: Option<Brand>,
    pub next_step: Option<NextStep>,
    pub trainer_note: Option<String>,
    pub profile: Profile,
}

/// The fields as they are written: one level, so that a mistake is found at its own line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    name: String,
    brand: Option<Brand>,
    next_step: Option<NextStep>,
    trainer_note: Option<String>,
    sex: Sex,
    age_years: u8,
    level: Level,
    goal: Goal,
    height_cm: u16,
    weight_decikg: u16,
    lifestyle: Lifestyle,
    place: Place,
    equipment: Equipment,
    days_per_week: u8,
    #[serde(default)]
    spared_areas: Vec<SparedArea>,
}

impl TryFrom<Wire> for Client {
    /// The field and what is wrong with it.
    type Error = (&'static str, String);

    /// The limits are the questionnaire's: nobody answers it otherwise.
    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let within = |field: &'static str, value: u16, from: u16, to: u16| {
            if (from..=to).contains(&value) {
                Ok(())
            } else {
                Err((field, format!("{from} to {to} is possible, not {value}")))
            }
        };
        within("age_years", wire.age_years.into(), 14, 90)?;
        within("height_cm", wire.height_cm, 120, 230)?;
        within("weight_decikg", wire.weight_decikg, 300, 3000)?;
        within("days_per_week", wire.days_per_week.into(), 2, 4)?;
        if (wire.place == Place::Gym) != (wire.equipment == Equipment::Gym) {
            let reason = format!(
                "{:?} does not go with the place {:?}: in a gym it is always \"gym\", at home never",
                wire.equipment.code(),
                wire.place.code()
            );
            return Err(("equipment", reason));
        }
        Ok(Self {
            name: wire.name,
            brand: wire.brand,
            next_step: wire.next_step,
            trainer_note: wire.trainer_note,
            profile: Profile {
                sex: wire.sex,
                age_years: wire.age_years,
                level: wire.level,
                goal: wire.goal,
                height_cm: wire.height_cm,
                weight_decikg: wire.weight_decikg,
                lifestyle: wire.lifestyle,
                place: wire.place,
                equipment: wire.equipment,
                days_per_week: wire.days_per_week,
                spared_areas: wire.spared_areas,
            },
        })
    }
}

pub struct Clients {
    pub clients: Vec<Client>,
    /// Whether the source could hold several, even if it holds one.
    pub is_list: bool,
}

/// Reads one object, a list of objects, or objects one after another (JSON Lines).
pub fn read(text: &str) -> Result<Clients, String> {
    let text = text.trim_start_matches('\u{feff}');
    let is_list = text.trim_start().starts_with('[');
    let pieces = pieces(text, is_list)?;
    let mut clients = Vec::with_capacity(pieces.len());
    for (index, (offset, piece)) in pieces.iter().enumerate() {
        let client = client(piece).map_err(|mistake| {
            let line = lines_before(text, *offset) + mistake.line;
            match mistake.field {
                Some(field) => format!("line {line}, client {}, field `{field}`: {}", index + 1, mistake.reason),
                None => format!("line {line}, client {}: {}", index + 1, mistake.reason),
            }
        })?;
        clients.push(client);
    }
    match (clients.len(), is_list) {
        (0, true) => Err("the list is empty: there is nobody to make a programme for".to_owned()),
        (0, false) => Err("there are no answers in it".to_owned()),
        (count, _) => Ok(Clients {
            clients,
            is_list: is_list || count > 1,
        }),
    }
}

fn lines_before(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The JSON values of a list, or those that follow each other, with their places in the text.
fn pieces(text: &str, is_list: bool) -> Result<Vec<(usize, &str)>, String> {
    let mut pieces = Vec::new();
    let mut offset = if is_list {
        text.find('[').map_or(0, |at| at + 1)
    } else {
        0
    };
    let mut is_closed = !is_list;
    loop {
        let rest = text.get(offset..).unwrap_or_default();
        offset += rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let line = lines_before(text, offset);
        if is_list && rest.starts_with(']') && !is_closed {
            is_closed = true;
            offset += 1;
            continue;
        }
        if rest.is_empty() {
            return if is_closed {
                Ok(pieces)
            } else {
                Err(format!("line {}: the list is not closed with `]`", line + 1))
            };
        }
        if is_list && is_closed {
            return Err(format!("line {}: there is something after the list", line + 1));
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let reason = reason(&error);
                return Err(format!(
                    "line {}, client {}: {reason}",
                    line + error.line(),
                    pieces.len() + 1
                ));
            }
            None => return Ok(pieces),
        }
        let length = values.byte_offset();
        pieces.push((offset, rest.get(..length).unwrap_or(rest)));
        offset += length;
        let rest = text.get(offset..).unwrap_or_default();
        let after = rest.trim_start();
        if is_list {
            if after.starts_with(',') {
                offset += rest.len() - after.len() + 1;
            } else if !after.starts_with(']') {
                let line = lines_before(text, offset) + 1;
                return Err(format!(
                    "line {line}: a comma or `]` should follow client {}",
                    pieces.len()
                ));
            }
        }
    }
}

struct Mistake {
    /// From 1, in the client's own text.
    line: usize,
    field: Option<String>,
    reason: String,
}

fn client(piece: &str) -> Result<Client, Mistake> {
    let mut json = serde_json::Deserializer::from_str(piece);
    let wire: Wire = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        Mistake {
            line: error.inner().line(),
            field: Some(path).filter(|path| !matches!(path.as_str(), "" | "." | "?")),
            reason: reason(error.inner()),
        }
    })?;
    Client::try_from(wire).map_err(|(field, reason)| Mistake {
        line: piece
            .find(&format!("\"{field}\""))
            .map_or(1, |at| lines_before(piece, at) + 1),
        field: Some(field.to_owned()),
        reason,
    })
}

/// Without the place, which is told with the client's number and in lines of the whole file.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason)
        .to_owned()
}

/// Names that documents have to bear, beside everyday ones.
const NAMES: [&str; 14] = [
    "Анна Смирнова",
    "Пётр",
    "Maria O'Neill",
    "Константин Константинопольский-Задунайский",
    "Ольга «Буря» Иванова",
    "🦊 Лиса",
    "Джон \"Рокки\" Смит",
    "יעל כהן",
    "Zoë Brontë",
    "Ли",
    "محمد علي",
    "Наталья Александровна",
    "Nguyễn Thị Minh Khai",
    "",
];

/// Clients spread over all answers; the same seed gives the same ones.
pub fn invent(templates: &Templates, count: usize, seed: u64) -> Vec<Client> {
    let tried = coverage::try_out(templates, count, seed);
    let names = NAMES.iter().cycle();
    tried
        .clients
        .into_iter()
        .zip(names)
        .map(|(tried, name)| Client {
            name: (*name).to_owned(),
            brand: None,
            next_step: None,
            trainer_note: None,
            profile: tried.profile,
        })
        .collect()
}
