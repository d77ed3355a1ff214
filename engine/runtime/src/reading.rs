//! Reads what the heart says that it needs, from the store into a working set.

use cadenza_core::heart::{Found, Key, Record, WorkingSet};
use cadenza_core::lead::RepId;
use cadenza_core::task::Assignee;
use cadenza_store::{Store, StoreError, UnlessDamaged as _};

/// Places of a queue read at once.
const PAGE: usize = 256;

/// Reads these records, as far as the set does not have them; `today` is the day by which marks are kept, and open tasks are
/// counted up to `tasks_max`.
pub(crate) async fn read(
    store: &dyn Store,
    set: &mut WorkingSet,
    keys: Vec<Key>,
    today: u32,
    tasks_max: u32,
) -> Result<(), StoreError> {
    for key in keys {
        if !set.has(&key) {
            let record = record(store, set, key, today, tasks_max).await?;
            set.put(record);
        }
    }
    Ok(())
}

async fn record(
    store: &dyn Store,
    set: &WorkingSet,
    key: Key,
    today: u32,
    tasks_max: u32,
) -> Result<Record, StoreError> {
    Ok(match key {
        Key::Lead(id) => Record::Lead(id, found(store.lead(id).await)?),
        Key::Account(id) => Record::Account(id, found(store.account(id).await)?),
        Key::Identity(key) => {
            let read = found(store.identity(&key).await)?;
            Record::Identity(key, read)
        }
        Key::Mark(id) => {
            let read = found(store.mark(&id, today).await)?;
            Record::Mark(id, read)
        }
        // What cannot be read is begun anew: a pool forgets whose turn it was, and nothing else.
        Key::Pool(name) => {
            let read = store.pool(&name).await.unless_damaged()?.unwrap_or_default();
            Record::Pool(name, read)
        }
        Key::OpenTasks(rep) => {
            let count = open_tasks_elsewhere(store, set, &rep, tasks_max).await?;
            Record::OpenTasks(rep, count)
        }
    })
}

/// What a read found; a record that is damaged is found too, as such.
fn found<T>(read: Result<Option<T>, StoreError>) -> Result<Found<T>, StoreError> {
    match read {
        Ok(read) => Ok(read.into()),
        Err(error) if error.is_damage() => Ok(Found::Damaged(error.to_string().into())),
        Err(error) => Err(error),
    }
}

/// A rep's open tasks of leads that are not in memory: counted once, and kept by differences from then on.
async fn open_tasks_elsewhere(store: &dyn Store, set: &WorkingSet, rep: &RepId, most: u32) -> Result<u32, StoreError> {
    let assignee = Assignee::Rep(rep.clone());
    let (mut count, mut after) = (0_u32, None);
    loop {
        let mut page = store.queue(Some(&assignee), after.as_ref(), PAGE).await?;
        let elsewhere = page.iter().filter(|place| set.state(place.task.lead()).is_none()).count();
        count = count.saturating_add(u32::try_from(elsewhere).unwrap_or(u32::MAX));
        if page.len() < PAGE || count >= most {
            return Ok(count);
        }
        after = page.pop();
    }
}
