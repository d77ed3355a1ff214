//! Which columns of a list say what people want, in the words of mail tools and CRMs, and what a cell in them says.
//! Such a column is never left out. Knows neither files nor events.

use cadenza_core::lead::Channel;
use cadenza_core::moment;
use cadenza_core::reading::{known, truth};
use cadenza_core::value::Value;
use jiff::tz::TimeZone;

/// What a column says about consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConsentColumn {
    /// The channel it is about; all channels if it names none.
    pub(super) channel: Option<Channel>,
    /// How its cells are read.
    pub(super) says: Says,
}

/// How the cells of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Yes means that the lead does not want it.
    No,
    /// No means that the lead does not want it.
    Yes,
    /// When, why or how the lead said no: any content means that it did.
    NoDetail,
    /// When, where or how the lead agreed. It says nothing against a contact.
    YesDetail,
    /// A word such as `unsubscribed` or `cleaned`, and nothing else.
    Status,
    /// Such a word, possibly among words that are about something else.
    PerhapsStatus,
    /// The channel that somebody prefers, or none.
    Preference,
}

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing against a contact.
    Fine,
    /// No contact on this channel, or on any.
    Against(Option<Channel>),
}

/// If the column says yes, the lead does not want it. Names are compared without accents, blanks and signs.
const AGAINST: &[&str] = &[
    // English
    "optedout",
    "optout",
    "optingout",
    "unsub",
    "donot",
    "dontcontact",
    "dontcall",
    "dontemail",
    "dontmail",
    "dontmarket",
    "dontprocess",
    "dontsend",
    "donttext",
    "dontphone",
    "dontsolicit",
    "marketingsuspended",
    "emailsuspended",
    "emailinvalid",
    "invalidemail",
    "markedemailasspam",
    "markedasspam",
    "spamreport",
    "nocontact",
    "nocall",
    "noemail",
    "nomail",
    "nophone",
    "nosms",
    "notext",
    "nomarketing",
    "nonewsletter",
    "suppressed",
    "suppression",
    "blacklist",
    "blocklist",
    "excludedfromcampaign",
    "isexcluded",
    "spamcomplaint",
    "complained",
    "hardbounce",
    "bounced",
    "nevercontact",
    "nevercall",
    "neveremail",
    "notcontactable",
    "notsubscribed",
    "nonsubscribed",
    "marketingdeclined",
    "marketingrefused",
    "objectedtomarketing",
    "objectstomarketing",
    "consentwithdrawn",
    "consentrevoked",
    "withdrewconsent",
    "neveroptedin",
    "notoptedin",
    // German
    "abgemeldet",
    "abbestell",
    "ausgetragen",
    "austragung",
    "widerruf",
    "widersprochen",
    "widerspruch",
    "werbesperre",
    "werbeverbot",
    "kontaktsperre",
    "kontaktverbot",
    "mailsperre",
    "anrufsperre",
    "telefonsperre",
    "sperrvermerk",
    "sperrliste",
    "gesperrt",
    "robinson",
    "nichtanrufen",
    "nichtkontaktieren",
    "nichtanschreiben",
    "keinewerbung",
    "keinanruf",
    "keineanrufe",
    "keinemail",
    "keinnewsletter",
    "keinenewsletter",
    "keinkontakt",
    "keinetelefon",
    // French
    "desabonn",
    "desinscri",
    "nepascontacter",
    "nepasappeler",
    "nepasdemarcher",
    "nepasenvoyer",
    "opposition",
    "bloctel",
    "listenoire",
    "pasdemail",
    "pasdappel",
    "pasdecontact",
    // Spanish
    "dadodebaja",
    "dadadebaja",
    "desuscri",
    "nollamar",
    "nocontactar",
    "noenviar",
    "nomolestar",
    "listanegra",
    // Italian, Dutch
    "disiscritt",
    "noncontattare",
    "nonchiamare",
    "afgemeld",
    "uitgeschreven",
    "nietbellen",
    "nietmailen",
    "nietcontacteren",
];

/// The same, but only as whole words, because they occur inside other words.
const AGAINST_WORDS: &[&str] = &["dnc", "dnd", "dne", "baja", "refus", "tps", "ctps", "mps"];

