//! Which build of each plugin is live, which is tried, and which were live before. Kept in the store as one document;
//! changed whole, together with the catalog that follows from it.
//!
//! What a workspace folder or the program itself brings along is offered: it goes live when it is another build than what
//! was offered before. What was promoted over the API stays live until then.

use super::ComponentHash;
use cadenza_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many builds are remembered that were live before.
const PAST_MAX: usize = 16;

/// Every plugin there is, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registry {
    plugins: BTreeMap<String, Versions>,
}

/// The builds of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Versions {
    /// What the folder or the program brought last; none when it came over the API alone.
    pub(crate) offered: Option<ComponentHash>,
    /// What decides; none while the first build is still tried.
    pub(crate) live: Option<Live>,
    /// What is tried.
    pub(crate) candidate: Option<Trial>,
    /// What was live before, the latest last.
    #[serde(default)]
    pub(crate) past: Vec<Live>,
}

/// A build that decides, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Live {
    /// Which.
    pub(crate) hash: ComponentHash,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Who made it live: a token's name, or `workspace` or `program`.
    pub(crate) by: String,
}

/// A build that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trial {
    /// Which.
    pub(crate) hash: ComponentHash,
    /// Of a thousand leads it decides for so many; 0 is shadow.
    pub(crate) share_permille: u16,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Who tries it.
    pub(crate) by: String,
}

/// Why a plugin's builds are not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// No such plugin.
    #[error("there is no plugin `{0}`")]
    Unknown(String),
    /// It is live already.
    #[error("this build of `{0}` is live already")]
    IsLive(String),
    /// There is nothing to promote.
    #[error("no build of `{0}` is being tried: load one first, with `cadenza plugin push`")]
    NothingTried(String),
    /// There is nothing to go back to.
    #[error("`{0}` has no earlier build to go back to")]
    NothingBefore(String),
}

impl Registry {
    /// The plugins, by name.
    pub(crate) fn plugins(&self) -> impl Iterator<Item = (&str, &Versions)> {
        self.plugins.iter().map(|(name, versions)| (name.as_str(), versions))
    }

    /// One plugin's builds.
    pub(crate) fn get(&self, name: &str) -> Option<&Versions> {
        self.plugins.get(name)
    }

    /// Every component that may be wanted again.
    pub(crate) fn components(&self) -> BTreeSet<ComponentHash> {
        let of = |versions: &Versions| {
            let Versions { offered, live, candidate, past } = versions.clone();
            let lives = live.into_iter().chain(past).map(|live| live.hash);
            lives.chain(offered).chain(candidate.map(|trial| trial.hash)).collect::<Vec<_>>()
        };
        self.plugins.values().flat_map(of).collect()
    }

    /// The folder or the program brings a build along.
    pub(crate) fn offer(&mut self, name: &str, hash: ComponentHash, by: &str, now: Timestamp) {
        let versions = self.versions(name);
        if versions.offered.replace(hash) != Some(hash) {
            versions.go_live(Live { hash, since: now, by: by.to_owned() });
        }
    }

    /// Tries a build beside the live one; what was tried before is dropped.
    pub(crate) fn try_out(&mut self, name: &str, trial: Trial) -> Result<(), Refusal> {
        let versions = self.versions(name);
        if versions.live.as_ref().is_some_and(|live| live.hash == trial.hash) {
            return Err(Refusal::IsLive(name.to_owned()));
        }
        versions.candidate = Some(trial);
        Ok(())
    }

    /// What is tried goes live.
    pub(crate) fn promote(&mut self, name: &str, by: &str, now: Timestamp) -> Result<ComponentHash, Refusal> {
        let versions = self.plugins.get_mut(name).ok_or_else(|| Refusal::Unknown(name.to_owned()))?;
        let trial = versions.candidate.take().ok_or_else(|| Refusal::NothingTried(name.to_owned()))?;
        versions.go_live(Live { hash: trial.hash, since: now, by: by.to_owned() });
        Ok(trial.hash)
    }

