//! Which build of each plugin is live, which is on trial, and which were live before. Kept in the store as one
//! document, and changed as a whole together with the catalog that follows from it.
//!
//! What comes with a workspace folder or the program is an offer: it goes live if it differs from what was offered
//! before. Until then, what was promoted over the API stays live.

use super::{ComponentHash, PluginError};
use cadenza_core::id::Digest;
use cadenza_core::plugin::{PluginInfo, RuleInfo};
use cadenza_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How many builds that were live before are remembered.
const PAST_MAX: usize = 16;

/// Every plugin there is, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    plugins: BTreeMap<String, Versions>,
}

/// The builds of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// What the folder or the program offered last; `None` if the plugin came only over the API.
    pub offered: Option<ComponentHash>,
    /// The build that decides; `None` while the first build is still on trial.
    pub live: Option<Live>,
    /// The build on trial.
    pub candidate: Option<Trial>,
    /// How many trials there were.
    #[serde(default)]
    pub trials: u64,
    /// The builds that were live before, the latest last.
    #[serde(default)]
    pub past: Vec<Live>,
    /// Builds that decided but neither decide now nor can be rolled back to, and since when. Their components are kept
    /// as long as their decisions can be found, to know the names of the values they were passed.
    #[serde(default)]
    pub retired: BTreeMap<ComponentHash, Timestamp>,
    /// The rules of every build that ever decided, by number, in the words of the latest build that has
    /// them. Journals refer to them.
    #[serde(default)]
    pub rules: BTreeMap<u16, RuleInfo>,
}

/// A build that decides, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    pub hash: ComponentHash,
    pub since: Timestamp,
    /// Who made it live: a token's name, or `workspace` or `program`.
    pub by: String,
}

/// A build that is on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    pub hash: ComponentHash,
    /// For how many of a thousand leads it decides; 0 means shadow.
    pub share_permille: u16,
    pub since: Timestamp,
    /// Who tries it.
    pub by: String,
}

/// Why a plugin's builds are not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildRefusal {
    /// There is no such plugin.
    #[error("there is no plugin `{0}`")]
    Unknown(String),
    /// The build is already live.
    #[error("this build of `{0}` is live already")]
    IsLive(String),
    /// There is nothing to promote.
    #[error("no build of `{0}` is being tried: load one first, with `cadenza plugin push`")]
    NothingTried(String),
    /// Somebody else tried, promoted or dropped another build in the meantime.
    #[error("of `{plugin}` it would be the build {found} now, and not {wanted}: look at it again")]
    Another {
        plugin: String,
        /// The build it would be.
        found: Digest,
        /// The build that was meant.
        wanted: Digest,
    },
    /// There is nothing to go back to.
    #[error("`{0}` has no earlier build to go back to")]
    NothingBefore(String),
    /// Journals would describe past decisions in the words of another rule.
    #[error(
        "rule {id} of `{plugin}` was `{before}` when it decided before, and is `{now}` in this build: give `{now}` a number of its own, or its old name back"
    )]
    RuleReused {
        plugin: String,
        /// The rule's number.
        id: u16,
        /// What it was called.
        before: String,
        /// What it is called now.
        now: String,
    },
}

impl Registry {
    /// The plugins, by name.
    pub fn plugins(&self) -> impl Iterator<Item = (&str, &Versions)> {
        self.plugins.iter().map(|(name, versions)| (name.as_str(), versions))
    }

    /// The builds of one plugin.
    pub fn get(&self, name: &str) -> Option<&Versions> {
        self.plugins.get(name)
    }

    /// Every component that may be wanted again.
    pub fn components(&self) -> BTreeSet<ComponentHash> {
        let of = |versions: &Versions| {
            let Versions { offered, live, candidate, past, retired, .. } = versions.clone();
            let lives = live.into_iter().chain(past).map(|live| live.hash).chain(retired.into_keys());
            lives.chain(offered).chain(candidate.map(|trial| trial.hash)).collect::<Vec<_>>()
        };
        self.plugins.values().flat_map(of).collect()
    }

    /// The components of builds that are live or on trial.
    pub fn in_use(&self) -> BTreeSet<ComponentHash> {
        self.plugins.values().flat_map(Versions::in_use).collect()
    }