/// Together with a channel, or with something that expresses consent, they say no: `Email refused`, `Consent
/// withdrawn`, `Keine Einwilligung`.
const NEGATIONS: &[&str] = &[
    "abgelehnt",
    "declined",
    "denied",
    "geen",
    "kein",
    "keine",
    "neither",
    "never",
    "nicht",
    "niet",
    "no",
    "non",
    "not",
    "objected",
    "objection",
    "objects",
    "ohne",
    "pas",
    "refused",
    "refuse",
    "rejected",
    "revoked",
    "sans",
    "senza",
    "sin",
    "verweigert",
    "withdraw",
    "withdrawn",
    "withdrew",
    "without",
    "zonder",
];

/// Those of them that say no together with a channel alone.
const REFUSALS: &[&str] =
    &["abgelehnt", "declined", "denied", "objected", "objection", "refused", "rejected", "revoked", "withdrawn"];

/// These say no as the first word, alone or followed by a detail: `Cleaned at`, `Removed`.
const AGAINST_FIRST: &[&str] = &["cleaned", "removed"];

/// These say no anywhere in a cell, whatever is around them: `Unqualified - do not contact`, `Unsubscribed (2024)`.
const WITHIN_AGAINST: &[&str] = &[
    "optedout",
    "optout",
    "optingout",
    "unsub",
    "donotcontact",
    "donotcall",
    "donotemail",
    "donotmail",
    "donotmarket",
    "donotphone",
    "donotsend",
    "donottext",
    "dontcontact",
    "dontcall",
    "dontemail",
    "nevercontact",
    "nomarketing",
    "blacklist",
    "blocklist",
    "suppressed",
    "abgemeldet",
    "abbestell",
    "nichtkontaktieren",
    "nichtanrufen",
    "nichtanschreiben",
    "keinewerbung",
    "werbesperre",
    "desabonn",
    "desinscri",
    "nepascontacter",
    "nepasappeler",
    "nocontactar",
    "nollamar",
    "dadodebaja",
    "disiscritt",
    "noncontattare",
    "uitgeschreven",
    "afgemeld",
    "nietbellen",
];
const WITHIN_AGAINST_WORDS: &[&str] = &["dnc", "tps", "ctps"];

/// In a column about how somebody wants to be reached, these mean: not at all.
const WORDS_NO_WAY: &[&str] =
    &["none", "no", "never", "nothing", "nocontact", "keine", "kein", "aucun", "ninguno", "nessuno"];

/// If the column says yes, the lead wants it.
const FOR: &[&str] = &[
    "optin",
    "optedin",
    "subscribed",
    "subscriber",
    "consent",
    "sendmarketing",
    "acceptsmarketing",
    "acceptsemail",
    "acceptssms",
    "acceptemail",
    "acceptmarketing",
    "marketingpermission",
    "emailpermission",
    "contactpermission",
    "permissiontocontact",
    "permissiontocall",
    "permissiontoemail",
    "mayemail",
    "maycall",
    "maycontact",
    "maywe",
    "canwe",
    "shallwe",
    "darfwir",
    "durfenwir",
    "okto",
    "okaytocontact",
    "happytobecontacted",
    "agreetobecontacted",
    "wantstobecontacted",
    "contactme",
    "emailme",
    "callme",
    "textme",
    "receiveemails",
    "receivemarketing",
    "receivenews",
    "cancontact",
    "canemail",
    "cancall",
    "allowemail",
    "allowcall",
    "allowcontact",
    "allowmarketing",
    "allowsms",
    "contactable",
    "emailable",
    "mailable",
    "marketable",
    "einwilligung",
    "eingewilligt",
    "zustimmung",
    "zugestimmt",
    "einverstand",
    "angemeldet",
    "abonniert",
    "newsletter",
    "consentement",
    "abonne",
    "inscrit",
    "consentimiento",
    "suscrito",
    "suscripto",
    "aceptamarketing",
    "aceptaemail",
    "consenso",
    "toestemming",
];

/// After one of those, these mean that the column does not say whether, but when, why or how.
const DETAILS: &[&str] = &[
    "at",
    "on",
    "date",
    "time",
    "timestamp",
    "when",
    "reason",
    "why",
    "campaign",
    "source",
    "ip",
    "comment",
    "note",
    "by",
    "datum",
    "zeit",
    "am",
    "grund",
    "quelle",
    "le",
    "raison",
    "motif",
    "fecha",
    "motivo",
    "cause",
    "text",
    "version",
    "method",
    "mode",
];

