//! Past leads whose outcome is known, scored as if they came today: what a score is worth before it is used. Knows nothing
//! of files; rows come as cells by the names of their columns.

use super::answer;
use super::ask::{self, Question, blank, value};
use super::subject::Subject;
use anyhow::bail;
use cadenza_core::plugin::{Decision, DecisionFailure, DecisionKind, FieldRead, Reads, Segment};
use cadenza_core::time::Timestamp;
use cadenza_core::value::ValueType;
use cadenza_sdk::Time;
use cadenza_sdk::golden::{Case, Moment, Scalar};
use std::collections::{BTreeMap, BTreeSet};

/// The cells of a row by the names of their columns.
pub type Cells = BTreeMap<String, String>;

/// Which column says when a lead was as it stands in its row.
pub const CREATED: &str = "created_at";
/// Failures that are told one by one.
const FAILURES_TOLD: usize = 5;

/// What is known of past leads, and of what became of them.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    /// The columns of the table.
    pub columns: &'a [String],
    /// The rows, each with its line.
    pub rows: &'a [(u64, Cells)],
    /// The column that says what became of the lead.
    pub outcome: &'a str,
    /// What stands there when it was won.
    pub won: &'a [String],
    /// What the workflow would set.
    pub with: &'a BTreeMap<String, Scalar>,
    /// When leads are scored that do not say when they came.
    pub now: Timestamp,
}

/// A past lead that was scored.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Points that it got.
    pub points: i32,
    /// The segment that it came into.
    pub segment: Segment,
    /// Whether its deal was won.
    pub is_won: bool,
    /// The rules that fired.
    pub rules: BTreeSet<u16>,
}

/// What came of all of them.
#[derive(Debug, Default)]
pub struct Backtest {
    /// Leads that got a score.
    pub scored: Vec<Scored>,
    /// Leads that the plugin refused.
    pub refused: usize,
    /// Leads at which it failed.
    pub failed: usize,
    /// The first that were refused or failed: line and why.
    pub told: Vec<(u64, String)>,
    /// Columns that nobody reads.
    pub columns_not_used: Vec<String>,
    /// What the plugin reads and no column has.
    pub blank: Vec<String>,
    /// Cells that are not of their field's type, by column: how many, and the first.
    pub unreadable: BTreeMap<String, (usize, String)>,
}

/// Scores them all.
pub fn score(subject: &Subject, past: &Past<'_>) -> anyhow::Result<Backtest> {
    if !subject.info.kinds.contains(&DecisionKind::Scoring) {
        bail!("`{}` is no scorer: past leads are for plugins that score", subject.info.name);
    }
    let probe = Case { with: past.with.clone(), now: moment(past.now), ..blank() };
    if let Question::Refused(why) = ask::question(subject, DecisionKind::Scoring, &probe).map_err(anyhow::Error::msg)? {
        bail!("the plugin refuses what --with says: {why}");
    }
    let reads = ask::reads(subject, &probe).unwrap_or_default();
    let mut backtest = Backtest {
        columns_not_used: past.columns.iter().filter(|name| !past.uses(name, &reads)).cloned().collect(),
        blank: past.blank(&reads),
        ..Backtest::default()
    };
    for (line, cells) in past.rows {
        let case = past.case(cells, &reads, &mut backtest.unreadable);
        let is_won = past.won.iter().any(|won| cells.get(past.outcome).is_some_and(|cell| cell.trim() == won));
        backtest.add(subject, *line, &case, is_won)?;
    }
    Ok(backtest)
}