    /// Forgets builds that were retired before this time.
    pub fn forget_retired(&mut self, before: Timestamp) {
        for versions in self.plugins.values_mut() {
            versions.retired.retain(|_, since| *since >= before);
        }
    }

    /// Keeps only builds that can be loaded, at a start. A build on trial that cannot be loaded is dropped. If the live
    /// build cannot be, the latest earlier one that can be goes live again. Logs what it changes.
    pub fn mend(&mut self, now: Timestamp, loads: impl Fn(&str, ComponentHash) -> Result<(), PluginError>) {
        for (name, versions) in &mut self.plugins {
            let broken = |hash| loads(name, hash).err();
            if let Some(error) = versions.candidate.as_ref().and_then(|trial| broken(trial.hash)) {
                tracing::error!(plugin = name, %error, "the build that is tried cannot be loaded, and is dropped");
                versions.candidate = None;
            }
            while let Some(error) = versions.live.as_ref().and_then(|live| broken(live.hash))
                && let Some(before) = versions.past.pop()
            {
                tracing::error!(plugin = name, %error, before = %before.hash, "the live build cannot be loaded: the one before is live again");
                versions.live = Some(Live { since: now, ..before });
            }
        }
    }

    /// Takes a build that comes with the folder or the program.
    pub fn offer(&mut self, name: &str, hash: ComponentHash, by: &str, now: Timestamp) {
        let versions = self.versions(name);
        if versions.offered.replace(hash) != Some(hash) {
            versions.go_live(Live { hash, since: now, by: by.to_owned() });
        }
    }

    /// Tries a build beside the live one. Any previous build on trial is dropped.
    pub fn try_out(&mut self, name: &str, trial: Trial) -> Result<(), BuildRefusal> {
        let versions = self.versions(name);
        if versions.live.as_ref().is_some_and(|live| live.hash == trial.hash) {
            return Err(BuildRefusal::IsLive(name.to_owned()));
        }
        let now = trial.since;
        versions.drop_candidate(now);
        versions.retired.remove(&trial.hash);
        versions.trials += 1;
        versions.candidate = Some(trial);
        Ok(())
    }

    /// Makes the build on trial the live one, if it is still the one `wanted`.
    pub fn promote(
        &mut self,
        name: &str,
        wanted: Option<Digest>,
        by: &str,
        now: Timestamp,
    ) -> Result<ComponentHash, BuildRefusal> {
        let versions = self.plugins.get_mut(name).ok_or_else(|| BuildRefusal::Unknown(name.to_owned()))?;
        meant(name, wanted, versions.candidate.as_ref().map(|trial| trial.hash))?;
        let trial = versions.candidate.take().ok_or_else(|| BuildRefusal::NothingTried(name.to_owned()))?;
        versions.go_live(Live { hash: trial.hash, since: now, by: by.to_owned() });
        Ok(trial.hash)
    }

    /// Drops the build on trial; if there is none, the build before the live one goes live again. `wanted` is the build
    /// to take away: the one on trial, or the live one.
    pub fn roll_back(
        &mut self,
        name: &str,
        wanted: Option<Digest>,
        by: &str,
        now: Timestamp,
    ) -> Result<RolledBack, BuildRefusal> {
        let versions = self.plugins.get_mut(name).ok_or_else(|| BuildRefusal::Unknown(name.to_owned()))?;
        let tried = versions.candidate.as_ref().map(|trial| trial.hash);
        meant(name, wanted, tried.or(versions.live.as_ref().map(|live| live.hash)))?;
        if let Some(hash) = versions.drop_candidate(now) {
            if versions.live.is_none() && versions.retired.is_empty() {
                // It never decided, so nothing is left of the plugin.
                self.plugins.remove(name);
            }
            return Ok(RolledBack::Candidate(hash));
        }
        let before = versions.past.pop().ok_or_else(|| BuildRefusal::NothingBefore(name.to_owned()))?;
        let replaced = versions.live.replace(Live { hash: before.hash, since: now, by: by.to_owned() });
        versions.retired.extend(replaced.map(|live| (live.hash, now)));
        versions.retired.remove(&before.hash);
        Ok(RolledBack::Live(before.hash))
    }