/// What a cell may contain against a contact.
const WORDS_AGAINST: &[&str] = &[
    "unsubscribed",
    "unsubscribe",
    "optedout",
    "optout",
    "donotcontact",
    "donotcall",
    "donotemail",
    "donotmail",
    "donotallow",
    "donotsend",
    "nonmarketingcontact",
    "archived",
    "dnc",
    "complained",
    "complaint",
    "spam",
    "spamcomplaint",
    "abuse",
    "blacklisted",
    "blocklisted",
    "blocked",
    "suppressed",
    "revoked",
    "withdrawn",
    "declined",
    "denied",
    "refused",
    "rejected",
    "nonsubscribed",
    "notsubscribed",
    "neversubscribed",
    "noconsent",
    "notconsented",
    "notoptedin",
    "transactional",
    "pending",
    "unconfirmed",
    "junk",
    "removed",
    "abgemeldet",
    "ausgetragen",
    "abbestellt",
    "gesperrt",
    "widerrufen",
    "desabonne",
    "desinscrit",
    "baja",
    "dadodebaja",
    "desuscrito",
    "disiscritto",
    "afgemeld",
    "uitgeschreven",
    "nichtangemeldet",
];

/// Those of them that are also used of a lead, a deal or a file. In a column that is not about consent they mean nothing.
const WORDS_OF_OTHER_THINGS: &[&str] = &[
    "archived",
    "blocked",
    "declined",
    "denied",
    "gesperrt",
    "invalid",
    "junk",
    "pending",
    "refused",
    "rejected",
    "removed",
    "revoked",
    "transactional",
    "unconfirmed",
    "withdrawn",
    "widerrufen",
];

/// What a cell may contain about an address that cannot receive mail.
const WORDS_BOUNCED: &[&str] =
    &["cleaned", "bounced", "bounce", "hardbounce", "hardbounced", "undeliverable", "invalid", "invalidemail"];

/// What a cell may contain that is nothing against a contact.
const WORDS_FOR: &[&str] = &[
    "subscribed",
    "active",
    "optedin",
    "optin",
    "doubleoptin",
    "singleoptin",
    "confirmed",
    "allow",
    "allowed",
    "granted",
    "given",
    "consented",
    "accepted",
    "explicit",
    "implicit",
    "valid",
    "verified",
    "deliverable",
    "unverified",
    "guessed",
    "extrapolated",
    "acceptall",
    "catchall",
    "risky",
    "unavailable",
    "send",
    "marketingcontact",
    "angemeldet",
    "abonniert",
    "erteilt",
    "abonne",
    "inscrit",
    "suscrito",
    "activo",
    "aktiv",
    "actif",
    "none",
    "never",
];

/// Words for where somebody is: `Mailing State/Province`, `Billing Country`.
const ADDRESSES: &[&str] = &["mailing", "billing", "shipping", "postal", "home", "work", "office", "visiting"];
const PARTS_OF_ADDRESS: &[&str] = &[
    "address", "street", "city", "town", "state", "province", "region", "county", "country", "zip", "code", "postcode",
];

/// What a column with this name says about consent, if anything.
pub(super) fn of_column(name: &str) -> Option<ConsentColumn> {
    let words = words(name);
    let whole = words.concat();
    // At the beginning of a word; or anywhere in a name written as a single word.
    let ends: Vec<String> = (0..words.len()).map(|from| words[from..].concat()).collect();
    let has = |markers: &[&str]| {
        let found =
            |marker: &&str| ends.iter().any(|end| end.starts_with(marker) || words.len() == 1 && end.contains(marker));
        markers.iter().any(found)
    };
    let is = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let about_consent = has(AGAINST) || is(AGAINST_WORDS) || has(FOR);
    if is(ADDRESSES) && is(PARTS_OF_ADDRESS) && !about_consent && !is(&["status"]) {
        return None;
    }
    let channel = channel(&whole, &words);
    let about_status = is(&["status", "state", "etat", "estado", "stato"]) || whole.ends_with("status");
    let about_mail =
        channel.is_some() || has(&["subscri", "marketing", "consent", "optin", "optout", "memberstatus", "liststatus"]);
    let about_contact = channel.is_some() || has(&["marketing", "contact", "communication", "newsletter"]);
    let first_against = words.first().is_some_and(|word| AGAINST_FIRST.contains(&word.as_str()))
        && words[1..].iter().all(|word| DETAILS.contains(&word.as_str()) || word == "from" || word == "list");
    let negated = is(NEGATIONS) && (has(FOR) || about_contact && is(REFUSALS));
    let says = if about_status && (has(AGAINST) || is(AGAINST_WORDS)) {
        Says::No
    } else if about_status && about_mail {
        Says::Status
    } else if about_status {
        Says::PerhapsStatus
    } else if ["notoptedout", "notunsub", "nichtabgemeldet"].iter().any(|marker| whole.contains(marker)) {
        Says::Yes
    } else if has(AGAINST) || is(AGAINST_WORDS) || first_against || negated {
        if is(DETAILS) { Says::NoDetail } else { Says::No }
    } else if about_contact && has(&["prefer"]) {
        Says::Preference
    } else if has(FOR) {
        if is(DETAILS) { Says::YesDetail } else { Says::Yes }
    } else {
        return None;
    };
    Some(ConsentColumn { channel, says })
}