impl Past<'_> {
    fn uses(&self, column: &str, reads: &Reads) -> bool {
        column == self.outcome || column == CREATED || reads.field(column).is_some()
    }

    /// What the plugin reads and nobody tells it.
    fn blank(&self, reads: &Reads) -> Vec<String> {
        let fields = reads.fields.iter().map(|field| field.name.clone()).filter(|field| !self.columns.contains(field));
        let rest = [
            (reads.touches.is_some(), "touches"),
            (reads.engagement.is_some(), "engagement"),
            (reads.owner_present, "whether the owner is at work"),
            (reads.previous_score, "the score before"),
            (reads.business_elapsed, "business time elapsed"),
        ];
        fields.chain(rest.iter().filter(|(reads, _)| *reads).map(|(_, what)| (*what).to_owned())).collect()
    }

    fn case(&self, cells: &Cells, reads: &Reads, unreadable: &mut BTreeMap<String, (usize, String)>) -> Case {
        let mut case = Case { with: self.with.clone(), now: moment(self.now), ..blank() };
        let mut note = |column: &str, cell: &str| {
            unreadable.entry(column.to_owned()).or_insert((0, cell.to_owned())).0 += 1;
        };
        if let Some(created) = cell(cells, CREATED) {
            match time(created) {
                Some(at) => case.now = moment(at),
                None => note(CREATED, created),
            }
        }
        for FieldRead { name, kind } in &reads.fields {
            let Some(cell) = cell(cells, name) else { continue };
            match scalar(cell, *kind) {
                Some(scalar) => drop(case.lead.insert(name.clone(), scalar)),
                None => note(name, cell),
            }
        }
        case
    }
}

impl Backtest {
    fn add(&mut self, subject: &Subject, line: u64, case: &Case, is_won: bool) -> anyhow::Result<()> {
        let question = ask::question(subject, DecisionKind::Scoring, case).map_err(anyhow::Error::msg)?;
        let Question::Ask(input) = question else { bail!("the plugin refuses what it took before") };
        let decided = subject.sandbox.decide(subject.info.digest, DecisionKind::Scoring, &input);
        let failure = match &decided.answer {
            Ok(Decision::Score { points, segment, reasons, .. }) => {
                let rules = reasons.iter().map(|reason| reason.rule).collect();
                self.scored.push(Scored { points: *points, segment: *segment, is_won, rules });
                return Ok(());
            }
            Ok(_) => bail!("the plugin answered what is no score"),
            Err(failure) => failure,
        };
        match failure {
            DecisionFailure::Refusal(_) => self.refused += 1,
            _ => self.failed += 1,
        }
        if self.told.len() < FAILURES_TOLD {
            self.told.push((line, answer::failure(failure, &decided, subject.budgets())));
        }
        Ok(())
    }
}

fn cell<'a>(cells: &'a Cells, column: &str) -> Option<&'a str> {
    cells.get(column).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
}

fn moment(at: Timestamp) -> Moment {
    Moment(Time::from_ms(at.as_ms()))
}

/// A time, or a day, which begins at midnight UTC.
fn time(cell: &str) -> Option<Timestamp> {
    Timestamp::parse(cell).or_else(|| Timestamp::parse(&format!("{cell}T00:00:00Z")))
}

/// A text as a value of a type, if it is one.
pub fn scalar(text: &str, kind: ValueType) -> Option<Scalar> {
    let scalar = match kind {
        ValueType::Bool => Scalar::Bool(match text.to_ascii_lowercase().as_str() {
            "true" | "yes" => true,
            "false" | "no" => false,
            _ => return None,
        }),
        ValueType::Int => {
            let whole = || text.parse::<f64>().ok().filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
            Scalar::Int(text.parse().ok().or_else(|| whole().map(|number| number as i64))?)
        }
        ValueType::Number => Scalar::Number(text.parse().ok().filter(|number: &f64| number.is_finite())?),
        ValueType::Time => Scalar::Text(time(text)?.to_string()),
        ValueType::List => Scalar::List(text.split([';', ',']).map(|part| part.trim().to_owned()).collect()),
        ValueType::Duration | ValueType::Date | ValueType::Text | ValueType::Any => Scalar::Text(text.to_owned()),
    };
    value(&scalar, kind).is_some().then_some(scalar)
}

/// Some of the leads: how many, and how many of them were won.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Leads of the group.
    pub leads: usize,
    /// Of these, won.
    pub won: usize,
}

impl Group {
    /// Counts these leads by score and ending.
    pub fn of<'a>(leads: impl IntoIterator<Item = &'a Scored>) -> Self {
        leads.into_iter().fold(Self::default(), |group, lead| Self {
            leads: group.leads + 1,
            won: group.won + usize::from(lead.is_won),
        })
    }

    /// The share that was won.
    pub fn rate(self) -> f64 {
        share(self.won, self.leads)
    }

    /// How many times as many are won here as among all; nothing when none is.
    pub fn lift(self, all: Self) -> Option<f64> {
        (all.won > 0 && self.leads > 0).then(|| self.rate() / all.rate())
    }
}

