//! The document's own sentences, in both languages.

use domain::language::Language;

/// Both languages of one text.
#[derive(Clone, Copy)]
pub(super) struct Text(pub &'static str, pub &'static str);

impl Text {
    pub const fn get(&self, language: Language) -> &'static str {
        match language {
            Language::Ru => self.0,
            Language::En => self.1,
        }
    }
}

pub(super) const FOR_WHOM: Text = Text("Составлено для", "Made for");
pub(super) const FOR_YOU: Text = Text("для вас", "you");
pub(super) const GOAL: Text = Text("Цель", "Goal");
pub(super) const LEVEL: Text = Text("Уровень", "Level");
pub(super) const PLACE: Text = Text("Где", "Where");
pub(super) const EQUIPMENT: Text = Text("Инвентарь", "Equipment");
pub(super) const DAYS: Text = Text("Частота", "Frequency");
pub(super) const PER_WEEK: Text = Text("в неделю", "a week");
pub(super) const AGE: Text = Text("Возраст", "Age");
pub(super) const SEX: Text = Text("Пол", "Sex");
pub(super) const HEIGHT: Text = Text("Рост", "Height");
pub(super) const LIFESTYLE: Text = Text("Образ жизни", "Lifestyle");
pub(super) const SPARE: Text = Text("Бережём", "Sparing");
pub(super) const NAME: Text = Text("Имя", "Name");
pub(super) const CM: Text = Text("см", "cm");
pub(super) const KG: Text = Text("кг", "kg");

pub(super) const ABOUT: Text = Text("О программе", "About the programme");
pub(super) const YOUR_ANSWERS: Text = Text("Ваши ответы", "Your answers");
pub(super) const ADJUSTED: Text = Text("Что мы учли", "What we adjusted");
pub(super) const HOW_TO_READ: Text = Text("Как читать план", "How to read the plan");
pub(super) const SWAPS: Text = Text("Замены, чтобы поберечь", "Swaps to spare your");
pub(super) const PROGRESS: Text = Text("Как подбирать нагрузку", "How to choose the load");
pub(super) const WARM_UP: Text = Text("Разминка перед каждой тренировкой", "Warm-up before every workout");
pub(super) const COOL_DOWN: Text = Text("После тренировки", "After the workout");
pub(super) const CARE: Text = Text("Бережно к себе", "Take care");
pub(super) const PLAN: Text = Text("План тренировок", "The plan");
pub(super) const WEEK: Text = Text("Неделя", "Week");
pub(super) const DAY: Text = Text("День", "Day");
pub(super) const DELOAD: Text = Text("лёгкая неделя", "light week");
pub(super) const CONTINUED: Text = Text("продолжение", "continued");
pub(super) const EXERCISE: Text = Text("Упражнение", "Exercise");
pub(super) const SETS_REPS: Text = Text("Подходы × повторы", "Sets × reps");
pub(super) const REST: Text = Text("Отдых", "Rest");
pub(super) const INTENSITY: Text = Text("Усилие", "Effort");
pub(super) const TECHNIQUE: Text = Text("Техника упражнений", "How to do the exercises");
pub(super) const TECHNIQUE_HINT: Text = Text(
    "Сюда ведут названия упражнений из плана: нажмите на любое, чтобы вспомнить технику.",
    "Exercise names in the plan lead here: tap one to recall how it is done.",
);
pub(super) const MISTAKES: Text = Text("Частые ошибки:", "Common mistakes:");
pub(super) const VIDEO: Text = Text("Смотреть видео", "Watch the video");
pub(super) const LOG: Text = Text("Дневник тренировок", "Training log");
pub(super) const LOG_HINT: Text = Text(
    "В углу клетки план, под ним место для вашего веса и повторов. Серые клетки: на этой неделе упражнения нет.",
    "The corner of a cell shows the plan, below it is room for your weight and reps. Grey cells: not in the plan that week.",
);
pub(super) const MEASURES: Text = Text("Замеры и самочувствие", "Measurements and how you feel");
pub(super) const MEASURES_HINT: Text = Text(
    "Раз в неделю, утром, в один и тот же день. Сравнивайте с собой, а не с другими.",
    "Once a week, in the morning, on the same day. Compare with yourself, not with others.",
);
pub(super) const MEASURE_COLUMNS: [Text; 6] = [
    Text("Дата", "Date"),
    Text("Вес, кг", "Weight, kg"),
    Text("Талия, см", "Waist, cm"),
    Text("Бёдра, см", "Hips, cm"),
    Text("Сон, ч", "Sleep, h"),
    Text("Самочувствие", "How I feel"),
];
pub(super) const WEEKS: Text = Text("Недели", "Weeks");
pub(super) const NOTES: Text = Text("Заметки", "Notes");
pub(super) const NOTES_HINT: Text = Text(
    "Что получилось, что мешало, о чём спросить тренера.",
    "What went well, what got in the way, what to ask your trainer.",
);
pub(super) const TRAINER_NOTE: Text = Text("От тренера лично вам", "From your trainer, to you");
pub(super) const CONTENTS: Text = Text("Содержание", "Contents");
pub(super) const LOAD: Text = Text("Вес", "Weight");
pub(super) const ALL_REPS_DONE: Text = Text("Получились все повторы:", "All reps done:");
pub(super) const MANY_SWAPS: Text = Text(
    "Несколько упражнений заменили похожими, чтобы поберечь вас. Полный список в большом документе.",
    "We swapped several exercises for similar ones to spare you. The big document has the whole list.",
);
pub(super) const CLOSING: Text = Text("Напоследок", "Before you go");
pub(super) const NEXT: Text = Text("Что дальше", "What comes next");
pub(super) const CONTACTS: Text = Text("Связаться с нами", "Get in touch");
pub(super) const OPEN: Text = Text("Открыть", "Open");
pub(super) const SCAN: Text = Text("или наведите камеру телефона", "or point your phone's camera");

