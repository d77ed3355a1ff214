//! Hands mails over to a server by SMTP. Connections are kept and used again, as long as the server lets them. What the
//! server says decides what becomes of a mail; where it says nothing after it was handed over, nobody knows.

use crate::causes::causes;
use crate::letters::Ready;
use crate::request::{passing, permanent};
use cadenza_core::mailer::{Mailer, SmtpServer, Tls};
use cadenza_runtime::courier::SendError;
use hyper_rustls::HttpsConnectorBuilder;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many connections to one server are kept for the next mail.
const IDLE_MAX: usize = 4;

/// The connections that wait for the next mail, by the name of the connection in the workspace.
#[derive(Default)]
pub(crate) struct Lines(Mutex<BTreeMap<String, Vec<Line>>>);

/// A connection to a server.
struct Line {
    smtp: AsyncSmtpConnection,
    /// The server and its password when it was opened. Changed ones need another.
    of: (SmtpServer, Option<String>),
    /// Mails handed over.
    sent: u32,
}

/// Where an attempt is sent, and by whom.
pub(crate) struct Route<'a> {
    /// The name of the connection in the workspace.
    pub(crate) via: &'a str,
    pub(crate) mailer: &'a Mailer,
    pub(crate) server: &'a SmtpServer,
    pub(crate) password: Option<String>,
    pub(crate) timeout: Duration,
}

impl Lines {
    /// Hands a mail over, within the time that its connection allows.
    pub(crate) async fn deliver(&self, route: Route<'_>, mail: &Ready) -> Result<(), SendError> {
        let handed_over = AtomicBool::new(false);
        let timeout = route.timeout;
        let ended = tokio::time::timeout(timeout, self.hand_over(&route, mail, &handed_over)).await;
        ended.unwrap_or_else(|_| {
            let cause = format!("no answer within {} ms", timeout.as_millis());
            Err(if handed_over.load(Ordering::Relaxed) { unsure(&cause) } else { passing(cause) })
        })
    }

    /// Connects as for a mail, within the time that the connection allows.
    pub(crate) async fn greet(&self, route: Route<'_>) -> Result<(), SendError> {
        let timeout = route.timeout;
        let greeted = tokio::time::timeout(timeout, self.line(&route)).await;
        let line = greeted.unwrap_or_else(|_| Err(passing(format!("no answer within {} ms", timeout.as_millis()))))?;
        self.keep(&route, line);
        Ok(())
    }

