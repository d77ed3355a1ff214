//! One courier made of the two: each row leaves by whatever its connection is.

use crate::{Connector, MailCourier};
use cadenza_core::effect::Outgoing;
use cadenza_core::gate::Permit;
use cadenza_core::mailer::Mailbox;
use cadenza_core::workspace::Connection;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::courier::{Attempted, Courier, SendError, Tried};
use std::sync::Arc;

/// Sends by HTTP or as mails, as the connection of each message says.
pub struct ByTransport {
    web: Arc<Connector>,
    mail: Arc<MailCourier>,
}

impl ByTransport {
    /// Two couriers as one.
    pub fn new(web: Connector, mail: MailCourier) -> Self {
        Self { web: Arc::new(web), mail: Arc::new(mail) }
    }
}

fn sends_mails(catalog: &Catalog, via: &str) -> bool {
    catalog.workspace.connections.get(via).and_then(Connection::mailer).is_some()
}

impl Courier for ByTransport {
    fn send(self: Arc<Self>, catalog: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted) {
        if sends_mails(&catalog, &row.via) {
            Arc::clone(&self.mail).send(catalog, row, permit, done);
        } else {
            Arc::clone(&self.web).send(catalog, row, permit, done);
        }
    }

    fn shown(&self, catalog: &Catalog, row: &Outgoing) -> Result<String, SendError> {
        if sends_mails(catalog, &row.via) { self.mail.shown(catalog, row) } else { self.web.shown(catalog, row) }
    }

    fn try_out(self: Arc<Self>, catalog: Arc<Catalog>, via: String, to: Option<Mailbox>, done: Tried) {
        if sends_mails(&catalog, &via) {
            Arc::clone(&self.mail).try_out(catalog, via, to, done);
        } else {
            Arc::clone(&self.web).try_out(catalog, via, to, done);
        }
    }

    fn unready(&self, catalog: &Catalog) -> Vec<(String, String)> {
        let mut unready = self.web.unready(catalog);
        unready.extend(self.mail.unready(catalog));
        unready
    }
}
