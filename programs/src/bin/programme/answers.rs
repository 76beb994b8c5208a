//! Clients from JSON, and what is wrong with it in a sentence that names line and field.

use domain::profile::{Equipment, Goal, Level, Lifestyle, Place, Profile, Sex, SparedArea};
use programs::coverage;
use programs::pdf::{Brand, NextStep};
use programs::templates::Templates;
use serde::Deserialize;

/// A client and what their document says besides the programme.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Wire")]
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
    type Error = String;

    /// The limits are the questionnaire's: nobody answers it otherwise.
    fn try_from(wire: Wire) -> Result<Self, String> {
        let within = |field: &str, value: u16, from: u16, to: u16| {
            if (from..=to).contains(&value) {
                Ok(())
            } else {
                Err(format!("`{field}` is {from} to {to}, not {value}"))
            }
        };
        within("age_years", wire.age_years.into(), 14, 90)?;
        within("height_cm", wire.height_cm, 120, 230)?;
        within("weight_decikg", wire.weight_decikg, 300, 3000)?;
        within("days_per_week", wire.days_per_week.into(), 2, 4)?;
        if (wire.place == Place::Gym) != (wire.equipment == Equipment::Gym) {
            return Err(format!(
                "`equipment` is {:?} although `place` is {:?}: in a gym it is always \"gym\", at home never",
                wire.equipment.code(),
                wire.place.code()
            ));
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
    let mut json = serde_json::Deserializer::from_str(text);
    if text.trim_start().starts_with('[') {
        let clients: Vec<Client> = serde_path_to_error::deserialize(&mut json).map_err(|error| sentence(&error, None))?;
        json.end().map_err(|error| format!("after the list: {error}"))?;
        return if clients.is_empty() {
            Err("the list is empty: there is nobody to make a programme for".to_owned())
        } else {
            Ok(Clients { clients, is_list: true })
        };
    }
    let mut clients = Vec::new();
    while json.end().is_err() {
        let number = clients.len() + 1;
        let client = serde_path_to_error::deserialize(&mut json).map_err(|error| sentence(&error, Some(number)))?;
        clients.push(client);
    }
    match clients.len() {
        0 => Err("there are no answers in it".to_owned()),
        count => Ok(Clients {
            clients,
            is_list: count > 1,
        }),
    }
}

/// `line 3, client 2, field level: unknown variant …`
fn sentence(error: &serde_path_to_error::Error<serde_json::Error>, number: Option<usize>) -> String {
    let inner = error.inner();
    let mut place = format!("line {}", inner.line());
    let path = error.path().to_string();
    let (index, field) = match path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((index, field)) => (
            index.parse::<usize>().ok().map(|index| index + 1),
            field.trim_start_matches('.').to_owned(),
        ),
        None => (number, path),
    };
    if let Some(number) = index {
        place.push_str(&format!(", client {number}"));
    }
    if !field.is_empty() && field != "." && field != "?" {
        place.push_str(&format!(", field `{field}`"));
    }
    // The place is told already, and with the number of the client.
    let text = inner.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    format!("{place}: {reason}")
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
