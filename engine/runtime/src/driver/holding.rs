//! What this process holds of the store: all partitions, for as long as it renews its lease. An exchange between leads, accounts
//! and pools may touch any of them, so the driver does not begin with less than everything, and gives up the rest when it loses
//! one.
//!
//! Must not know: what is in the partitions.

use super::desk::Desk;
use cadenza_store::{Holding, Partitions, Store, StoreError};
use std::time::Duration;

/// How many times the lease is renewed within its length.
const RENEWALS: u32 = 3;

/// When the partitions are claimed again.
pub(super) struct Tenure {
    /// None if nobody else can claim them.
    next: Option<Duration>,
    lease: Duration,
}

impl Tenure {
    /// Claims all partitions.
    pub(super) async fn begin(
        store: &dyn Store,
        lease: Duration,
        elapsed: Duration,
    ) -> Result<(Holding, Self), StoreError> {
        let holding = claim(store, lease).await?;
        Ok((holding, Self { next: holding.until.map(|_| elapsed + lease / RENEWALS), lease }))
    }

    /// Claims all partitions again, after a failure.
    pub(super) async fn again(&mut self, store: &dyn Store, elapsed: Duration) -> Result<Holding, StoreError> {
        let (holding, tenure) = Self::begin(store, self.lease, elapsed).await?;
        *self = tenure;
        Ok(holding)
    }

    /// Extends the claim when it is time.
    pub(super) async fn keep(&mut self, desk: &mut Desk) -> Result<(), StoreError> {
        let elapsed = desk.clock.elapsed();
        if self.next.is_some_and(|next| next <= elapsed) {
            let term = desk.holding.term;
            desk.holding = self.again(desk.store.as_ref(), elapsed).await?;
            if desk.holding.term != term {
                return Err(lost(&desk.holding, desk.store.as_ref()));
            }
        }
        Ok(())
    }

    /// How long the driver may sleep before the next claim.
    pub(super) fn sleep_max(&self, elapsed: Duration) -> Duration {
        self.next.map_or(Duration::MAX, |next| next.saturating_sub(elapsed))
    }
}

async fn claim(store: &dyn Store, lease: Duration) -> Result<Holding, StoreError> {
    let holding = store.claim(&Partitions::ALL, lease).await?;
    match holding.partitions.is_all() {
        true => Ok(holding),
        false => Err(lost(&holding, store)),
    }
}

/// The error for a partition that another process holds, or held meanwhile.
fn lost(holding: &Holding, store: &dyn Store) -> StoreError {
    let partition = Partitions::ALL.without(&holding.partitions).iter().next().unwrap_or_default();
    StoreError::NotHeld { partition, held: None, ours: store.epoch() }
}
