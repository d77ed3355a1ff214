//! Who is calling: bearer tokens, known by their hashes. A handler names the right it needs in its first argument, so
//! it cannot be reached without that right.

use crate::http::problem::{Kind, Problem};
use crate::http::state::Shared;
use crate::token::{Right, Role, Token, TokenHash, TokenView};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use cadenza_core::lead::RepId;
use cadenza_runtime::engine::{Engine, Refused};
use cadenza_store::DocumentKind;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

/// The tokens in force, kept in memory. They are read at the start and after every change.
#[derive(Default)]
pub(crate) struct Tokens(RwLock<Arc<BTreeMap<TokenHash, Arc<Token>>>>);

impl Tokens {
    /// Reads the tokens again from the store.
    pub(crate) async fn refresh(&self, engine: &Engine) -> Result<(), Refused> {
        let documents = engine.documents(DocumentKind::Token).await?;
        let read = |(key, document): (_, Vec<u8>)| match Token::read(&key, &document) {
            Ok(read) => read.map(|(hash, token)| (hash, Arc::new(token))),
            Err(error) => {
                engine.damage().note_document(&key, error);
                None
            }
        };
        let tokens = documents.into_iter().filter_map(read).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
        Ok(())
    }

    fn all(&self) -> Arc<BTreeMap<TokenHash, Arc<Token>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there are no tokens.
    pub(crate) fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// The token with this text.
    pub(crate) fn find(&self, text: &str) -> Option<Arc<Token>> {
        self.all().get(&TokenHash::of(text)).cloned()
    }

    /// Every token, without its secret.
    pub(crate) fn list(&self) -> Vec<TokenView> {
        self.all().iter().map(|(hash, token)| TokenView::new(hash, token)).collect()
    }

    /// Whether this is the last token that can manage tokens.
    pub(crate) fn is_last_admin(&self, hash: &TokenHash) -> bool {
        let all = self.all();
        let administers = |token: &Token| token.role.rights().contains(&Right::Administer);
        let mut admins = all.iter().filter(|(_, token)| administers(token));
        admins.all(|(other, _)| other == hash) && all.get(hash).is_some_and(|token| administers(token))
    }

    /// The token with this id or name; `None` if two match.
    pub(crate) fn by_id_or_name(&self, text: &str) -> Option<TokenHash> {
        let all = self.all();
        let mut found = all.iter().filter(|(hash, token)| TokenView::new(hash, token).id == text || token.name == text);
        let (hash, _) = found.next()?;
        found.next().is_none().then_some(*hash)
    }
}

/// A right that a handler needs.
pub(crate) trait Needs {
    const RIGHT: Right;
}

macro_rules! needs {
    ($($name:ident),+) => {$(
        #[doc = concat!("Needs the right of the same name: ", stringify!($name), ".")]
        pub(crate) struct $name;
        impl Needs for $name { const RIGHT: Right = Right::$name; }
    )+};
}
needs!(Read, Ingest, Work, Steer, Administer);

/// A caller who has the right `N`.
pub(crate) struct Caller<N> {
    token: Arc<Token>,
    needs: PhantomData<N>,
}

impl<N> Caller<N> {
    /// The caller's name, for the journal.
    pub(crate) fn name(&self) -> String {
        self.token.rep.as_ref().map_or_else(|| self.token.name.clone(), |rep| rep.0.clone())
    }

    /// The rep it acts as: the token's own, or else the one that is named. A token that belongs to a
    /// rep can act as nobody else.
    pub(crate) fn acting_as(&self, named: Option<RepId>) -> Result<Option<RepId>, Problem> {
        match (&self.token.rep, named) {
            (Some(own), Some(named)) if *own != named => Err(Problem::new(
                Kind::Forbidden,
                format!("this token acts as `{own}`, not as `{named}`: leave `rep` out"),
            )
            .at("rep")),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, named) => Ok(named),
        }
    }
}

impl<N: Needs> FromRequestParts<Shared> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Shared) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).ok_or_else(|| {
            let hint = if api.tokens.is_empty() {
                "there is no token yet: stop the engine and run `cadenza token create --role admin --data DIR`"
            } else {
                "send `Authorization: Bearer cdz_…`; `cadenza token create --role ROLE` makes one"
            };
            Problem::new(Kind::TokenMissing, hint)
        })?;
        let text = header.to_str().ok().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let text = text.ok_or_else(|| {
            Problem::new(Kind::TokenMissing, "the header `Authorization` is not of the form `Bearer cdz_…`")
        })?;
        let token = api.tokens.find(text).ok_or_else(|| {
            Problem::new(Kind::TokenUnknown, "the token was never made here, or was revoked: ask for a new one")
        })?;
        if !token.role.rights().contains(&N::RIGHT) {
            let detail = format!(
                "this needs a token whose role allows {}; `{}` has the role {}",
                N::RIGHT.words(),
                token.name,
                token.role.as_str()
            );
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        if token.rep.is_some() || token.role == Role::Rep {
            let catalog = api.engine.catalog();
            let reps = &catalog.workspace.settings.team.reps;
            if let Some(detail) = token.barred(N::RIGHT, |rep| reps.contains_key(rep)) {
                return Err(Problem::new(Kind::Forbidden, detail));
            }
        }
        Ok(Self { token, needs: PhantomData })
    }
}