    async fn hand_over(&self, route: &Route<'_>, mail: &Ready, handed_over: &AtomicBool) -> Result<(), SendError> {
        let (from, to) = (address(&mail.from)?, address(&mail.to)?);
        let mut line = self.line(route).await?;
        let is_ascii = mail.from.is_ascii() && mail.to.is_ascii();
        let parameters = if is_ascii {
            Vec::new()
        } else if line.smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
            vec![MailParameter::SmtpUtfEight]
        } else {
            self.keep(route, line);
            return Err(permanent("the server takes no addresses outside of ASCII (SMTPUTF8)".to_owned()));
        };
        let begun = async {
            line.smtp.command(Mail::new(Some(from), parameters)).await?;
            line.smtp.command(Rcpt::new(to, Vec::new())).await?;
            line.smtp.command(Data).await
        };
        if let Err(error) = begun.await {
            self.after_refusal(route, line, &error).await;
            return Err(said(&error, "the server did not take it"));
        }
        handed_over.store(true, Ordering::Relaxed);
        match line.smtp.message(&mail.bytes).await {
            Ok(_) => {
                line.sent += 1;
                self.keep(route, line);
                Ok(())
            }
            Err(error) if error.status().is_some() => {
                self.after_refusal(route, line, &error).await;
                Err(said(&error, "the server did not take it"))
            }
            Err(error) => Err(unsure(&format!("the connection was lost: {}", causes(&error)))),
        }
    }

    /// A connection over which a mail can begin: one that is kept and still answers, or a new one.
    async fn line(&self, route: &Route<'_>) -> Result<Line, SendError> {
        while let Some(mut line) = self.kept(route) {
            if line.smtp.test_connected().await {
                return Ok(line);
            }
        }
        let smtp = connect(route).await.map_err(|error| {
            // What the server says before there is a mail is about the connection. It is set right by people, and then
            // tried again.
            passing(format!("no connection to the mail server: {}", causes(&error)))
        })?;
        Ok(Line { smtp, of: (route.server.clone(), route.password.clone()), sent: 0 })
    }

    fn kept(&self, route: &Route<'_>) -> Option<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_name = lines.get_mut(route.via)?;
        of_name.retain(|line| line.of.0 == *route.server && line.of.1 == route.password);
        of_name.pop()
    }

    /// Keeps a connection for the next mail, unless it has carried its share.
    fn keep(&self, route: &Route<'_>, line: Line) {
        let is_spent = route.mailer.limits.per_connection.is_some_and(|most| line.sent >= most);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_name = lines.entry(route.via.to_owned()).or_default();
        if is_spent || of_name.len() >= IDLE_MAX {
            drop(lines);
            close(line);
        } else {
            of_name.push(line);
        }
    }

    /// After a refusal, the server waits for the next mail once the last is forgotten; after 421 it hangs up.
    async fn after_refusal(&self, route: &Route<'_>, mut line: Line, error: &Error) {
        let hangs_up = error.status().is_none_or(|code| u16::from(code) == 421);
        if !hangs_up && line.smtp.command("RSET\r\n").await.is_ok() {
            self.keep(route, line);
        }
    }
}

/// Takes leave of the server, which need not be waited for.
fn close(mut line: Line) {
    tokio::spawn(async move {
        let _ = tokio::time::timeout(Duration::from_secs(5), line.smtp.quit()).await;
    });
}

/// Opens a connection, encrypts it and logs in, as the workspace says.
pub(crate) async fn connect(route: &Route<'_>) -> Result<AsyncSmtpConnection, Error> {
    let server = route.server;
    let hello = ClientId::Domain(route.mailer.domain().to_owned());
    let place = (server.host.as_str(), server.port);
    let at_once = match server.tls {
        Tls::Implicit => Some(tls(&server.host)?),
        Tls::StartTls | Tls::None => None,
    };
    let mut smtp = AsyncSmtpConnection::connect_tokio1(place, Some(route.timeout), &hello, at_once, None).await?;
    if server.tls == Tls::StartTls {
        smtp.starttls(tls(&server.host)?, &hello).await?;
    }
    if let (Some(user), Some(password)) = (&server.user, &route.password) {
        let credentials = Credentials::new(user.clone(), password.clone());
        smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
    }
    Ok(smtp)
}

/// The system's certificates, or Mozilla's if the system has none, as for HTTP.
fn tls(host: &str) -> Result<TlsParameters, Error> {
    let has_native = HttpsConnectorBuilder::new().with_native_roots().is_ok();
    let store = if has_native { CertificateStore::Default } else { CertificateStore::WebpkiRoots };
    TlsParameters::builder(host.to_owned()).certificate_store(store).build()
}

fn address(text: &str) -> Result<Address, SendError> {
    text.parse().map_err(|_| permanent("the address of the mail is none".to_owned()))
}

/// What a server's refusal means: 4 passes, 5 stays (RFC 5321, 4.2.1). Without an answer, it is tried again.
fn said(error: &Error, what: &str) -> SendError {
    let cause = format!("{what}: {}", causes(error));
    if error.is_permanent() { permanent(cause) } else { passing(cause) }
}

/// Nobody knows whether the server took a mail.
fn unsure(what: &str) -> SendError {
    let cause = format!("{what} after the mail was handed over, and the server may have taken it");
    SendError { may_have_arrived: true, ..passing(cause) }
}
