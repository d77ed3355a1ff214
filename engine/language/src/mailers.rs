//! Connections that send mails: the server, who sends, how much, how mails are signed. Must not know: how a mail is
//! made.

use crate::address::{host_in, secret_in};
use crate::diagnostic::{Problem, Sheet};
use crate::form::Form;
use crate::known::Known;
use crate::pace::{ATTEMPTS_MAX, MAIL_TIMEOUT, Pace};
use crate::secret::{SECRET, inline, read_secret};
use crate::shape::{Shape, Takes, optional, required};
use crate::team;
use crate::yaml::{Content, Node, quoted};
use cadenza_core::lead::RepId;
use cadenza_core::mailer::{Dkim, MailLimits, Mailbox, Mailer, Sender, SmtpServer, Tls, Unsure, WarmUp, is_domain};
use cadenza_core::reach::names_inside;
use cadenza_core::workspace::{Connection, Team, Transport};
use std::path::{Component, Path, PathBuf};

const PER_HOUR_MAX: u32 = 1_000_000;
const PER_CONNECTION_MAX: u32 = 10_000;
const WARM_UP_DAYS_MAX: u32 = 365;
const PORT_MAX: u32 = 65_535;
const SENDERS_MAX: usize = 16;

pub(crate) static MAILER: Shape = Shape {
    name: "a connection for mails",
    about: "A mail server: mails to leads and notices to reps leave by it.",
    keys: &[
        optional("smtp", Takes::Form(&SMTP), "The server that takes the mails"),
        optional(
            "capture",
            Takes::Text,
            "A folder below the data folder in which mails are kept as .eml files; nothing is sent",
        ),
        required("from", Takes::Either(&[SENDER, Takes::List(&SENDER)]), "Who sends; of several the first who can")
            .such_as("owner"),
        optional("reply_to", Takes::Text, "Where answers go, if not to the sender"),
        optional("limits", Takes::Form(&LIMITS), "How much leaves"),
        optional("dkim", Takes::Form(&DKIM), "Signs every mail, so that receivers can verify it"),
        optional(
            "unsure",
            Takes::Words(unsure_words),
            "What becomes of a mail that the server may have taken: `ask` (when left out) keeps it, `repeat` sends it again",
        ),
        optional("postal_address", Takes::Text, "The sender's postal address, at the foot of every mail to a lead"),
        optional("timeout", Takes::Duration, "Longest wait for the server, for one mail; 1m when left out"),
        optional(
            "attempts",
            Takes::Whole(1, ATTEMPTS_MAX),
            "Attempts before it becomes a dead letter; 12 when left out",
        ),
        optional("backoff", Takes::Duration, "First wait before another attempt, doubled each time; 2s when left out"),
        optional("backoff_max", Takes::Duration, "Longest wait before another attempt; 1h when left out"),
    ],
};

static SMTP: Shape = Shape {
    name: "`smtp`",
    about: "A mail server.",
    keys: &[
        required("host", Takes::Text, "Its name, such as `smtp.acme.example`"),
        optional("port", Takes::Whole(1, PORT_MAX), "Its port; 587, or 465 and 25 for `tls: implicit` and `none`"),
        optional("tls", Takes::Words(tls_words), "How the connection is encrypted; `starttls` when left out"),
        optional("user", Takes::Text, "The user who logs in"),
        optional("password", Takes::Form(&SECRET), "The user's password"),
    ],
};

const SENDER: Takes = Takes::Either(&[Takes::Words(owner_word), Takes::Form(&SENDER_FORM)]);

static SENDER_FORM: Shape = Shape {
    name: "a sender",
    about: "Who sends: one of the three, or `owner`.",
    keys: &[
        optional("role", Takes::Ref("role"), "The rep who has this role in the run"),
        optional("rep", Takes::Ref("rep"), "A rep of team.yaml"),
        optional("address", Takes::Text, "An address with or without a name: `Sales <sales@acme.example>`"),
    ],
};

static LIMITS: Shape = Shape {
    name: "`limits`",
    about: "How much leaves by the connection.",
    keys: &[
        optional("per_hour", Takes::Whole(1, PER_HOUR_MAX), "Mails in an hour"),
        optional(
            "per_connection",
            Takes::Whole(1, PER_CONNECTION_MAX),
            "Mails over one connection to the server, after which a new one is opened",
        ),
        optional("warm_up", Takes::Form(&WARM_UP), "The days in which a new sender gets to `per_hour`"),
    ],
};

