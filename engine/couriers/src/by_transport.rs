//! One courier made of the two: each row leaves by whatever its connection is.

use crate::{Connector, MailCourier};
use cadenza_core::effect::Outgoing;
use cadenza_core::gate::Permit;
use cadenza_core::workspace::Connection;
use cadenza_runtime::catalog::Catalog;
use cadenza_runtime::courier::{Attempted, Courier};
use std::sync::Arc;

/// Sends by HTTP or as mails, as the connection of each message says.
pub struct ByTransport {
    web: Arc<Connector>,
    mail: Arc<MailCourier>,
}

impl ByTransport {
    pub fn new(web: Connector, mail: MailCourier) -> Self {
        Self { web: Arc::new(web), mail: Arc::new(mail) }
    }
}

impl Courier for ByTransport {
    fn send(self: Arc<Self>, catalog: Arc<Catalog>, row: Outgoing, permit: Option<Permit>, done: Attempted) {
        let mailer = catalog.workspace.connections.get(&row.via).and_then(Connection::mailer);
        if mailer.is_some() {
            Arc::clone(&self.mail).send(catalog, row, permit, done);
        } else {
            Arc::clone(&self.web).send(catalog, row, permit, done);
        }
    }

    fn unready(&self, catalog: &Catalog) -> Vec<(String, String)> {
        let mut unready = self.web.unready(catalog);
        unready.extend(self.mail.unready(catalog));
        unready
    }
}