/// A part of a whole; 0 of nothing.
pub fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The leads by their points, the most first, in tenths that are as even as can be; each with its number, from 1. Leads with
/// the same points stay together in the tenth where they begin, so that it is larger, and others may be missing.
pub fn tenths(scored: &[Scored]) -> Vec<(usize, Vec<&Scored>)> {
    let mut sorted: Vec<&Scored> = scored.iter().collect();
    sorted.sort_by_key(|lead| std::cmp::Reverse(lead.points));
    let (mut tenths, mut begin) = (Vec::new(), 0);
    for tenth in 1..=10 {
        let even = sorted.len() * tenth / 10;
        let Some(last) = even.checked_sub(1).filter(|last| *last >= begin) else { continue };
        let end = even + sorted[even..].iter().take_while(|lead| lead.points == sorted[last].points).count();
        tenths.push((tenth, sorted[begin..end].to_vec()));
        begin = end;
    }
    tenths
}

/// How often a rule fired among the leads that were won, and among the others.
#[derive(Clone, Debug)]
pub struct RuleUse {
    /// The number of the rule.
    pub rule: u16,
    /// Won leads to which it applied.
    pub won: usize,
    /// Lost leads to which it applied.
    pub lost: usize,
}

/// Every rule that fired, the most frequent among won leads first.
pub fn rules(scored: &[Scored]) -> Vec<RuleUse> {
    let mut uses: BTreeMap<u16, RuleUse> = BTreeMap::new();
    for lead in scored {
        for rule in &lead.rules {
            let used = uses.entry(*rule).or_insert(RuleUse { rule: *rule, won: 0, lost: 0 });
            *(if lead.is_won { &mut used.won } else { &mut used.lost }) += 1;
        }
    }
    let mut uses: Vec<RuleUse> = uses.into_values().collect();
    uses.sort_by_key(|used| std::cmp::Reverse((used.won, used.lost)));
    uses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(points: i32, is_won: bool) -> Scored {
        Scored { points, segment: Segment::Cold, is_won, rules: BTreeSet::from([points.unsigned_abs() as u16 % 2]) }
    }

    #[test]
    fn tenths_cover_every_lead_once_the_best_first() {
        for count in [0, 1, 9, 10, 25, 100] {
            let leads: Vec<Scored> = (0..count).map(|points| lead(points, points % 3 == 0)).collect();
            let tenths = tenths(&leads);
            let points: Vec<i32> = tenths.iter().flat_map(|(_, leads)| leads).map(|lead| lead.points).collect();
            assert_eq!(points.len(), leads.len());
            assert!(points.is_sorted_by(|a, b| a >= b), "{points:?}");
        }
    }

    #[test]
    fn leads_with_the_same_points_are_in_one_tenth() {
        // Five with 9 points, then fourteen with 5, and one with 1.
        let points = [vec![9; 5], vec![5; 14], vec![1]].concat();
        let leads: Vec<Scored> = points.into_iter().map(|points| lead(points, false)).collect();
        let tenths = tenths(&leads);
        let sizes: Vec<(usize, usize)> = tenths.iter().map(|(tenth, leads)| (*tenth, leads.len())).collect();
        assert_eq!(sizes, [(1, 5), (3, 14), (10, 1)]);
    }

    #[test]
    fn lift_is_the_rate_over_that_of_all() {
        let leads = [lead(9, true), lead(8, true), lead(1, false), lead(0, false)];
        let (all, best) = (Group::of(&leads), Group::of(&leads[..2]));
        assert_eq!(best.lift(all), Some(2.0));
        assert_eq!(Group::of(&leads[2..]).lift(all), Some(0.0));
        assert_eq!(Group::default().lift(all), None);
        assert_eq!(rules(&leads).iter().map(|used| (used.won, used.lost)).collect::<Vec<_>>(), [(1, 1), (1, 1)]);
    }

    #[test]
    fn cells_are_read_by_their_fields_type() {
        assert_eq!(scalar("12.0", ValueType::Int), Some(Scalar::Int(12)));
        assert_eq!(scalar("10-50", ValueType::Int), None);
        assert_eq!(scalar("yes", ValueType::Bool), Some(Scalar::Bool(true)));
        assert_eq!(scalar("2026-03-02", ValueType::Time), Some(Scalar::Text("2026-03-02T00:00:00Z".to_owned())));
        assert_eq!(scalar("inf", ValueType::Number), None);
    }
}
