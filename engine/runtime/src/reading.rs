//! Reads what the heart asks for from the store into a working set.

use cadenza_core::heart::{Key, Record, WorkingSet};
use cadenza_core::lead::RepId;
use cadenza_core::task::Assignee;
use cadenza_store::{Partitions, Store, StoreError};

/// Places of a queue read at once.
const PAGE: usize = 256;

/// Reads the records that the set does not have. `today` is the day under which marks are kept, and open tasks are counted up to
/// `tasks_max`.
pub(crate) async fn read(
    store: &dyn Store,
    set: &mut WorkingSet,
    mut keys: Vec<Key>,
    today: u32,
    tasks_max: u32,
) -> Result<(), StoreError> {
    keys.retain(|key| !set.has(key));
    keys.sort();
    keys.dedup();
    let counted = |key: &Key| if let Key::OpenTasks(rep) = key { Some(rep.clone()) } else { None };
    let reps: Vec<RepId> = keys.iter().filter_map(counted).collect();
    for record in store.read_many(keys, today).await? {
        set.put(record);
    }
    for rep in reps {
        let count = open_tasks_elsewhere(store, set, &rep, tasks_max).await?;
        set.put(Record::OpenTasks(rep, count));
    }
    Ok(())
}

/// Counts a rep's open tasks of leads that are not in memory. This happens once; from then on the count is kept by differences.
async fn open_tasks_elsewhere(store: &dyn Store, set: &WorkingSet, rep: &RepId, most: u32) -> Result<u32, StoreError> {
    let assignee = Assignee::Rep(rep.clone());
    let (mut count, mut after) = (0_u32, None);
    loop {
        let mut page = store.queue(&Partitions::ALL, Some(&assignee), after.as_ref(), PAGE).await?;
        let elsewhere = page.iter().filter(|place| set.state(place.task.lead()).is_none()).count();
        count = count.saturating_add(u32::try_from(elsewhere).unwrap_or(u32::MAX));
        if page.len() < PAGE || count >= most {
            return Ok(count);
        }
        after = page.pop();
    }
}
