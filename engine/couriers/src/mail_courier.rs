//! Sends mails: makes them, and hands them to their server or keeps them in a folder.

use crate::leaving::{may_leave, unpanicked};
use crate::letters::{Ready, notice_sender, ready, signing_key, trial};
use crate::request::passing;
use crate::smtp::{Lines, Route};
use cadenza_core::effect::Outgoing;
use cadenza_core::gate::Permit;
use cadenza_core::mailer::{Mailbox, Mailer};
use cadenza_core::workspace::Connection;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::courier::{Attempted, Courier, Ended, SendError, Tried};
use cadenza_signatures::{LinkKeys, secret};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Sends mails over SMTP, or captures them below the data folder.
pub struct MailCourier {
    lines: Lines,
    data: PathBuf,
    runtime: tokio::runtime::Handle,
}

impl MailCourier {
    /// A courier whose attempts run on `runtime`, and which keeps captured mails below `data`.
    pub fn new(runtime: tokio::runtime::Handle, data: &Path) -> Self {
        Self { lines: Lines::default(), data: data.to_owned(), runtime }
    }

    async fn attempt(&self, catalog: &Catalog, row: &Outgoing) -> Ended {
        let connection = catalog.workspace.connections.get(&row.via);
        let connection = connection.ok_or_else(|| passing(format!("there is no connection `{}`", row.via)))?;
        let mailer = connection.mailer();
        let mailer = mailer.ok_or_else(|| passing(format!("the connection `{}` sends no mails", row.via)))?;
        let mail = ready(catalog, mailer, row)?;
        if let Some(folder) = &mailer.capture {
            return captured(self.data.join(folder), format!("{}.eml", row.key()), mail).await.map(|()| None);
        }
        let route = route(catalog, &row.via, connection, mailer).map_err(passing)?;
        self.lines.deliver(route, &mail).await.map(|()| None)
    }
}

impl MailCourier {
    /// Goes as far as a mail would, and hands one over when there is somebody to get it.
    async fn tried(&self, catalog: &Catalog, via: &str, to: Option<Mailbox>) -> Result<String, String> {
        let connection = catalog.workspace.connections.get(via);
        let found = connection.and_then(|connection| Some((connection, connection.mailer()?)));
        let (connection, mailer) = found.ok_or_else(|| format!("the connection `{via}` sends no mails"))?;
        unready(catalog, via, connection, mailer)?;
        let mail = to.map(|to| trial(catalog, mailer, to)).transpose().map_err(|error| error.cause)?;
        let said = |error: SendError| error.cause;
        if let Some(folder) = &mailer.capture {
            let folder = self.data.join(folder);
            let shown = folder.display().to_string();
            return match mail {
                Some(mail) => captured(folder, "trial.eml".to_owned(), mail)
                    .await
                    .map_err(said)
                    .map(|()| format!("a mail lies in `{shown}`")),
                None => Ok(format!("mails are kept in `{shown}`, and none is sent")),
            };
        }
        let route = route(catalog, via, connection, mailer)?;
        let server = format!("{}:{}", route.server.host, route.server.port);
        match mail {
            Some(mail) => {
                let to = mail.to.clone();
                self.lines.deliver(route, &mail).await.map_err(said).map(|()| format!("{server} took a mail to {to}"))
            }
            None => self.lines.greet(route).await.map_err(said).map(|()| format!("{server} is ready to take mails")),
        }
    }
}

impl Courier for MailCourier {
    fn send(self: Arc<Self>, catalog: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            let result = match may_leave(&row, permit) {
                Ok(()) => {
                    let attempted = row.clone();
                    unpanicked(async move { self.attempt(&catalog, &attempted).await }).await
                }
                Err(error) => Err(error),
            };
            done(row, result);
        });
    }

    fn shown(&self, catalog: &Catalog, row: &Outgoing) -> Result<String, SendError> {
        let mailer = catalog.workspace.connections.get(&row.via).and_then(Connection::mailer);
        let mailer = mailer.ok_or_else(|| passing(format!("the connection `{}` sends no mails", row.via)))?;
        ready(catalog, mailer, row).map(|mail| String::from_utf8_lossy(&mail.bytes).into_owned())
    }

    fn try_out(self: Arc<Self>, catalog: Arc<Catalog>, via: String, to: Option<Mailbox>, done: Tried) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move { done(self.tried(&catalog, &via, to).await) });
    }

    fn unready(&self, catalog: &Catalog) -> Vec<(String, String)> {
        let mailers = catalog.workspace.connections.iter().filter_map(|(name, connection)| {
            let mailer = connection.mailer()?;
            let why = unready(catalog, name, connection, mailer).err()?;
            Some((name.clone(), why))
        });
        mailers.collect()
    }
}

/// Why nothing could be sent as things are.
fn unready(catalog: &Catalog, name: &str, connection: &Connection, mailer: &Mailer) -> Result<(), String> {
    signing_key(catalog, mailer)?;
    if let Some(links) = &catalog.workspace.links {
        LinkKeys::resolve(&links.secrets, &catalog.root).map_err(|error| error.to_string())?;
    }
    if mailer.capture.is_none() {
        route(catalog, name, connection, mailer)?;
    }
    let notices = catalog.live.settings.contact.notify_via.as_deref() == Some(name);
    if notices && notice_sender(catalog, mailer).is_none() {
        return Err("nobody sends notices to reps: add `{ address: … }` to `from`".to_owned());
    }
    Ok(())
}

/// The way to the server of a connection, with its password.
pub(crate) fn route<'a>(
    catalog: &Catalog,
    via: &'a str,
    connection: &Connection,
    mailer: &'a Mailer,
) -> Result<Route<'a>, String> {
    let server = mailer.server.as_ref().ok_or_else(|| "it has neither `smtp` nor `capture`".to_owned())?;
    let password = server.password.as_ref().map(|reference| secret::resolve(reference, &catalog.root));
    let password = password.transpose().map_err(|error| error.to_string())?;
    Ok(Route { via, mailer, server, password, timeout: Duration::from_millis(connection.timeout_ms) })
}

/// Keeps a mail as a file. Another attempt under its key writes the same file.
async fn captured(folder: PathBuf, name: String, mail: Ready) -> Result<(), SendError> {
    let shown = folder.display().to_string();
    let kept = tokio::task::spawn_blocking(move || keep(&folder, &name, &mail.bytes)).await;
    let kept = kept.unwrap_or_else(|broken| Err(io::Error::other(broken)));
    kept.map_err(|error| passing(format!("the mail cannot be kept in `{shown}`: {error}")))
}

/// A file under this name is always a whole mail.
fn keep(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let partly = folder.join(format!(".{name}.part"));
    std::fs::write(&partly, bytes)?;
    std::fs::rename(partly, folder.join(name))
}