/// Term and explanation.
pub(super) const LEGEND: [(Text, Text); 4] = [
    (
        Text("3 × 8–12", "3 × 8–12"),
        Text(
            "Три подхода, в каждом от восьми до двенадцати повторов. Если указано время, работаете столько секунд или минут.",
            "Three sets of eight to twelve repetitions each. Where a time is given, work for that long.",
        ),
    ),
    (
        Text("Отдых", "Rest"),
        Text(
            "Пауза между подходами. Между упражнениями можно отдохнуть чуть дольше.",
            "The pause between sets. Between exercises you may rest a little longer.",
        ),
    ),
    (
        Text("RPE", "RPE"),
        Text(
            "Усилие по ощущениям от 1 до 10. Шкала ниже показывает, сколько повторов остаётся в запасе.",
            "Effort by feel, from 1 to 10. The scale below shows how many repetitions you have left.",
        ),
    ),
    (
        Text("Лёгкая неделя", "Light week"),
        Text(
            "Меньше подходов и усилий. Так задумано: в это время тело восстанавливается и крепнет.",
            "Fewer sets and less effort. It is meant so: this is when the body recovers and gets stronger.",
        ),
    ),
];
/// Added where the plan names weights.
pub(super) const LOAD_LEGEND: [(Text, Text); 2] = [
    (
        Text("≈ 40 кг", "≈ 40 kg"),
        Text(
            "С чего начать: рассчитано по вашим ответам. Штанга считается вместе с грифом. Тяжелее, чем обещает RPE: берите меньше.",
            "What to start with, worked out from your answers. A barbell counts with its bar. Harder than the RPE says: take less.",
        ),
    ),
    (
        Text("≈ 2 × 10 кг", "≈ 2 × 10 kg"),
        Text(
            "Две гантели, по десять килограммов каждая. Нет точно такого веса: берите ближайший поменьше.",
            "Two dumbbells of ten kilograms each. No such weight at hand: take the next lighter one.",
        ),
    ),
];
/// Situation and what to do.
pub(super) const PROGRESS_STEPS: [(Text, Text); 4] = [
    (
        Text("С чего начать", "Where to start"),
        Text(
            "Возьмите вес, с которым последние повторы требуют усилия, а техника остаётся чистой. Сомневаетесь между двумя: берите меньший.",
            "Take a weight that makes the last repetitions an effort while technique stays clean. In doubt between two, take the lighter one.",
        ),
    ),
    (
        Text("Когда прибавлять", "When to add"),
        Text(
            "Получилась верхняя граница повторов во всех подходах: в следующий раз прибавьте самый маленький шаг. Без веса: двигайтесь медленнее или добавьте повтор.",
            "You reached the top of the range in every set: next time add the smallest step there is. Without weights, move slower or add a repetition.",
        ),
    ),
    (
        Text("Если тяжело", "If it is too hard"),
        Text(
            "Убавьте вес, отдохните дольше или остановитесь на подход раньше. Это не шаг назад, а внимание к себе.",
            "Take less weight, rest longer or stop a set early. It is no step back, it is paying attention.",
        ),
    ),
    (
        Text("Если пропустили", "If you missed one"),
        Text(
            "Продолжайте с той тренировки, на которой остановились, навёрстывать не нужно. После долгого перерыва повторите последнюю неделю.",
            "Go on with the workout you stopped at, there is nothing to catch up on. After a long break repeat the last week.",
        ),
    ),
];
/// RPE and what it feels like.
pub(super) const RPE_SCALE: [(&str, Text); 6] = [
    ("5", Text("легко, запас большой", "easy, plenty left")),
    ("6", Text("4 повтора в запасе", "4 reps left")),
    ("7", Text("3 повтора в запасе", "3 reps left")),
    ("8", Text("2 повтора в запасе", "2 reps left")),
    ("9", Text("1 повтор в запасе", "1 rep left")),
    ("10", Text("предел, не нужен", "the limit, not needed")),
];
pub(super) const WARM_UP_STEPS: [(Text, Text); 5] = [
    (
        Text("2 минуты", "2 minutes"),
        Text(
            "Шаг на месте или быстрая ходьба, пока не станет теплее.",
            "March on the spot or walk fast until you feel warmer.",
        ),
    ),
    (
        Text("По 8 раз", "8 times each"),
        Text(
            "Круги плечами, локтями и кистями вперёд и назад, мягкие наклоны головы.",
            "Circle shoulders, elbows and wrists both ways, tilt your head gently.",
        ),
    ),
    (
        Text("8 раз", "8 times"),
        Text(
            "«Кошка»: на четвереньках плавно округляйте и прогибайте спину.",
            "Cat-cow: on all fours, round and arch your back smoothly.",
        ),
    ),
    (
        Text("10 раз", "10 times"),
        Text(
            "Неглубокие приседания и наклоны с прямой спиной, без веса.",
            "Shallow squats and hinges with a straight back, no weight.",
        ),
    ),
    (
        Text("1 подход", "1 set"),
        Text(
            "Первое упражнение плана вполсилы: вдвое легче рабочего.",
            "The plan's first exercise at half effort: half the working load.",
        ),
    ),
];
pub(super) const COOL_DOWN_TEXT: Text = Text(
    "Две-три минуты походите спокойно, выровняйте дыхание и мягко потянитесь: ноги, грудь, спину. Тянитесь до приятного натяжения, без боли.",
    "Walk calmly for two or three minutes, let your breath settle and stretch gently: legs, chest, back. Stretch until it feels pleasant, never until it hurts.",
);
pub(super) const CARE_TEXT: Text = Text(
    "Мышцы могут уставать, болеть суставы не должны. При острой боли, головокружении или если трудно дышать остановитесь и обратитесь к врачу. Программа не заменяет его совета. Пейте воду, спите и пропускайте тренировку, если заболели.",
    "Muscles may tire, joints should not hurt. With sharp pain, dizziness or trouble breathing, stop and see a doctor. The programme does not replace their advice. Drink water, sleep well, and skip a workout when you are ill.",
);