    /// Refuses a build that gives a rule's number to another rule, and remembers the rules of one that decides.
    pub(crate) fn check_rules(&mut self, info: &PluginInfo) -> Result<(), BuildRefusal> {
        let Some(versions) = self.plugins.get_mut(&info.name) else { return Ok(()) };
        for rule in &info.rules {
            if let Some(before) = versions.rules.get(&rule.id).filter(|before| before.name != rule.name) {
                let (before, now) = (before.name.clone(), rule.name.clone());
                return Err(BuildRefusal::RuleReused { plugin: info.name.clone(), id: rule.id, before, now });
            }
        }
        if versions.decides(info.digest) {
            versions.rules.extend(info.rules.iter().map(|rule| (rule.id, rule.clone())));
        }
        Ok(())
    }

    fn versions(&mut self, name: &str) -> &mut Versions {
        self.plugins.entry(name.to_owned()).or_default()
    }
}

/// Refuses to act on another build than the one that was meant.
fn meant(plugin: &str, wanted: Option<Digest>, found: Option<ComponentHash>) -> Result<(), BuildRefusal> {
    match wanted.zip(found.map(|found| found.digest())) {
        Some((wanted, found)) if wanted != found => {
            Err(BuildRefusal::Another { plugin: plugin.to_owned(), found, wanted })
        }
        _ => Ok(()),
    }
}

/// What a rollback did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolledBack {
    /// This build is no longer on trial.
    Candidate(ComponentHash),
    /// This build is live again.
    Live(ComponentHash),
}

impl Versions {
    fn in_use(&self) -> impl Iterator<Item = ComponentHash> {
        let live = self.live.as_ref().map(|live| live.hash);
        live.into_iter().chain(self.candidate.as_ref().map(|trial| trial.hash))
    }

    /// Drops the build on trial, and returns which one it was.
    fn drop_candidate(&mut self, now: Timestamp) -> Option<ComponentHash> {
        let dropped = self.candidate.take()?;
        if dropped.share_permille > 0 {
            self.retired.insert(dropped.hash, now);
        }
        Some(dropped.hash)
    }

    /// Whether a build decides for any lead.
    fn decides(&self, digest: Digest) -> bool {
        let live = self.live.as_ref().map(|live| live.hash);
        let canary = self.candidate.as_ref().filter(|trial| trial.share_permille > 0).map(|trial| trial.hash);
        live.into_iter().chain(canary).any(|hash| hash.digest() == digest)
    }

    fn go_live(&mut self, build: Live) {
        if self.candidate.as_ref().is_some_and(|trial| trial.hash == build.hash) {
            self.candidate = None;
        }
        if self.live.as_ref().is_some_and(|live| live.hash == build.hash) {
            return;
        }
        let now = build.since;
        self.retired.remove(&build.hash);
        self.past.extend(self.live.replace(build));
        let too_many = self.past.len().saturating_sub(PAST_MAX);
        self.retired.extend(self.past.drain(..too_many).map(|live| (live.hash, now)));
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
        let another = registry.promote("fit", Some(build("1").digest()), "ada", NOW);
        assert!(matches!(another, Err(BuildRefusal::Another { .. })), "{another:?}");
        assert_eq!(registry.promote("fit", Some(build("2").digest()), "ada", NOW), Ok(build("2")));
        registry.offer("fit", build("1"), "program", NOW);
        assert_eq!(live(&registry), Some(build("2")), "the same offer again changes nothing");
        registry.offer("fit", build("3"), "workspace", NOW);
        assert_eq!(live(&registry), Some(build("3")));
    }

