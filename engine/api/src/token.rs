//! API tokens: random, shown once, kept as a hash. A role is a set of rights; the table below is complete.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cadenza_core::lead::RepId;
use cadenza_core::time::Timestamp;
use cadenza_store::DocumentKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What every token begins with, so that scanners find a leaked one.
pub const PREFIX: &str = "cdz_";
/// Random bytes in a token.
const RANDOM_BYTES: usize = 32;
/// Hexadecimal digits of the id by which people name a token.
const ID_DIGITS: usize = 12;

/// What a caller wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Look at leads, tasks, runs, workflows, schedules, metrics.
    Read,
    /// Bring events in.
    Ingest,
    /// Do tasks, and record what a lead wants.
    Work,
    /// Change what happens to leads; pause things; handle the outbox, dead letters, plugins, the
    /// workspace and a virtual clock.
    Steer,
    /// Create and revoke tokens, and take backups.
    Administer,
}

impl Right {
    /// What it allows, for a person who lacks it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Read => "reading",
            Self::Ingest => "bringing events in",
            Self::Work => "working on tasks",
            Self::Steer => "steering leads and workflows",
            Self::Administer => "managing tokens",
        }
    }
}

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, including tokens.
    Admin,
    /// Runs the engine and its workflows.
    Operator,
    /// A program that brings events.
    Ingest,
    /// Somebody who sells.
    Rep,
    Viewer,
}

impl Role {
    /// Every role, the most powerful first.
    pub const ALL: [Self; 5] = [Self::Admin, Self::Operator, Self::Ingest, Self::Rep, Self::Viewer];

    /// What it is for, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Admin => "Everything, tokens included",
            Self::Operator => "Runs the engine and its workflows",
            Self::Ingest => "A program that brings events",
            Self::Rep => "Somebody who sells",
            Self::Viewer => "Looks on",
        }
    }

    /// The permission table.
    pub(crate) const fn rights(self) -> &'static [Right] {
        match self {
            Self::Admin => &[Right::Read, Right::Ingest, Right::Work, Right::Steer, Right::Administer],
            Self::Operator => &[Right::Read, Right::Ingest, Right::Work, Right::Steer],
            Self::Ingest => &[Right::Ingest],
            Self::Rep => &[Right::Read, Right::Work],
            Self::Viewer => &[Right::Read],
        }
    }

    /// The spelling used on the command line and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Ingest => "ingest",
            Self::Rep => "rep",
            Self::Viewer => "viewer",
        }
    }
}

/// The SHA-256 of a token, which is all that is kept of it. A token is 32 random bytes, so neither a salt
/// nor a slow hash is needed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a presented token.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The hash in hexadecimal, as the store keys it.
    pub fn hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// The document it is kept under.
    pub fn key(&self) -> DocumentKey {
        DocumentKey::Token(self.hex())
    }

    fn parse(hex: &str) -> Option<Self> {
        let mut hash = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return None;
        }
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
        }
        Some(Self(hash))
    }
}

/// What is kept about a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What or who it is for. The journal shows it as who did something.
    pub name: String,
    pub role: Role,
    /// The rep it acts as, if any; then it can act as nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rep: Option<RepId>,
    pub created_at: Timestamp,
}

/// Why no token could be made or read.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system has no randomness.
    #[error("the system gave no random bytes: {0}")]
    Random(getrandom::Error),
    /// The name is not valid.
    #[error("a token's name has 1 to 64 characters, letters, digits, `-`, `_`, `.`, `@` and blanks")]
    Name,
    /// A token with the role `rep` names no rep.
    #[error("a token with the role `rep` acts as one rep: say which with `rep`")]
    NoRep,
    /// A document that cannot be read.
    #[error("a token's record is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
}

