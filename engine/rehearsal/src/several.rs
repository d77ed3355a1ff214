//! Plays many cases at once: each thread takes the next case that nobody has taken, and plays it on its own.

use crate::compare::{Failure, Over, compare};
use crate::coverage::Coverage;
use crate::play::play;
use crate::post::Post;
use crate::stage::on_stage;
use crate::story::{Line, lives, tell, zone_of};
use crate::stubs::Stubs;
use cadenza_core::workflow::Verb;
use cadenza_language::cases::{Case, Place, Suite};
use cadenza_runtime::catalog::Catalog;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A case that was played.
#[derive(Clone, Debug, Serialize)]
pub struct Played {
    pub file: String,
    pub line: usize,
    pub name: String,
    pub practices: Vec<String>,
    /// Why the case does not hold; empty when it does.
    pub failures: Vec<Failure>,
    /// Everything that happened.
    pub story: Vec<Line>,
    /// The zone of the story's times, which is that of the first lead.
    pub zone: String,
    #[serde(skip)]
    pub coverage: Coverage,
}

impl Played {
    /// Whether everything happened that the case expects.
    pub fn holds(&self) -> bool {
        self.failures.is_empty()
    }
}

/// How many cases are played at once: as many as there are processors, within limits.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).clamp(1, 16)
}

/// Plays cases, and returns the results in the order given.
///
/// # Errors
/// When an engine fails, which is not a case's fault.
pub fn play_all(catalog: &Arc<Catalog>, cases: &[(&Suite, &Case)], threads: usize) -> anyhow::Result<Vec<Played>> {
    let next = AtomicUsize::new(0);
    let played: Mutex<Vec<Option<anyhow::Result<Played>>>> = Mutex::new(cases.iter().map(|_| None).collect());
    let folders = tempfile::tempdir()?;
    std::thread::scope(|scope| {
        for number in 0..threads.min(cases.len()) {
            let folder = folders.path().join(number.to_string());
            let (next, played) = (&next, &played);
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((suite, case)) = cases.get(place) else { return };
                    let folder_made = std::fs::create_dir_all(&folder).map_err(anyhow::Error::from);
                    let one = folder_made.and_then(|()| play_one(catalog, suite, case, &folder));
                    played.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(one);
                }
            });
        }
    });
    let played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    let missing = || anyhow::anyhow!("a thread that plays cases broke off");
    played.into_iter().map(|one| one.unwrap_or_else(|| Err(missing()))).collect()
}

/// The catalog in which every lead draws these arms: all shares are theirs. The step that draws is the engine's own.
fn drawn(catalog: &Arc<Catalog>, draws: &BTreeMap<Place, String>) -> Arc<Catalog> {
    if draws.is_empty() {
        return Arc::clone(catalog);
    }
    let (mut workspace, mut live) = (catalog.workspace.as_ref().clone(), catalog.live.as_ref().clone());
    let mut definitions = catalog.definitions.as_ref().clone();
    for (name, workflow) in &catalog.workspace.workflows {
        let mut changed = workflow.as_ref().clone();
        for step in &mut changed.steps {
            let place = Place { workflow: name.clone(), step: step.id.clone() };
            if let (Some(drawn), Verb::Split(split)) = (draws.get(&place), &mut step.verb) {
                split.arms.iter_mut().for_each(|arm| arm.share = if arm.name == *drawn { 100 } else { 0 });
            }
        }
        let changed = Arc::new(changed);
        definitions.insert(Arc::clone(&changed));
        live.workflows.insert(name.clone(), Arc::clone(&changed));
        workspace.workflows.insert(name.clone(), changed);
    }
    let (workspace, live, definitions) = (Arc::new(workspace), Arc::new(live), Arc::new(definitions));
    Arc::new(Catalog { workspace, live, definitions, ..catalog.as_ref().clone() })
}

fn play_one(catalog: &Arc<Catalog>, suite: &Suite, case: &Case, data: &Path) -> anyhow::Result<Played> {
    let stubs = Stubs::new(case.decisions.clone());
    let post = Post::of(case);
    let catalog = &drawn(catalog, &case.draws);
    on_stage(catalog, data, case.starts, stubs, post, async |engine, post| {
        let ran = play(&engine, catalog, case).await?;
        let lives = lives(&engine, catalog).await?;
        let story = tell(&lives, &post.all(), &ran, catalog);
        let now = engine.clock().now();
        let over = Over { case, ran: &ran, lives: &lives, story: &story, catalog, now };
        let (failures, met) = compare(&over);
        let zones: Vec<_> = lives.iter().map(|life| (life.state.lead.id, zone_of(&life.state, catalog))).collect();
        let workspace = catalog.workspace.settings.calendar.zone();
        let zone_of = |lead| zones.iter().find(|(id, _)| *id == lead).map_or(workspace, |(_, zone)| zone);
        let lines = story.iter().enumerate().map(|(ix, happening)| {
            let name = ran.leads.iter().find(|(_, id)| **id == happening.lead).map(|(name, _)| name.clone());
            let zoned = happening.at.to_jiff().to_zoned(zone_of(happening.lead).clone());
            Line {
                at: zoned.strftime("%a %-d %b %Y %H:%M").to_string(),
                lead: name.filter(|_| lives.len() > 1),
                text: happening.text.clone(),
                because: happening.because.clone(),
                met: met.get(&ix).cloned().unwrap_or_default(),
            }
        });
        Ok(Played {
            file: suite.file.clone(),
            line: case.line,
            name: case.name.clone(),
            practices: case.practices.clone(),
            failures,
            story: lines.collect(),
            zone: zones.first().map_or(workspace, |(_, zone)| zone).iana_name().unwrap_or("UTC").to_owned(),
            coverage: Coverage::of(&lives, catalog),
        })
    })
}