    #[test]
    fn a_rollback_drops_what_is_tried_first_and_then_goes_back_step_by_step() {
        let mut registry = Registry::default();
        assert_eq!(registry.roll_back("fit", None, "ada", NOW), Err(BuildRefusal::Unknown("fit".to_owned())));
        registry.offer("fit", build("1"), "program", NOW);
        assert_eq!(registry.roll_back("fit", None, "ada", NOW), Err(BuildRefusal::NothingBefore("fit".to_owned())));
        registry.try_out("fit", trial("2")).expect("another build");
        registry.promote("fit", None, "ada", NOW).expect("it is tried");
        registry.try_out("fit", trial("3")).expect("another build");
        assert_eq!(registry.try_out("fit", trial("2")), Err(BuildRefusal::IsLive("fit".to_owned())));
        assert_eq!(registry.roll_back("fit", None, "ada", NOW), Ok(RolledBack::Candidate(build("3"))));
        assert_eq!(live(&registry), Some(build("2")));
        let another = registry.roll_back("fit", Some(build("3").digest()), "ada", NOW);
        assert!(matches!(another, Err(BuildRefusal::Another { .. })), "{another:?}");
        assert_eq!(registry.roll_back("fit", Some(build("2").digest()), "ada", NOW), Ok(RolledBack::Live(build("1"))));
        assert_eq!(registry.promote("fit", None, "ada", NOW), Err(BuildRefusal::NothingTried("fit".to_owned())));
        assert!(registry.components().contains(&build("1")));
        assert!(registry.components().contains(&build("2")), "it decided, and its decisions are remembered");
        assert!(!registry.components().contains(&build("3")), "it never decided");
        registry.forget_retired(NOW.plus_ms(1));
        assert!(!registry.components().contains(&build("2")), "its decisions are forgotten");
        let nobody = Trial { hash: build("x"), share_permille: 0, since: NOW, by: "ada".to_owned() };
        registry.try_out("mistake", nobody).expect("it is new");
        assert_eq!(registry.roll_back("mistake", None, "ada", NOW), Ok(RolledBack::Candidate(build("x"))));
        assert!(registry.get("mistake").is_none(), "nothing is left of what never decided");
    }

    #[test]
    fn what_cannot_be_loaded_at_a_start_gives_way_to_what_can() {
        let mut registry = Registry::default();
        registry.offer("fit", build("1"), "program", NOW);
        registry.offer("fit", build("2"), "workspace", NOW);
        registry.try_out("fit", trial("3")).expect("another build");
        let gone = |hash: ComponentHash| Err(PluginError::Gone(hash));
        registry.mend(NOW, |_, hash| if hash == build("1") { Ok(()) } else { gone(hash) });
        assert_eq!(live(&registry), Some(build("1")));
        assert!(registry.get("fit").is_some_and(|versions| versions.candidate.is_none()));
        // If none can be loaded, the last one stays, and the start says why it fails.
        registry.mend(NOW, |_, hash| gone(hash));
        assert_eq!(live(&registry), Some(build("1")));
    }

    #[test]
    fn a_rules_number_stays_with_its_rule_once_it_decided() {
        let mut registry = Registry::default();
        let info = |content: &str, rules: &[(u16, &str)]| PluginInfo {
            name: "fit".to_owned(),
            version: "1".to_owned(),
            summary: String::new(),
            digest: build(content).digest(),
            kinds: Vec::new(),
            parameters: Vec::new(),
            rules: rules
                .iter()
                .map(|(id, name)| RuleInfo { id: *id, name: (*name).to_owned(), text: content.to_owned() })
                .collect(),
            tracks: Vec::new(),
            codes: vec![],
            fuel_budget: 1,
            memory_budget: 1,
        };
        registry.offer("fit", build("1"), "program", NOW);
        registry.try_out("fit", trial("2")).expect("another build");
        assert_eq!(registry.check_rules(&info("1", &[(1, "budget"), (2, "title")])), Ok(()));
        assert_eq!(registry.check_rules(&info("2", &[(1, "budget"), (3, "seats")])), Ok(()));
        let known = |registry: &Registry| {
            let versions = registry.get("fit").expect("it was offered");
            versions.rules.values().map(|rule| (rule.id, rule.text.clone())).collect::<Vec<_>>()
        };
        assert_eq!(known(&registry), [(1, "1".to_owned()), (2, "1".to_owned())], "what is only watched leaves nothing");
        let refused = registry.check_rules(&info("2", &[(2, "seats")]));
        assert!(matches!(refused, Err(BuildRefusal::RuleReused { id: 2, .. })), "{refused:?}");
        registry.promote("fit", None, "ada", NOW).expect("it is tried");
        assert_eq!(registry.check_rules(&info("2", &[(1, "budget"), (3, "seats")])), Ok(()));
        let words = ["2", "1", "2"].map(str::to_owned);
        assert_eq!(known(&registry), (1..=3).zip(words).collect::<Vec<_>>());
    }
}
