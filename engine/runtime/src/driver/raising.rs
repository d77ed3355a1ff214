//! Keys that were made by older rules: each is replaced by the one that today's rules make of it, some in every batch,
//! until there are none. A data folder of an older program is so raised once; intake goes on meanwhile, and finds leads by
//! both.

use super::Driver;
use cadenza_core::event::Event;
use cadenza_core::identity::{IdentityKey, RULES_VERSION};
use cadenza_core::time::Timestamp;
use cadenza_store::{Store, StoreError};

/// Keys that are replaced in one batch.
const KEYS_MAX: usize = 64;

/// How far the keys have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raising {
    /// There are keys by older rules, and none is under way.
    Due,
    /// Some are replaced by the batch of this number.
    In(u64),
    /// There are none.
    Over,
}

impl Raising {
    /// What a store has to go on with.
    pub(super) async fn begin(store: &dyn Store) -> Result<Self, StoreError> {
        let old = older(store, 1).await?;
        Ok(if old.is_empty() { Self::Over } else { Self::Due })
    }

    pub(super) const fn is_over(self) -> bool {
        matches!(self, Self::Over)
    }
}

/// Keys by older rules.
async fn older(
    store: &dyn Store,
    limit: usize,
) -> Result<Vec<(IdentityKey, cadenza_core::identity::Identity)>, StoreError> {
    for version in 1..RULES_VERSION {
        let found = store.identities_of(version, limit).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

impl Driver {
    /// When keys are next replaced: at once while there are some.
    pub(super) fn next_raising(&self) -> Timestamp {
        let waits = match self.raising {
            Raising::Due => false,
            Raising::In(number) => self.progress.settled < number,
            Raising::Over => true,
        };
        if waits { Timestamp::MAX } else { Timestamp::from_ms(0) }
    }

    /// Replaces some keys: their leads are told, tell their new keys, and the old ones are forgotten in the same commit.
    pub(super) async fn raise_further(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.next_raising() > now {
            return Ok(());
        }
        let page = older(self.parts.store.as_ref(), KEYS_MAX).await?;
        if page.is_empty() {
            self.raising = Raising::Over;
            tracing::info!("every key is kept by today's rules");
            return Ok(());
        }
        self.raising = Raising::In(self.open.number);
        for (old, identity) in page {
            for lead in identity.holders {
                let raised = Event::RulesRaised(old.clone());
                self.tell_others(vec![(lead, raised)], &format!("rules/{RULES_VERSION}"), now).await?;
            }
            self.set.forget_identity(old);
        }
        self.open.touched = true;
        Ok(())
    }
}