/// The channel that a name is about.
fn channel(whole: &str, words: &[String]) -> Option<Channel> {
    let has = |markers: &[&str]| markers.iter().any(|marker| whole.contains(marker));
    let is = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    if has(&["postal", "fax", "directmail", "courrierpostal"]) {
        Some(Channel::Other)
    } else if has(&["sms", "whatsapp", "textmessage", "dontext", "donottext"])
        || is(&["text", "texts", "messages"]) && !is(&["consent"])
    {
        Some(Channel::Message)
    } else if has(&["mail", "newsletter", "courriel", "correo", "hardbounce", "bounced", "spamcomplaint", "cleaned"]) {
        Some(Channel::Email)
    } else if has(&[
        "call", "phone", "telefon", "telefoon", "anruf", "appel", "llamar", "llamada", "bellen", "chiamare", "bloctel",
    ]) || is(&["tps", "ctps"])
    {
        Some(Channel::Call)
    } else {
        None
    }
}

/// What a cell says; `None` if that is unclear. The caller has checked that it is not blank.
pub(super) fn read(column: ConsentColumn, value: &Value, zone: &TimeZone) -> Option<Said> {
    let against = Said::Against(column.channel);
    let words = match value {
        Value::Text(text) => words(known(text)),
        _ => Vec::new(),
    };
    let word = words.concat();
    let is = |list: &[&str]| list.contains(&word.as_str());
    let within = || {
        let ends: Vec<String> = (0..words.len()).map(|from| words[from..].concat()).collect();
        let marked = WITHIN_AGAINST.iter().any(|marker| ends.iter().any(|end| end.starts_with(marker)))
            || words.iter().any(|word| WITHIN_AGAINST_WORDS.contains(&word.as_str()));
        let denied = ["notoptedout", "notunsub", "nichtabgemeldet"].iter().any(|marker| word.contains(marker));
        (marked && !denied).then(|| Said::Against(channel(&word, &words).or(column.channel)))
    };
    let by_word = || match () {
        () if is(WORDS_BOUNCED) => Some(Said::Against(Some(Channel::Email))),
        () if is(WORDS_AGAINST) => Some(against),
        () if is(WORDS_FOR) => Some(Said::Fine),
        () => within(),
    };
    let is_time = || matches!(value, Value::Text(_)) && moment::read(value, zone).is_ok();
    match column.says {
        Says::No => match truth(value) {
            Some(yes) => Some(if yes { against } else { Said::Fine }),
            None if is_time() => Some(against),
            None => by_word(),
        },
        Says::NoDetail => Some(if truth(value) == Some(false) { Said::Fine } else { against }),
        Says::Yes => match truth(value) {
            Some(yes) => Some(if yes { Said::Fine } else { against }),
            None if is_time() => Some(Said::Fine),
            None => by_word(),
        },
        Says::YesDetail => Some(Said::Fine),
        Says::Status => by_word(),
        Says::PerhapsStatus if is(WORDS_OF_OTHER_THINGS) => Some(Said::Fine),
        Says::PerhapsStatus => Some(by_word().unwrap_or(Said::Fine)),
        Says::Preference if is(WORDS_NO_WAY) || truth(value) == Some(false) => Some(against),
        Says::Preference => Some(within().unwrap_or(Said::Fine)),
    }
}