impl Token {
    /// A new token: its text, which is shown once and never kept, and its record.
    pub fn create(
        name: &str,
        role: Role,
        rep: Option<RepId>,
        now: Timestamp,
    ) -> Result<(String, TokenHash, Self), TokenError> {
        let plain = |c: char| c.is_alphanumeric() || "-_.@ ".contains(c);
        if name.trim().is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
            return Err(TokenError::Name);
        }
        if role == Role::Rep && rep.is_none() {
            return Err(TokenError::NoRep);
        }
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(TokenError::Random)?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        let hash = TokenHash::of(&text);
        Ok((text, hash, Self { name: name.to_owned(), role, rep, created_at: now }))
    }

    /// Why the token does not currently have a right that its role has. A rep's token works only for its rep, and only
    /// while that rep is in the team. Nobody else's work may be done with it.
    pub(crate) fn barred(&self, right: Right, is_rep: impl Fn(&RepId) -> bool) -> Option<String> {
        match &self.rep {
            None if self.role == Role::Rep && right == Right::Work => Some(format!(
                "the token `{}` has the role rep and says no rep: make another with `cadenza token create --role rep --rep ID`",
                self.name
            )),
            Some(rep) if (self.role == Role::Rep || right == Right::Work) && !is_rep(rep) => {
                Some(format!("the token `{}` acts as {rep}, who is nobody in team.yaml any more", self.name))
            }
            _ => None,
        }
    }

    /// The document it is kept as.
    pub fn document(&self, hash: TokenHash) -> Result<(DocumentKey, Option<Vec<u8>>), TokenError> {
        Ok((hash.key(), Some(serde_json::to_vec(self)?)))
    }

    /// Reads documents of the kind `Token`; others give `None`.
    pub fn read(key: &DocumentKey, document: &[u8]) -> Result<Option<(TokenHash, Self)>, TokenError> {
        let DocumentKey::Token(hex) = key else { return Ok(None) };
        Ok(TokenHash::parse(hex).zip(Some(serde_json::from_slice(document)?)))
    }
}

/// A token without its secret, as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenView {
    /// The id by which it is revoked.
    pub id: String,
    /// What is kept about it.
    #[serde(flatten)]
    pub token: Token,
}

impl TokenView {
    /// The token kept under this hash.
    pub fn new(hash: &TokenHash, token: &Token) -> Self {
        let mut id = hash.hex();
        id.truncate(ID_DIGITS);
        Self { id, token: token.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash_and_by_nothing_else() {
        let (text, hash, token) = Token::create("crm", Role::Ingest, None, Timestamp::from_ms(0)).unwrap();
        assert!(text.starts_with(PREFIX) && text.len() > 40);
        let (key, document) = token.document(hash).unwrap();
        let document = document.unwrap();
        assert!(
            !String::from_utf8(document.clone()).unwrap().contains(&text[PREFIX.len()..]),
            "the secret is not kept"
        );
        let (read, kept) = Token::read(&key, &document).unwrap().unwrap();
        assert!(read == TokenHash::of(&text) && read != TokenHash::of("cdz_other"));
        assert_eq!(kept, token);
    }

    #[test]
    fn every_role_may_do_what_the_one_above_it_may() {
        for (below, above) in [(Role::Viewer, Role::Rep), (Role::Rep, Role::Operator), (Role::Operator, Role::Admin)] {
            let missing = below.rights().iter().find(|right| !above.rights().contains(right));
            assert_eq!(missing, None, "{} lacks what {} may do", above.as_str(), below.as_str());
        }
        assert_eq!(Role::Ingest.rights(), [Right::Ingest], "a program that brings events sees nobody's data");
    }

    #[test]
    fn a_reps_token_is_good_for_its_rep_while_there_is_one() {
        let (ana, gone) = (RepId("ana".into()), RepId("gone".into()));
        assert!(matches!(Token::create("x", Role::Rep, None, Timestamp::from_ms(0)), Err(TokenError::NoRep)));
        for (role, rep, barred) in [
            // Such tokens were made by earlier versions.
            (Role::Rep, None, &[Right::Work][..]),
            (Role::Rep, Some(&ana), &[]),
            (Role::Rep, Some(&gone), &[Right::Read, Right::Work]),
            (Role::Operator, None, &[]),
            (Role::Operator, Some(&gone), &[Right::Work]),
            (Role::Admin, Some(&gone), &[Right::Work]),
            (Role::Viewer, None, &[]),
        ] {
            let token = Token { name: "x".into(), role, rep: rep.cloned(), created_at: Timestamp::from_ms(0) };
            let found: Vec<Right> = role
                .rights()
                .iter()
                .copied()
                .filter(|right| token.barred(*right, |rep| *rep == ana).is_some())
                .collect();
            assert_eq!(found, barred, "{} {rep:?}", role.as_str());
        }
    }

    #[test]
    fn names_are_plain() {
        for name in ["", "  ", "a\nb", "<b>", &"x".repeat(65)] {
            assert!(Token::create(name, Role::Viewer, None, Timestamp::from_ms(0)).is_err(), "`{name}`");
        }
    }
}