static WARM_UP: Shape = Shape {
    name: "`warm_up`",
    about: "A new sender begins with few mails, and sends an equal share more every day.",
    keys: &[
        required("first_day", Takes::Date, "The first day"),
        required("days", Takes::Whole(2, WARM_UP_DAYS_MAX), "On which day the full rate is reached").such_as("28"),
    ],
};

static DKIM: Shape = Shape {
    name: "`dkim`",
    about: "The key that signs mails.",
    keys: &[
        required("domain", Takes::Text, "The domain that answers for the mails"),
        required("selector", Takes::Text, "The name of the key in the domain's DNS"),
        required("key", Takes::Form(&SECRET), "The private key in PEM, RSA or Ed25519"),
    ],
};

fn tls_words() -> Vec<&'static str> {
    Tls::ALL.iter().map(|(word, _)| *word).collect()
}

fn unsure_words() -> Vec<&'static str> {
    Unsure::ALL.iter().map(|(word, _)| *word).collect()
}

fn owner_word() -> Vec<&'static str> {
    vec!["owner"]
}

/// Whether a connection is one for mails.
pub(crate) fn is_one(node: &Node) -> bool {
    node.get("smtp").is_some() || node.get("capture").is_some()
}

pub(crate) fn read(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>, team: Option<&Team>) -> Option<Connection> {
    let form = Form::open(sheet, node, &MAILER)?;
    let server = form.get("smtp").map(|node| read_server(sheet, node));
    let capture = form.get("capture").map(|node| read_capture(sheet, node));
    let from = form.get("from").and_then(|node| read_from(sheet, node, known, team));
    let reply_to = form.get("reply_to").map(|node| read_mailbox(sheet, node));
    let limits = form.get("limits").map_or_else(|| Some(MailLimits::default()), |node| read_limits(sheet, node));
    let dkim = form.get("dkim").map(|node| read_dkim(sheet, node, from.as_deref().unwrap_or_default()));
    let unsure = form.get("unsure").map(|node| sheet.word(node, "what is done with such a mail", &Unsure::ALL));
    let postal_address = form.get("postal_address").map(|node| sheet.text(node, "a postal address"));
    let pace = Pace::read(sheet, &form, MAIL_TIMEOUT);
    let mailer = Mailer {
        server: as_read(server)?,
        capture: as_read(capture)?,
        from: from?,
        reply_to: as_read(reply_to)?,
        limits: limits?,
        dkim: as_read(dkim)?,
        unsure: unsure.unwrap_or(Some(Unsure::Ask))?,
        postal_address: as_read(postal_address)?,
    };
    Some(pace?.of(Transport::Mail(Box::new(mailer))))
}

/// What a key gives that may be left out. The outer option is `None` when it is there and could not be read.
fn as_read<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    value.map_or(Some(None), |read| read.map(Some))
}

fn read_server(sheet: &Sheet<'_>, node: &Node) -> Option<SmtpServer> {
    let form = Form::open(sheet, node, &SMTP)?;
    let host = form.get("host").and_then(|node| read_host(sheet, node));
    let tls = form.get("tls").map_or(Some(Tls::StartTls), |node| sheet.word(node, "how it is encrypted", &Tls::ALL));
    let port = form.get("port").map(|node| sheet.whole(node, "a port", 1, PORT_MAX));
    let user = form.get("user").map(|node| sheet.text(node, "a user"));
    let password = form.get("password").map(|node| read_secret(sheet, node));
    if let (Some(one), None) | (None, Some(one)) = (form.get("user"), form.get("password")) {
        let (has, needs) = if form.get("user").is_some() { ("user", "password") } else { ("password", "user") };
        let problem = Problem::error("missing-key", one.pointer(), format!("`smtp` with `{has}` needs `{needs}`"));
        sheet.report(match needs {
            "user" => problem.help("add `user: …`: who logs in, often a mail address"),
            _ => problem
                .help("add `password: { env: SMTP_PASSWORD }`: a secret does not stand in the file")
                .mend_by(sheet.put_in(node, &["password: { env: SMTP_PASSWORD }".to_owned()])),
        });
        return None;
    }
    let (host, tls) = (host?, tls?);
    let port = port.map_or(Some(tls.port()), |port| port.and_then(|port| u16::try_from(port).ok()))?;
    let password = as_read(password)?;
    let clear = tls == Tls::None && !names_inside(&host);
    if let (true, Some(at)) = (clear && password.is_some(), form.get("tls")) {
        let message = format!("the password would travel to `{host}` unencrypted");
        let problem = Problem::error("password-in-clear", at.span.clone(), message);
        sheet.report(problem.label("write `starttls`").replace("starttls"));
        return None;
    }
    check_port(sheet, &form, port, tls);
    Some(SmtpServer { host, port, tls, user: as_read(user)?, password })
}

