//! The other side of the connection: takes mails, refuses them, or lets them go astray, as the seed says.

use cadenza_core::effect::{Message, Outgoing};
use cadenza_core::gate::Permit;
use cadenza_core::id::{EffectId, LeadId};
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::courier::{Attempted, Courier, SendError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One attempt that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) lead: LeadId,
    pub(crate) run: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// Attempts by their key.
    pub(crate) attempts: BTreeMap<EffectId, Vec<Attempt>>,
    /// Keys of which one was taken.
    pub(crate) taken: BTreeSet<EffectId>,
    /// Leads whose opt-out was acknowledged.
    pub(crate) opted_out: BTreeSet<LeadId>,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
    pub(crate) lines: Vec<String>,
    /// Nobody hears what comes of an attempt any more: the process is about to die.
    pub(crate) dying: bool,
    /// Nothing fails any more.
    pub(crate) healed: bool,
    random: fastrand::Rng,
}

#[derive(Default)]
pub(crate) struct Post(Mutex<Seen>);

impl Post {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(Seen { random: fastrand::Rng::with_seed(seed), ..Seen::default() }))
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Courier for Post {
    fn send(self: Arc<Self>, _: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted) {
        let fate = {
            let mut seen = self.seen();
            let Seen { attempts, opted_out, wrong, lines, random, dying, healed, taken } = &mut *seen;
            if let Message::Email { rendered, .. } = &row.message {
                let (subject, text) =
                    rendered.as_ref().map_or_else(Default::default, |mail| (mail.subject.clone(), mail.body.clone()));
                let attempt = Attempt { lead: row.lead, run: row.run.to_string(), subject, text };
                if opted_out.contains(&row.lead) {
                    wrong.push(format!("a mail leaves to {}, whose opt-out was acknowledged", row.lead));
                }
                if permit.is_none() {
                    wrong.push(format!("a mail leaves to {} without a permit", row.lead));
                }
                attempts.entry(row.id).or_default().push(attempt);
            }
            let fate = match random.u8(0..100) {
                _ if *healed => Some(Ok(())),
                _ if *dying => None,
                0..70 => Some(Ok(())),
                70..95 => Some(Err(SendError { cause: "503".to_owned(), retry: true, retry_after_ms: None })),
                _ => Some(Err(SendError { cause: "400".to_owned(), retry: false, retry_after_ms: None })),
            };
            let told = match &fate {
                Some(Ok(())) => "is taken",
                Some(Err(error)) if error.retry => "does not get through",
                Some(Err(_)) => "is refused for good",
                None => "leaves, and nobody hears of it",
            };
            lines.push(format!("  {} to {} {told}", row.id, row.lead));
            if matches!(fate, Some(Ok(())) | None) {
                taken.insert(row.id);
            }
            fate
        };
        if let Some(result) = fate {
            done(row, result);
        }
    }

    fn unready(&self, _: &Catalog) -> Vec<(String, String)> {
        Vec::new()
    }
}