/// The words of a name: `HasOptedOutOfEmail`, `has opted-out of e-mail` and `HAS_OPTED_OUT_OF_EMAIL` are the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            words.push(String::new());
        } else {
            if c.is_uppercase() && lower_before {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase().map(plain));
            }
        }
        lower_before = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A letter without its accent.
fn plain(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_by_what_mail_tools_and_crms_call_them() {
        let (call, email, message, other) =
            (Some(Channel::Call), Some(Channel::Email), Some(Channel::Message), Some(Channel::Other));
        for (name, expected) in [
            ("opted_out", Some((None, Says::No))),
            ("Opted Out", Some((None, Says::No))),
            ("optout", Some((None, Says::No))),
            ("Opt-Out", Some((None, Says::No))),
            ("Unsubscribed", Some((None, Says::No))),
            ("is_unsubscribed", Some((None, Says::No))),
            ("Unsubscribed from all email", Some((email, Says::No))),
            ("HasOptedOutOfEmail", Some((email, Says::No))),
            ("HasOptedOutOfFax", Some((other, Says::No))),
            ("Email Opt Out", Some((email, Says::No))),
            ("E-Mail Opt-Out", Some((email, Says::No))),
            ("SMS Opt Out", Some((message, Says::No))),
            ("Opted out of email: Marketing Information", Some((email, Says::No))),
            ("Do Not Call", Some((call, Says::No))),
            ("DoNotCall", Some((call, Says::No))),
            ("do_not_contact", Some((None, Says::No))),
            ("donotbulkemail", Some((email, Says::No))),
            ("donotphone", Some((call, Says::No))),
            ("Do not allow Emails", Some((email, Says::No))),
            ("donotpostalmail", Some((other, Says::No))),
            ("DNC", Some((None, Says::No))),
            ("No Emails", Some((email, Says::No))),
            ("EMAIL_BLACKLISTED", Some((email, Says::No))),
            ("Blocklisted", Some((None, Says::No))),
            ("isExcludedFromCampaigns", Some((None, Says::No))),
            ("Suppressed", Some((None, Says::No))),
            ("Email hard bounce", Some((email, Says::No))),
            ("Not subscribed", Some((None, Says::No))),
            ("Abgemeldet", Some((None, Says::No))),
            ("Newsletter abbestellt", Some((email, Says::No))),
            ("Werbesperre", Some((None, Says::No))),
            ("Nicht anrufen", Some((call, Says::No))),
            ("Keine Werbung", Some((None, Says::No))),
            ("Kontaktsperre", Some((None, Says::No))),
            ("Robinsonliste", Some((None, Says::No))),
            ("Désabonné", Some((None, Says::No))),
            ("Désinscrit", Some((None, Says::No))),
            ("Ne pas appeler", Some((call, Says::No))),
            ("Ne pas contacter", Some((None, Says::No))),
            ("Dado de baja", Some((None, Says::No))),
            ("Baja", Some((None, Says::No))),
            ("No llamar", Some((call, Says::No))),
            ("Lista negra", Some((None, Says::No))),
            ("Niet bellen", Some((call, Says::No))),
            ("UNSUB_TIME", Some((None, Says::NoDetail))),
            ("UNSUB_REASON", Some((None, Says::NoDetail))),
            ("Unsubscribed At", Some((None, Says::NoDetail))),
            ("Opt-out date", Some((None, Says::NoDetail))),
            ("Email hard bounce reason", Some((email, Says::NoDetail))),
            ("Abgemeldet am", Some((None, Says::NoDetail))),
            ("subscribed", Some((None, Says::Yes))),
            ("Opt In", Some((None, Says::Yes))),
            ("email_opt_in", Some((email, Says::Yes))),
            ("Accepts Marketing", Some((None, Says::Yes))),
            ("Accepts SMS Marketing", Some((message, Says::Yes))),
            ("GDPR consent", Some((None, Says::Yes))),
            ("Marketing consent", Some((None, Says::Yes))),
            ("May contact", Some((None, Says::Yes))),
            ("Einwilligung", Some((None, Says::Yes))),
            ("Newsletter", Some((email, Says::Yes))),
            ("Consentement", Some((None, Says::Yes))),
            ("OPTIN_TIME", Some((None, Says::YesDetail))),
            ("OPTIN_IP", Some((None, Says::YesDetail))),
            ("Consent date", Some((None, Says::YesDetail))),
            ("Email Status", Some((email, Says::Status))),
            ("subscription_status", Some((None, Says::Status))),
            ("Marketing status", Some((None, Says::Status))),
            ("Email marketing consent status", Some((email, Says::Status))),
            ("status", Some((None, Says::PerhapsStatus))),
            ("Lead Status", Some((None, Says::PerhapsStatus))),
            ("State", Some((None, Says::PerhapsStatus))),
            ("Mailing State/Province", None),
            ("Mailing Address", None),
            ("Billing State", None),
            ("Postal Code", None),
            ("Work email address opt-out", Some((email, Says::No))),
            ("Billing address unsubscribed", Some((None, Says::No))),
            ("Mailing address status", Some((email, Says::Status))),
            ("Don't Market", Some((None, Says::No))),
            ("Don't Process", Some((None, Says::No))),
            ("Marketing Suspended", Some((None, Says::No))),
            ("Email Invalid", Some((email, Says::No))),
            ("Marked email as spam", Some((email, Says::No))),
            ("Unsubscribed Mode", Some((None, Says::NoDetail))),
            ("Send Marketing Materials", Some((None, Says::Yes))),
            ("Marketing contact status", Some((None, Says::Status))),
            ("No consent", Some((None, Says::No))),
            ("Not consented", Some((None, Says::No))),
            ("Withdrawn consent", Some((None, Says::No))),
            ("Consent withdrawn", Some((None, Says::No))),
            ("Revoked consent", Some((None, Says::No))),
            ("Consent denied", Some((None, Says::No))),
            ("Consent refused", Some((None, Says::No))),
            ("Consent withdrawn at", Some((None, Says::NoDetail))),
            ("Opt-in declined", Some((None, Says::No))),
            ("Keine Einwilligung", Some((None, Says::No))),
            ("Pas de consentement", Some((None, Says::No))),
            ("Sin consentimiento", Some((None, Says::No))),
            ("Email refused", Some((email, Says::No))),
            ("Phone declined", Some((call, Says::No))),
            ("Marketing declined", Some((None, Says::No))),
            ("Objected to marketing", Some((None, Says::No))),
            ("Not opted out", Some((None, Says::Yes))),
            ("TPS", Some((call, Says::No))),
            ("CTPS", Some((call, Says::No))),
            ("Removed", Some((None, Says::No))),
            ("removed_at", Some((None, Says::NoDetail))),
            ("Removed from list", Some((None, Says::No))),
            ("cleaned_at", Some((email, Says::NoDetail))),
            ("CLEAN_TIME", None),
            ("DNC Status", Some((None, Says::No))),
            ("Opt-out status", Some((None, Says::No))),
            ("Call Preference", Some((call, Says::Preference))),
            ("Preferred contact", Some((None, Says::Preference))),
            ("Preferred contact method", Some((None, Says::Preference))),
            ("Email preferences", Some((email, Says::Preference))),
            ("May we email you?", Some((email, Says::Yes))),
            ("Can we call you?", Some((call, Says::Yes))),
            ("OK to contact", Some((None, Says::Yes))),
            ("Dürfen wir Sie anrufen?", Some((call, Says::Yes))),
            ("Preferred product", None),
            ("Meeting declined", None),
            ("Quote rejected", None),
            ("No of employees", None),
            ("email", None),
            ("Phone", None),
            ("Orthodontist", None),
            ("Company", None),
            ("Adoption", None),
            ("Notes", None),
            ("Address", None),
            ("Last call", None),
            ("Product", None),
            ("Donor", None),
            ("Statute", None),
            ("Casino contact", None),
        ] {
            let found = of_column(name).map(|column| (column.channel, column.says));
            assert_eq!(found, expected, "the column `{name}`");
        }
    }

    #[test]
    fn a_cell_is_clear_or_stops_the_import() {
        let text = |text: &str| Value::Text(text.to_owned());
        let (fine, all, mail) =
            (Some(Said::Fine), Some(Said::Against(None)), Some(Said::Against(Some(Channel::Email))));
        for (name, value, expected) in [
            ("Unsubscribed", text("true"), all),
            ("Unsubscribed", text("TRUE"), all),
            ("Unsubscribed", text("Yes"), all),
            ("Unsubscribed", text("1"), all),
            ("Unsubscribed", text("x"), all),
            ("Unsubscribed", text("ja"), all),
            ("Unsubscribed", text("2026-01-02"), all),
            ("Unsubscribed", text("02.01.2026"), all),
            ("Unsubscribed", text("unsubscribed"), all),
            ("Unsubscribed", text("cleaned"), mail),
            ("Unsubscribed", Value::Bool(true), all),
            ("Unsubscribed", Value::Int(1), all),
            ("Unsubscribed", text("false"), fine),
            ("Unsubscribed", text("No"), fine),
            ("Unsubscribed", text("0"), fine),
            ("Unsubscribed", text("subscribed"), fine),
            ("Unsubscribed", text("maybe"), None),
            ("Unsubscribed", text("2"), None),
            ("Unsubscribed", text("?"), None),
            ("Do not allow Emails", text("Do Not Allow"), mail),
            ("Do not allow Emails", text("Allow"), fine),
            ("Email Opt Out", text("True"), mail),
            ("UNSUB_TIME", text("2024-03-01 10:00:00"), all),
            ("UNSUB_REASON", text("No longer interested"), all),
            ("UNSUB_REASON", text("no"), fine),
            ("Opt In", text("no"), all),
            ("Opt In", text("yes"), fine),
            ("Opt In", text("2024-03-01"), fine),
            ("Opt In", text("perhaps"), None),
            ("OPTIN_TIME", text("2024-03-01"), fine),
            ("status", text("unsubscribed"), all),
            ("status", text("Opted Out"), all),
            ("status", text("cleaned"), mail),
            ("status", text("Working - Contacted"), fine),
            ("Email Status", text("Subscribed"), fine),
            ("Email Status", text("NEVER_SUBSCRIBED"), mail),
            ("Email Status", text("Working"), None),
            ("Email Status", text("Extrapolated"), fine),
            ("Email Status", text("Unverified"), fine),
            ("Email Status", text("pending"), mail),
            ("Lead Status", text("Pending"), fine),
            ("Lead Status", text("Rejected"), fine),
            ("Status", text("Archived"), fine),
            ("Status", text("bounced"), mail),
            ("Marketing status", text("Archived"), all),
            ("Marketing contact status", text("Marketing contact"), fine),
            ("Marketing contact status", text("Non-marketing contact"), all),
            ("Send Marketing Materials", text("Do Not Send"), all),
            ("Send Marketing Materials", text("Send"), fine),
            ("State", text("California"), fine),
            ("State", text("unsubscribed"), all),
            ("Don't Market", text("1"), all),
            ("Email Invalid", text("true"), mail),
            ("Email Invalid", text("false"), fine),
            ("Marketing status", text("no_consent"), all),
            ("No consent", text("yes"), all),
            ("No consent", text("no"), fine),
            ("DNC Status", text("Yes"), all),
            ("DNC Status", text("No"), fine),
            ("Opt-out status", text("unsubscribed"), all),
            ("Opt-out status", text("subscribed"), fine),
            ("Lead Status", text("Unqualified - Do Not Contact"), all),
            ("Lead Status", text("Do not call"), all),
            ("Lead Status", text("Lost, do not call again"), Some(Said::Against(Some(Channel::Call)))),
            ("Lead Status", text("Unsubscribed (2024)"), all),
            ("Lead Status", text("Opted out of email"), mail),
            ("Lead Status", text("DNC"), all),
            ("Lead Status", text("Not opted out"), fine),
            ("Lead Status", text("No call yet"), fine),
            ("Lead Status", text("Disqualified"), fine),
            ("Email Status", text("Unsubscribed by admin"), mail),
            ("Call Preference", text("Do not call"), Some(Said::Against(Some(Channel::Call)))),
            ("Call Preference", text("mornings"), fine),
            ("Preferred contact", text("none"), all),
            ("Preferred contact", text("Email"), fine),
            ("Preferred contact", text("Do not contact"), all),
            ("May we email you?", text("No"), mail),
            ("May we email you?", text("Yes, please"), None),
            ("TPS", text("Y"), Some(Said::Against(Some(Channel::Call)))),
            ("Removed", text("2026-01-02"), all),
            ("cleaned_at", text("2026-01-02"), mail),
        ] {
            let column = of_column(name).expect(name);
            assert_eq!(read(column, &value, &TimeZone::UTC), expected, "`{name}` with {value:?}");
        }
    }
}
