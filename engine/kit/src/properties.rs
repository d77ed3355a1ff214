//! What holds for every plugin, whatever it decides: checked on the golden cases' leads and on generated ones. A
//! refusal is an answer; anything else that is not a decision breaks a property.

use super::answer;
use super::ask::{self, Question};
use super::cases::Golden;
use super::generate::Generator;
use super::subject::Subject;
use cadenza_core::field::STANDARD_FIELDS;
use cadenza_core::lead::{Channel, Outcome};
use cadenza_core::plugin::{DecisionFailure, DecisionInput, DecisionKind};
use cadenza_core::value::ValueType;
use cadenza_sandbox::{Decided, Sandbox, Used};
use cadenza_sdk::Span;
use cadenza_sdk::golden::{Case, EngagementCase, Length, Scalar, TouchCase};

/// How many leads of one moment are scored in one instance after all cases are checked.
const TOGETHER_MAX: usize = 100;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Property {
    /// Every lead gets a decision or a refusal.
    Decides,
    /// The same input gives the same answer at the same cost, in every sandbox.
    Repeats,
    /// What is not declared is not seen.
    SeesOnlyWhatItDeclares,
    /// A batch scores as single calls do.
    BatchEqualsSingle,
}

impl Property {
    /// All of the properties.
    pub const ALL: [Self; 4] = [Self::Decides, Self::Repeats, Self::SeesOnlyWhatItDeclares, Self::BatchEqualsSingle];

    /// The property as a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Decides => "every lead gets a decision that the contract allows, or a refusal",
            Self::Repeats => "the same input gives the same answer for the same fuel, in another sandbox too",
            Self::SeesOnlyWhatItDeclares => "what the plugin does not declare makes no difference",
            Self::BatchEqualsSingle => "leads scored together come out as they do singly",
        }
    }
}

/// A case for which a property does not hold.
#[derive(Debug)]
pub struct Broken {
    /// What has to hold.
    pub property: Property,
    /// The kind of decision it is about.
    pub kind: DecisionKind,
    /// The smallest lead that still shows it.
    pub case: Case,
    pub what: String,
    /// What the plugin logged meanwhile.
    pub log: Vec<String>,
}

/// The results for all cases.
#[derive(Debug, Default)]
pub struct Report {
    /// How many cases were checked.
    pub checked: usize,
    /// How many of them the plugin refused.
    pub refused: usize,
    /// Those that show a broken property.
    pub broken: Vec<Broken>,
    /// The most of each resource that one of them used.
    pub most: Used,
}

/// Checks one plugin.
pub struct Checker<'a> {
    subject: &'a Subject,
    another: Sandbox,
}

/// The result of a case that holds.
struct Held {
    asked: Option<(DecisionInput, Decided)>,
}

impl<'a> Checker<'a> {
    /// Prepares to check a plugin.
    pub fn new(subject: &'a Subject) -> anyhow::Result<Self> {
        Ok(Self { subject, another: subject.another_sandbox()? })
    }

    /// Checks the golden cases and this many generated ones.
    pub fn run(&self, golden: &[Golden], seed: u64, generated: u64) -> Report {
        let known = golden.iter().filter_map(|golden| {
            let kind = ask::kind(&self.subject.info, &golden.case).ok()?;
            // A case that cannot be asked is reported with the golden cases, and does not serve as a model.
            ask::question(self.subject, kind, &golden.case).ok()?;
            Some((kind, golden.case.clone()))
        });
        let known: Vec<(DecisionKind, Case)> = known.collect();
        let generator = Generator { subject: self.subject, known: &known, seed };
        let mut report = Report::default();
        let mut scored = Vec::new();
        for (kind, case) in known.iter().cloned().chain((0..generated).map(|number| generator.case(number))) {
            report.checked += 1;
            match self.check(kind, &case) {
                Ok(Held { asked }) => {
                    let decided = asked.as_ref().map(|(_, decided)| decided);
                    report.refused += usize::from(decided.is_none_or(|decided| decided.answer.is_err()));
                    report.most = report.most.most(&decided.map(|decided| decided.used).unwrap_or_default());
                    scored.extend(asked.filter(|_| kind == DecisionKind::Scoring).map(|asked| (case, asked)));
                }
                Err(broken) => report.broken.push(self.least(*broken)),
            }
        }
        report.broken.extend(self.check_together(scored));
        report
    }

