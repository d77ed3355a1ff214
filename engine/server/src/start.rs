//! Starts the engine on a data folder: opens the store on sled, and enables sending messages over HTTP and as mails.

use crate::data_folder;
use anyhow::{Context as _, bail};
use cadenza_couriers::{ByTransport, Connector, MailCourier};
use cadenza_runtime::start::{Running, StartOptions};
use cadenza_sled::{SledOptions, SledStore};
use cadenza_store::{Store as _, StoreError};
use std::path::Path;
use std::sync::Arc;

/// Opens the store and starts the engine. Returns once recovery is done.
pub(crate) async fn start(options: StartOptions) -> anyhow::Result<Running> {
    if let Some(bytes) = cadenza_sandbox::reserves_nothing() {
        let mib = bytes / (1024 * 1024);
        tracing::warn!(
            mib,
            "the address space is limited (ulimit -v): plugins reserve none of it, and decide somewhat slower"
        );
    }
    let store = open_store(&options.data, SledOptions::default(), |told| tracing::warn!("{told}"))?;
    let runtime = tokio::runtime::Handle::current();
    let courier = ByTransport::new(Connector::new(runtime.clone()), MailCourier::new(runtime, &options.data));
    cadenza_runtime::start::start(options, Arc::new(store), Arc::new(courier)).await
}

/// What can be done if sled itself cannot cope with its files.
fn hint(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref() {
        Some(StoreError::Io(_) | StoreError::Corrupt(_)) => anyhow::anyhow!(
            "{error:#}; when its disk is neither full nor failing, files in it were changed or cut short: bring the whole folder back \
             from a copy"
        ),
        _ => error,
    }
}

/// Opens the store of a data folder, for one process at a time. What should be known about it is passed to `tell`.
pub(crate) fn open_store(data: &Path, options: SledOptions, tell: impl Fn(&str)) -> anyhow::Result<SledStore> {
    let unfinished = data.join(data_folder::RESTORING);
    if unfinished.exists() {
        bail!(
            "`{}` is left of a restore that did not come to its end: empty the data folder and restore again",
            unfinished.display()
        );
    }
    data_folder::make_closed(data)?.iter().for_each(|told| tell(told));
    let opened = cadenza_sled::open(data, options);
    let store =
        opened.with_context(|| format!("the data folder `{}` cannot be opened", data.display())).map_err(hint)?;
    if let Some(format) = store.raised_from() {
        tell(&format!("the data folder was raised from format {format}: an older cadenza refuses it from now on"));
    }
    Ok(store)
}