    /// What is tried is dropped; when nothing is, the build before the live one goes live again. Returns what decides now.
    pub(crate) fn roll_back(&mut self, name: &str, by: &str, now: Timestamp) -> Result<RolledBack, Refusal> {
        let versions = self.plugins.get_mut(name).ok_or_else(|| Refusal::Unknown(name.to_owned()))?;
        if let Some(dropped) = versions.candidate.take() {
            return Ok(RolledBack::Candidate(dropped.hash));
        }
        let before = versions.past.pop().ok_or_else(|| Refusal::NothingBefore(name.to_owned()))?;
        versions.live = Some(Live { hash: before.hash, since: now, by: by.to_owned() });
        Ok(RolledBack::Live(before.hash))
    }

    fn versions(&mut self, name: &str) -> &mut Versions {
        let none = Versions { offered: None, live: None, candidate: None, past: Vec::new() };
        self.plugins.entry(name.to_owned()).or_insert(none)
    }
}

/// What a rollback did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RolledBack {
    /// This build is no longer tried.
    Candidate(ComponentHash),
    /// This build is live again.
    Live(ComponentHash),
}

impl Versions {
    fn go_live(&mut self, build: Live) {
        if self.candidate.as_ref().is_some_and(|trial| trial.hash == build.hash) {
            self.candidate = None;
        }
        if self.live.as_ref().is_some_and(|live| live.hash == build.hash) {
            return;
        }
        self.past.extend(self.live.replace(build));
        let too_many = self.past.len().saturating_sub(PAST_MAX);
        self.past.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(0);

    fn build(content: &str) -> ComponentHash {
        ComponentHash::of(content.as_bytes())
    }

    fn trial(content: &str) -> Trial {
        Trial { hash: build(content), share_permille: 0, since: NOW, by: "ada".to_owned() }
    }

    fn live(registry: &Registry) -> Option<ComponentHash> {
        registry.get("fit").and_then(|versions| versions.live.as_ref()).map(|live| live.hash)
    }

    #[test]
    fn what_is_offered_goes_live_when_it_is_new_and_what_was_promoted_stays_otherwise() {
        let mut registry = Registry::default();
        registry.offer("fit", build("1"), "program", NOW);
        assert_eq!(live(&registry), Some(build("1")));
        registry.try_out("fit", trial("2")).expect("it is another build");
        assert_eq!(live(&registry), Some(build("1")), "what is tried does not decide");
        assert_eq!(registry.promote("fit", "ada", NOW), Ok(build("2")));
        registry.offer("fit", build("1"), "program", NOW);
        assert_eq!(live(&registry), Some(build("2")), "the same offer again changes nothing");
        registry.offer("fit", build("3"), "workspace", NOW);
        assert_eq!(live(&registry), Some(build("3")));
    }

    #[test]
    fn a_rollback_drops_what_is_tried_first_and_then_goes_back_step_by_step() {
        let mut registry = Registry::default();
        assert_eq!(registry.roll_back("fit", "ada", NOW), Err(Refusal::Unknown("fit".to_owned())));
        registry.offer("fit", build("1"), "program", NOW);
        assert_eq!(registry.roll_back("fit", "ada", NOW), Err(Refusal::NothingBefore("fit".to_owned())));
        registry.try_out("fit", trial("2")).expect("another build");
        registry.promote("fit", "ada", NOW).expect("it is tried");
        registry.try_out("fit", trial("3")).expect("another build");
        assert_eq!(registry.try_out("fit", trial("2")), Err(Refusal::IsLive("fit".to_owned())));
        assert_eq!(registry.roll_back("fit", "ada", NOW), Ok(RolledBack::Candidate(build("3"))));
        assert_eq!(live(&registry), Some(build("2")));
        assert_eq!(registry.roll_back("fit", "ada", NOW), Ok(RolledBack::Live(build("1"))));
        assert_eq!(registry.promote("fit", "ada", NOW), Err(Refusal::NothingTried("fit".to_owned())));
        assert!(registry.components().contains(&build("1")));
    }
}