    fn check(&self, kind: DecisionKind, case: &Case) -> Result<Held, Box<Broken>> {
        let broken = |property, what: String, log: &[String]| {
            Box::new(Broken { property, kind, case: case.clone(), what, log: log.to_vec() })
        };
        let question = ask::question(self.subject, kind, case);
        let input = match question.map_err(|why| broken(Property::Decides, why, &[]))? {
            Question::Refused(_) => return Ok(Held { asked: None }),
            Question::Ask(input) => input,
        };
        let digest = self.subject.info.digest;
        let one = self.subject.sandbox.decide(digest, kind, &input);
        if let Err(failure) = &one.answer
            && !matches!(failure, DecisionFailure::Refusal(_))
        {
            return Err(broken(Property::Decides, answer::failure(failure, &one, self.subject.budgets()), &one.log));
        }
        for sandbox in [&self.subject.sandbox, &self.another] {
            let again = sandbox.decide(digest, kind, &input);
            if let Some(difference) = difference(&one, &again) {
                return Err(broken(Property::Repeats, difference, &one.log));
            }
        }
        let widened = ask::question(self.subject, kind, &widen(self.subject, case));
        if let Ok(Question::Ask(widened)) = widened
            && let Some(difference) = difference(&one, &self.subject.sandbox.decide(digest, kind, &widened))
        {
            return Err(broken(Property::SeesOnlyWhatItDeclares, difference, &one.log));
        }
        if kind == DecisionKind::Scoring
            && let Some(why) = self.batch_differs(&[&input, &input], &[&one, &one]).map(|(_, why)| why)
        {
            return Err(broken(Property::BatchEqualsSingle, why, &one.log));
        }
        Ok(Held { asked: Some((*input, one)) })
    }

    /// Leads of the same moment and parameters, all in one instance.
    fn check_together(&self, mut scored: Vec<(Case, (DecisionInput, Decided))>) -> Option<Broken> {
        let key = |(_, (input, _)): &(Case, (DecisionInput, Decided))| (input.now, format!("{:?}", input.parameters));
        scored.sort_by_cached_key(key);
        let alike = scored.chunk_by(|(_, (a, _)), (_, (b, _))| a.now == b.now && a.parameters == b.parameters);
        alike.flat_map(|alike| alike.chunks(TOGETHER_MAX)).find_map(|chunk| {
            let inputs: Vec<&DecisionInput> = chunk.iter().map(|(_, (input, _))| input).collect();
            let singly: Vec<&Decided> = chunk.iter().map(|(_, (_, decided))| decided).collect();
            let (at, why) = self.batch_differs(&inputs, &singly)?;
            let (case, (_, decided)) = &chunk[at];
            Some(Broken {
                property: Property::BatchEqualsSingle,
                kind: DecisionKind::Scoring,
                case: case.clone(),
                what: format!("as number {} of {} leads in one instance: {why}", at + 1, chunk.len()),
                log: decided.log.clone(),
            })
        })
    }

    /// Which lead results differently in a batch, and how.
    fn batch_differs(&self, inputs: &[&DecisionInput], singly: &[&Decided]) -> Option<(usize, String)> {
        let inputs: Vec<DecisionInput> = inputs.iter().map(|input| (*input).clone()).collect();
        let together = match self.subject.sandbox.score_together(self.subject.info.digest, &inputs) {
            Ok(together) => together,
            Err(failure) => return Some((0, format!("the batch fails: {failure}"))),
        };
        let at = together.iter().zip(singly).position(|(batch, single)| *batch != single.answer)?;
        let shown = |answer| match answer::expected(&self.subject.info, answer) {
            Ok(expect) => format!("\n{expect}"),
            Err(why) => format!(" {why}\n"),
        };
        Some((at, format!("in a batch:{}singly:{}", shown(&together[at]), shown(&singly[at].answer).trim_end())))
    }

