//! What holds for a whole workspace: zone, hours, connections, budgets, and the team.

use super::{OWN_RESULTS, OWN_STAGES, PASSING_RESULT, REPS};
use crate::dice::Dice;

pub(super) struct Settings {
    zone: &'static str,
    hours: &'static str,
    business_hours: &'static str,
    notifies: bool,
    /// Plugins with so large a budget that they are asked on the pool.
    pooled: Vec<&'static str>,
    reps: Vec<(&'static str, Option<u32>, bool)>,
    territory: bool,
    attempts: u32,
}

impl Settings {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let reps =
            REPS.into_iter().filter(|rep| *rep == "ana" || *rep == "maria" || dice.chance(70)).collect::<Vec<_>>();
        let reps = reps
            .into_iter()
            .map(|rep| (rep, dice.chance(20).then(|| dice.from_to(1, 6)), rep != "maria" && dice.chance(20)))
            .collect();
        Self {
            zone: dice.one_of(&["UTC", "America/New_York", "Europe/Berlin"]),
            hours: dice.one_of(&[
                "mon-sun: 00:00-24:00",
                "mon-fri: 09:00-17:00",
                "mon-fri: 08:00-12:00, sat: 10:00-14:00",
            ]),
            business_hours: dice.one_of(&["[call]", "[call, email]", "[]"]),
            notifies: dice.chance(70),
            pooled: super::PLUGINS.into_iter().filter(|_| dice.chance(40)).collect(),
            reps,
            territory: dice.chance(50),
            attempts: dice.from_to(1, 6),
        }
    }

    pub(super) fn cadenza(&self) -> String {
        let notify = if self.notifies { ", notify_via: pager" } else { "" };
        // Enough wall time for a busy machine to decide as an idle one does.
        let plugins: String = super::PLUGINS
            .iter()
            .map(|plugin| {
                let fuel = if self.pooled.contains(plugin) { ", fuel: 2000000" } else { "" };
                format!("  {plugin}: {{ time_ms: 500{fuel} }}\n")
            })
            .collect();
        let words = self.own_words();
        let business = match self.business_hours {
            "[]" => String::new(),
            hours => format!("business_hours: {hours}, "),
        };
        format!(
            "name: simulated\ntimezone: {}\nhours: {{ {} }}\ncontact: {{ {business}email_via: mailer{notify} }}\n{words}plugins:\n{plugins}",
            self.zone, self.hours
        )
    }

    fn own_words(&self) -> String {
        let word = |(name, means): (&str, &str)| format!("{{ name: {name}, means: {means} }}");
        let passing = self.territory.then_some(PASSING_RESULT);
        let results = OWN_RESULTS.into_iter().chain(passing).map(|(name, means)| word((name, means.as_str())));
        let stages = OWN_STAGES.into_iter().map(|(name, means)| word((name, means.as_str())));
        let [results, stages] = [results.collect::<Vec<_>>(), stages.collect()].map(|words| words.join(", "));
        format!("results: [{results}]\nstages: [{stages}]\nchannels: [{{ name: cards, means: other }}]\n")
    }

    pub(super) fn team(&self) -> String {
        let rep = |(id, open_tasks_max, away): &(&str, Option<u32>, bool)| {
            let manager = if *id == "maria" { "" } else { ", manager: maria" };
            let most = open_tasks_max.map_or_else(String::new, |most| format!(", open_tasks_max: {most}"));
            let away = if *away { ", absences: [{ from: 2026-03-05, to: 2026-03-12 }]" } else { "" };
            format!("  {id}: {{ name: {id}{manager}{most}{away} }}\n")
        };
        let reps: String = self.reps.iter().map(rep).collect();
        let members: Vec<&str> = self.reps.iter().map(|(id, ..)| *id).filter(|id| *id != "maria").collect();
        let territories = match self.territory {
            true => "territories:\n  - { name: us, if: 'lead.country == \"US\"', owner: ana }\n",
            false => "",
        };
        format!("reps:\n{reps}pools:\n  closers: [{}]\n  desk: [maria]\n{territories}", members.join(", "))
    }

    pub(super) fn connections(&self) -> String {
        let connection = |name: &str, port: u16| {
            format!(
                "  {name}: {{ url: \"http://127.0.0.1:{port}/\", private: true, attempts: {}, backoff: 2s, backoff_max: 10m }}\n",
                self.attempts
            )
        };
        format!("connections:\n{}{}", connection("mailer", 9), connection("pager", 7))
    }
}