/// The two ports of mail submission each have their own way to encrypt. The other way never gets an answer.
fn check_port(sheet: &Sheet<'_>, form: &Form<'_>, port: u16, tls: Tls) {
    let Some(meant) = [Tls::StartTls, Tls::Implicit].into_iter().find(|meant| meant.port() == port) else { return };
    let crossed = [Tls::StartTls, Tls::Implicit].contains(&tls) && meant != tls;
    let Some(at) = form.get("port").filter(|_| crossed) else { return };
    let word = |tls: Tls| Tls::ALL.iter().find(|(_, one)| *one == tls).map_or("", |(word, _)| *word);
    let message = format!("port {port} is where servers expect `tls: {}`", word(meant));
    let (problem, port) = (Problem::warning("crossed-port", at.span.clone(), message), tls.port());
    sheet.report(problem.label(format!("write `{port}`, or `tls: {}`", word(meant))).replace(port.to_string()));
}

fn read_host(sheet: &Sheet<'_>, node: &Node) -> Option<String> {
    let text = sheet.text(node, "the name of a server")?;
    if let Some(message) = secret_in(&text) {
        sheet.report(inline(node, message));
        return None;
    }
    let host = host_in(&text).to_lowercase();
    let is_name =
        |host: &str| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
    if host == text.to_lowercase() && is_name(&host) {
        return Some(host.trim_matches(['[', ']']).to_owned());
    }
    let problem = Problem::error("bad-url", node.span.clone(), format!("`{text}` is no host"));
    sheet.report(match is_name(&host) {
        true => problem.label(format!("write `{host}`")).replace(host).help("the port stands in `port`"),
        false => problem.help("write the server's full name, `smtp.acme.example`, without scheme and port"),
    });
    None
}

/// A folder below the data folder.
fn read_capture(sheet: &Sheet<'_>, node: &Node) -> Option<PathBuf> {
    let text = sheet.text(node, "a folder")?;
    let path = Path::new(&text);
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
    if is_below && path.components().next().is_some() {
        return Some(path.to_owned());
    }
    let message = format!("`{text}` is not below the data folder, where captured mails lie");
    let problem = Problem::error("outside-data", node.span.clone(), message);
    let mut last = path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let folder = last.next_back().unwrap_or("mails").to_owned();
    sheet.report(problem.label(format!("write `{folder}`")).replace(folder));
    None
}

/// The senders, of which at least one is needed.
fn read_from(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>, team: Option<&Team>) -> Option<Vec<Sender>> {
    let items = sheet.items(node);
    if items.is_empty() {
        let problem = Problem::error("empty-list", node.span.clone(), "`from` names nobody, so nothing could be sent");
        sheet.report(
            problem.perhaps("owner".to_owned()).help("or name a rep, or `{ address: … }` of nobody in particular"),
        );
        return None;
    }
    if items.len() > SENDERS_MAX {
        let message = format!("`from` names more than {SENDERS_MAX} senders");
        sheet.report(Problem::error("too-large", node.pointer(), message).help("name those who may send"));
        return None;
    }
    let read: Vec<Option<Sender>> = items.iter().map(|item| read_sender(sheet, item, known, team)).collect();
    let senders: Vec<Sender> = read.into_iter().collect::<Option<_>>()?;
    let fixed = senders.iter().position(|sender| matches!(sender, Sender::Fixed(_)));
    if let Some(first) = fixed.filter(|first| first + 1 < items.len()) {
        let never = items[first + 1].span.clone();
        let problem = Problem::warning("never-sends", never, "nobody behind a fixed address ever sends");
        let problem = problem.help("a fixed address can always send: put it last");
        let is_one =
            items.iter().all(|item| item.span.end <= node.span.end) && !sheet.text[node.span.clone()].contains('\n');
        let mut order: Vec<&str> = items.iter().map(|item| &sheet.text[item.span.clone()]).collect();
        order[first..].rotate_left(1);
        let whole = (node.span.clone(), format!("[{}]", order.join(", ")));
        sheet.report(problem.mend_by(Some(whole).filter(|_| is_one)));
    }
    Some(senders)
}