    /// The same with the smallest lead that still shows it.
    fn least(&self, mut broken: Broken) -> Broken {
        let still = |case: Case, broken: &Broken| {
            let found = self.check(broken.kind, &case).err()?;
            (found.property == broken.property).then_some(*found)
        };
        while let Some(less) = smaller(&broken.case).into_iter().find_map(|case| still(case, &broken)) {
            broken = less;
        }
        broken
    }
}

/// Cases that each have one thing less.
fn smaller(case: &Case) -> Vec<Case> {
    let mut smaller = Vec::new();
    let mut push = |change: &dyn Fn(&mut Case)| {
        let mut less = case.clone();
        change(&mut less);
        smaller.push(less);
    };
    if !case.touches.is_empty() {
        push(&|case| case.touches.truncate(case.touches.len() / 2));
        push(&|case| drop(case.touches.pop()));
    }
    if !case.engagement.is_empty() {
        push(&|case| case.engagement.truncate(case.engagement.len() / 2));
        push(&|case| drop(case.engagement.pop()));
    }
    for name in case.lead.keys() {
        push(&|case| drop(case.lead.remove(name)));
        if let Some(Scalar::Text(text)) = case.lead.get(name).filter(|value| is_long(value)) {
            for eighths in [4, 6, 7] {
                let less = text.floor_char_boundary(text.len() / 8 * eighths);
                push(&|case| drop(case.lead.insert(name.clone(), Scalar::Text(text[..less].to_owned()))));
            }
        }
    }
    for name in case.with.keys() {
        push(&|case| drop(case.with.remove(name)));
    }
    for (is_there, clear) in [
        (case.owner_present.is_some(), (|case| case.owner_present = None) as fn(&mut Case)),
        (case.previous_score.is_some(), |case| case.previous_score = None),
        (case.business_elapsed.is_some(), |case| case.business_elapsed = None),
    ] {
        if is_there {
            push(&clear);
        }
    }
    smaller
}

fn is_long(value: &Scalar) -> bool {
    matches!(value, Scalar::Text(text) if text.len() > 64)
}

/// The same lead, with more known of it than the plugin asked for.
fn widen(subject: &Subject, case: &Case) -> Case {
    let mut case = case.clone();
    let Some(reads) = ask::reads(subject, &case) else { return case };
    for field in STANDARD_FIELDS.iter().filter(|field| field.kind == ValueType::Text) {
        if reads.field(field.name).is_none() {
            case.lead.insert(field.name.to_owned(), Scalar::Text("not asked for".to_owned()));
        }
    }
    let age = Length(Span::seconds(1));
    if reads.touches.is_none() {
        let (channel, outcome) = (Channel::Call.to_string(), Outcome::Connected.to_string());
        case.touches.insert(0, TouchCase { age, channel, outcome, result: None });
    }
    if reads.engagement.is_none() {
        case.engagement.insert(0, EngagementCase { age, kind: "page".to_owned(), detail: String::new() });
    }
    if !reads.owner_present {
        case.owner_present = Some(true);
    }
    if !reads.previous_score {
        case.previous_score = Some(999);
    }
    if !reads.business_elapsed {
        case.business_elapsed = Some(age);
    }
    case
}

fn difference(one: &Decided, other: &Decided) -> Option<String> {
    if one.answer != other.answer {
        return Some(format!("one time the answer is {:?}, another time {:?}", one.answer, other.answer));
    }
    let cost = |decided: &Decided| (decided.cost.fuel, decided.cost.memory_bytes);
    let ((fuel, memory), (other_fuel, other_memory)) = (cost(one), cost(other));
    (cost(one) != cost(other)).then(|| {
        format!("one time it costs {fuel} fuel and {memory} bytes, another time {other_fuel} and {other_memory}")
    })
}
