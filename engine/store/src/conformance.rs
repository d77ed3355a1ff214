//! The contract in executable form: a suite that every implementation of a store runs.
//!
//! Must not know: any implementation. It sees only places where a store can be opened again and again.

mod commits;
mod indexes;
mod lists;
pub mod sample;
mod several;
mod snapshots;
mod values;

pub use several::{Commons, run_for_several};

use crate::contract::Store;
use crate::partitions::Partitions;
use crate::records::{Batch, BatchId};
use async_trait::async_trait;
use cadenza_core::time::Timestamp;

/// A place where a store can be opened. What was committed is there at the next opening.
#[async_trait]
pub trait Place: Send + Sync {
    type Opened: Store;
    /// Opens the store. The one opened before it was closed or dropped.
    async fn open(&self) -> Self::Opened;
}

/// Runs every case, each in a place of its own.
///
/// # Panics
/// When the store breaks the contract; the message says where.
pub async fn run<P: Place>(fresh: impl Fn() -> P) {
    commits::a_commit_is_seen_whole_and_survives_a_new_opening(&fresh()).await;
    commits::the_epoch_goes_up_and_fences(&fresh()).await;
    commits::a_batch_that_is_refused_writes_nothing(&fresh()).await;
    commits::the_last_batch_is_known(&fresh()).await;
    commits::commits_are_made_in_the_order_they_are_asked_for(&fresh()).await;
    commits::a_store_that_is_well_recovers_to_what_it_was(&fresh()).await;
    commits::a_closed_store_refuses(&fresh()).await;
    indexes::timers_follow_the_lead(&fresh()).await;
    indexes::queues_follow_the_tasks(&fresh()).await;
    indexes::accounts_have_their_timers(&fresh()).await;
    indexes::questions_wait_in_lines(&fresh()).await;
    indexes::questions_without_an_answer_are_known(&fresh()).await;
    indexes::leads_that_hear_of_their_account_are_known(&fresh()).await;
    indexes::leads_under_a_hold_are_paged(&fresh()).await;
    lists::timers_come_in_order_of_time(&fresh()).await;
    lists::queues_come_in_rank_order(&fresh()).await;
    lists::leads_are_paged(&fresh()).await;
    lists::journals_are_paged_and_forget_persons(&fresh()).await;
    lists::an_outbox_row_lives(&fresh()).await;
    lists::dead_letters_wait_in_order(&fresh()).await;
    lists::the_feed_has_the_order_of_the_commits_until_it_is_forgotten(&fresh()).await;
    lists::what_leads_are_told_lies_in_their_inbox(&fresh()).await;
    lists::reads_keep_to_partitions(&fresh()).await;
    snapshots::a_snapshot_is_of_one_moment_whatever_is_written_meanwhile(&fresh()).await;
    snapshots::one_snapshot_is_read_at_a_time_and_ends_when_it_is_dropped(&fresh()).await;
    values::keys_lead_to_leads(&fresh()).await;
    values::marks_are_found_for_thirty_days(&fresh()).await;
    values::marks_of_many_days_are_told_apart(&fresh()).await;
    values::marks_are_forgotten_by_day(&fresh()).await;
    values::what_is_counted_adds_up(&fresh()).await;
    values::documents_of_any_length(&fresh()).await;
    values::long_leads_shrink_again(&fresh()).await;
    values::pools_and_schedules(&fresh()).await;
}

/// An open store and the number of its next batch.
struct Opened<S> {
    store: S,
    next: u64,
}

impl<S: Store> Opened<S> {
    async fn on<P: Place<Opened = S>>(place: &P) -> Self {
        Self { store: place.open().await, next: 1 }
    }

    /// Commits a batch filled by `fill`.
    async fn commit(&mut self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new(BatchId(self.next), self.store.epoch());
        self.next += 1;
        fill(&mut batch);
        self.store.commit(batch).await.expect("a batch of the holder is committed");
    }

    async fn again<P: Place<Opened = S>>(self, place: &P) -> Self {
        self.store.close().await.expect("the store closes");
        drop(self.store);
        Self::on(place).await
    }
}

/// Makes a read leave nothing out.
pub(crate) const ALL: &Partitions = &Partitions::ALL;

const fn ms(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}