fn read_sender(sheet: &Sheet<'_>, node: &Node, known: &Known<'_>, team: Option<&Team>) -> Option<Sender> {
    if !matches!(node.content, Content::Map(_)) {
        let text = sheet.text(node, "who sends")?;
        if text == "owner" {
            return Some(Sender::Owner);
        }
        sheet.report(unknown_sender(node, &text, known));
        return None;
    }
    let form = Form::open(sheet, node, &SENDER_FORM)?;
    match (form.get("role"), form.get("rep"), form.get("address")) {
        (Some(role), None, None) => {
            let name = sheet.text(role, "a role")?;
            if known.roles.has(&name) {
                return Some(Sender::Role(name));
            }
            let message = format!("no workflow gives anybody the role `{name}`");
            let problem = Problem::error("unknown-role", role.span.clone(), message);
            let problem = problem.suggest(&name, known.roles.iter(), "roles that workflows give");
            sheet.report(problem.or_help("a role is given by `assign: { …, as: NAME }`"));
            None
        }
        (None, Some(rep), None) => team::rep(sheet, rep, known).map(|rep_id| {
            check_rep(sheet, rep, &rep_id, team);
            Sender::Rep(rep_id)
        }),
        (None, None, Some(address)) => read_mailbox(sheet, address).map(Sender::Fixed),
        _ => {
            let problem =
                Problem::error("bad-sender", form.pointer(), "a sender has one of `role`, `rep` and `address`");
            sheet.report(problem.help("of several senders the first who can sends: `[owner, { rep: … }]`"));
            None
        }
    }
}

fn unknown_sender(node: &Node, text: &str, known: &Known<'_>) -> Problem {
    let problem = Problem::error("bad-sender", node.span.clone(), format!("`{text}` is nobody who sends"));
    let instead = if Mailbox::parse(text).is_some() {
        Some(format!("{{ address: {} }}", quoted(text)))
    } else if known.reps.names.contains(text) {
        Some(format!("{{ rep: {text} }}"))
    } else if known.roles.names.contains(text) {
        Some(format!("{{ role: {text} }}"))
    } else {
        known.rep_called(text).map(|rep| format!("{{ rep: {rep} }}"))
    };
    match instead {
        Some(instead) => problem.label(format!("write `{instead}`")).replace(instead),
        None => problem
            .suggest(text, ["owner"], "words it knows")
            .help("write `owner`, `{ role: … }`, `{ rep: … }` or `{ address: \"Sales <sales@acme.example>\" }`"),
    }
}

/// A rep without an address could never send.
fn check_rep(sheet: &Sheet<'_>, node: &Node, rep: &RepId, team: Option<&Team>) {
    let Some(found) = team.and_then(|team| team.reps.get(rep)) else { return };
    let address = found.email.as_deref().and_then(cadenza_core::identity::email);
    if address.is_none() {
        let problem = Problem::error("no-mail-address", node.span.clone(), format!("`{rep}` has no mail address"));
        sheet.report(problem.help(format!("add `email: …` to `{rep}` in team.yaml, or name somebody else")));
    }
}

fn read_mailbox(sheet: &Sheet<'_>, node: &Node) -> Option<Mailbox> {
    let text = sheet.text(node, "a mail address")?;
    let read = Mailbox::parse(&text);
    if read.is_none() {
        let problem = Problem::error("bad-address", node.span.clone(), format!("`{text}` is no mail address"));
        let meant = [" at ", " AT ", "(at)", "[at]", " (at) "].into_iter().map(|at| text.replacen(at, "@", 1));
        let meant = meant.into_iter().find(|meant| Mailbox::parse(meant).is_some());
        sheet.report(match meant {
            Some(meant) => problem.label(format!("write `{meant}`")).replace(quoted(&meant)),
            None => problem.help("write `sales@acme.example`, or with a name `\"Sales <sales@acme.example>\"`"),
        });
    }
    read
}

fn read_limits(sheet: &Sheet<'_>, node: &Node) -> Option<MailLimits> {
    let form = Form::open(sheet, node, &LIMITS)?;
    let per_hour = form.get("per_hour").map(|node| sheet.whole(node, "mails in an hour", 1, PER_HOUR_MAX));
    let most = |node| sheet.whole(node, "mails over one connection", 1, PER_CONNECTION_MAX);
    let per_connection = form.get("per_connection").map(most);
    let warm_up = form.get("warm_up").map(|node| read_warm_up(sheet, node));
    if form.get("warm_up").is_some() && form.get("per_hour").is_none() {
        let problem = Problem::error("missing-key", form.key_span("warm_up"), "`warm_up` needs `per_hour`");
        sheet.report(problem.help("add `per_hour: …`: the rate that is reached at its end"));
        return None;
    }
    Some(MailLimits {
        per_hour: as_read(per_hour)?,
        per_connection: as_read(per_connection)?,
        warm_up: as_read(warm_up)?,
    })
}

fn read_warm_up(sheet: &Sheet<'_>, node: &Node) -> Option<WarmUp> {
    let form = Form::open(sheet, node, &WARM_UP)?;
    let first_day = form.get("first_day").and_then(|node| sheet.date(node));
    let days = form.get("days").and_then(|node| sheet.whole(node, "a number of days", 2, WARM_UP_DAYS_MAX));
    Some(WarmUp { first_day: first_day?, days: days? })
}

/// The key, and whether it answers for the addresses that send.
fn read_dkim(sheet: &Sheet<'_>, node: &Node, from: &[Sender]) -> Option<Dkim> {
    let form = Form::open(sheet, node, &DKIM)?;
    let domain = form.get("domain").and_then(|node| {
        let text = sheet.text(node, "a domain")?.to_ascii_lowercase();
        if is_domain(&text) {
            return Some(text);
        }
        let problem = Problem::error("bad-domain", node.span.clone(), format!("`{text}` is no domain"));
        let host = host_in(text.rsplit('@').next().unwrap_or_default()).to_owned();
        sheet.report(match is_domain(&host) {
            true => problem.label(format!("write `{host}`")).replace(host),
            false => problem.help("write it in full, such as `acme.example`"),
        });
        None
    });
    let selector = form.get("selector").and_then(|node| {
        let text = sheet.text(node, "a selector")?;
        // A selector is one or more labels below `_domainkey`.
        if is_domain(&format!("{text}.x")) && !text.contains("._domainkey") {
            return Some(text);
        }
        let problem = Problem::error("bad-name", node.span.clone(), format!("`{text}` cannot be a selector"));
        let problem = problem.help("write the part before `._domainkey` of the key's name in DNS, such as `s1`");
        let before = text.split_once("._domainkey").map(|(before, _)| before.to_owned());
        sheet.report(match before.filter(|before| is_domain(&format!("{before}.x"))) {
            Some(before) => problem.label(format!("write `{before}`")).replace(before),
            None => problem,
        });
        None
    });
    let key = form.get("key").and_then(|node| read_secret(sheet, node));
    let (domain, selector, key) = (domain?, selector?, key?);
    let stranger = from.iter().find_map(|sender| match sender {
        Sender::Fixed(mailbox) if !is_of(mailbox.domain(), &domain) => Some(mailbox),
        _ => None,
    });
    if let (Some(mailbox), Some(at)) = (stranger, form.get("domain")) {
        let message = format!("`{domain}` does not answer for `{}`", mailbox.address);
        let problem = Problem::warning("dkim-not-aligned", at.span.clone(), message);
        let problem = problem.help("receivers that check DMARC want the domain of `from`, or one above it");
        sheet.report(problem.perhaps(mailbox.domain().to_owned()));
    }
    Some(Dkim { domain, selector, key })
}

/// Whether a domain is this one or lies below it.
fn is_of(domain: &str, above: &str) -> bool {
    domain == above || domain.strip_suffix(above).is_some_and(|rest| rest.ends_with('.'))
}
