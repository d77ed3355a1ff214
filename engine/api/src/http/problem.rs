//! What went wrong, as RFC 9457 problem details: one closed table of types, each with its status and title. The detail
//! says what was wrong, where, and what to do.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cadenza_runtime::engine::Refused;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:literal $slug:literal $title:literal),+ $(,)?) => {
        /// The types of problems. Their names are public and never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$doc])* $kind,)+ }

        impl Kind {
            /// The type's address, relative to the server.
            pub(crate) const fn address(self) -> &'static str {
                match self { $(Self::$kind => concat!("/problems/", $slug),)+ }
            }
            /// The type's own name.
            pub(crate) const fn slug(self) -> &'static str {
                match self { $(Self::$kind => $slug,)+ }
            }
            /// The HTTP status.
            pub(crate) const fn status(self) -> u16 {
                match self { $(Self::$kind => $status,)+ }
            }
            /// A short text, the same for every problem of the type.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)+ }
            }
        }
    };
}

kinds! {
    /// The body is not JSON.
    MalformedJson = 400 "malformed-json" "The body is not JSON",
    /// The path or the query cannot be read.
    BadRequest = 400 "bad-request" "The request cannot be read",
    /// A query parameter is unknown or invalid.
    BadParameter = 400 "bad-parameter" "A query parameter does not fit",
    /// A cursor is not ours, or belongs to another list.
    BadCursor = 400 "bad-cursor" "The cursor does not fit this list",
    /// The body did not arrive, or not in time.
    BodyIncomplete = 400 "body-incomplete" "The body did not arrive",
    TokenMissing = 401 "token-missing" "A token is needed",
    TokenUnknown = 401 "token-unknown" "The token is not known",
    /// A webhook that was not signed by a known sender.
    BadSignature = 401 "bad-signature" "The signature does not hold",
    Forbidden = 403 "forbidden" "The token's role does not allow this",
    NoSuchRoute = 404 "no-such-route" "There is nothing at this address",
    /// There is no such lead, task, run, and so on.
    NotFound = 404 "not-found" "There is no such thing",
    /// The route takes other methods.
    MethodNotAllowed = 405 "method-not-allowed" "This address takes another method",
    /// The same id came with other content.
    EventConflict = 409 "event-conflict" "This event id was used for another content",
    /// The token to be revoked is the last that manages tokens.
    LastAdmin = 409 "last-admin" "Nobody could manage tokens any more",
    /// The task is done or withdrawn.
    TaskClosed = 409 "task-closed" "The task is no longer open",
    /// Somebody else has the task.
    TaskTaken = 409 "task-taken" "The task is somebody else's",
    /// The gate does not allow the contact.
    HeldBack = 409 "held-back" "The lead must not be contacted now",
    /// Nothing was changed, because what it is about has moved on.
    NothingDone = 409 "nothing-done" "It changed nothing",
    /// The plugin's build cannot be tried, promoted or rolled back to.
    PluginBuild = 409 "plugin-build" "The plugin's builds are otherwise",
    /// Another backup is being written.
    BackupUnderWay = 409 "backup-under-way" "A backup is being written already",
    /// The clock cannot be advanced.
    NotVirtual = 409 "clock-not-virtual" "Only a virtual clock can be advanced",
    TooLarge = 413 "body-too-large" "The body is too large",
    /// The content type is not JSON.
    NotJson = 415 "content-type" "The body must be JSON",
    /// JSON of the wrong shape.
    InvalidBody = 422 "invalid-body" "The body does not fit",
    /// An unknown member.
    UnknownField = 422 "unknown-field" "There is no such field",
    /// A value of the wrong type.
    InvalidField = 422 "invalid-field" "A value does not fit its field",
    /// A report leaves a required question open.
    MissingAnswers = 422 "missing-answers" "The report leaves questions open",
    UnknownType = 422 "unknown-event-type" "There is no such event type",
    /// Nothing by which to find or create a lead.
    NoIdentity = 422 "no-identity" "The event names no lead",
    /// The mapping cannot read a webhook's body.
    MappingFailed = 422 "mapping-failed" "The delivery could not be mapped to an event",
    /// More items than allowed.
    TooMany = 422 "too-many" "There are too many items",
    /// The workspace has errors.
    InvalidWorkspace = 422 "invalid-workspace" "The workspace has errors",
    /// A component that is not a plugin, or another one.
    InvalidPlugin = 422 "invalid-plugin" "The component cannot be used as this plugin",
    UnknownRep = 422 "unknown-rep" "There is no such rep",
    /// The queue is full.
    Busy = 429 "busy" "More is coming in than can be written",
    /// Scans, bodies or connections: as many are in progress as allowed.
    Crowded = 429 "crowded" "As much is under way as may be",
    /// Our own fault.
    Internal = 500 "internal" "Something failed in the engine",
    /// What was asked for cannot be read.
    Damaged = 500 "damaged" "A record cannot be read",
    /// The disk is nearly full.
    NoSpace = 503 "no-space" "The disk is nearly full",
    /// The engine is starting or stopping.
    Stopping = 503 "stopping" "The engine is not taking requests",
    /// The write failed.
    WriteFailed = 503 "write-failed" "It could not be written",
    /// The disk failed or is full.
    Unavailable = 503 "store-unavailable" "The data cannot be read now",
    /// The source has no secret.
    SourceClosed = 503 "source-closed" "The source has no secret",
}

/// A problem on its way to the caller.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    at: Option<String>,
    more: Option<Box<More>>,
}

/// What only few problems have.
#[derive(Clone, Debug, Default)]
struct More {
    retry_after_s: Option<u32>,
    members: serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem; `detail` says what was wrong and what to do.
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), at: None, more: None }
    }

    /// Where it is: a path into the body, a query parameter or a header.
    #[must_use]
    pub(crate) fn at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into());
        self
    }

    /// When it is worth trying again.
    #[must_use]
    pub(crate) fn retry_after_s(mut self, seconds: u32) -> Self {
        self.more.get_or_insert_default().retry_after_s = Some(seconds);
        self
    }

    /// Adds a member of its own.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: serde_json::Value) -> Self {
        self.more.get_or_insert_default().members.insert(name.to_owned(), value);
        self
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// What was wrong and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The problem that nothing has this name.
    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} `{id}`"))
    }

    /// The body that is sent.
    pub(crate) fn body(&self) -> serde_json::Value {
        let mut body = serde_json::json!({
            "type": self.kind.address(),
            "title": self.kind.title(),
            "status": self.kind.status(),
            "detail": self.detail,
        });
        if let Some(at) = &self.at {
            body["at"] = at.as_str().into();
        }
        for (name, value) in self.more.iter().flat_map(|more| &more.members) {
            body[name] = value.clone();
        }
        body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED && self.kind != Kind::BadSignature {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(more) = self.more {
            headers.extend(more.retry_after_s.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
        }
        response
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::Busy => Self::new(Kind::Busy, detail).retry_after_s(1),
            Refused::NoSpace { .. } => Self::new(Kind::NoSpace, detail).retry_after_s(30),
            Refused::Stopping => Self::new(Kind::Stopping, detail).retry_after_s(5),
            Refused::Failed(_) => Self::new(Kind::WriteFailed, detail).retry_after_s(2),
            Refused::Unavailable(_) => Self::new(Kind::Unavailable, detail).retry_after_s(2),
            Refused::Conflict { .. } => {
                Self::new(Kind::EventConflict, format!("{detail}: give every event an id of its own")).at("id")
            }
            Refused::NotFound { .. } => Self::new(Kind::NotFound, detail),
            Refused::NoIdentity(_) => Self::new(Kind::NoIdentity, detail).at("lead"),
            Refused::Needless { .. } => Self::new(Kind::NothingDone, detail).with("reason", "needless".into()),
            Refused::NotVirtual => Self::new(Kind::NotVirtual, detail),
            Refused::Damaged(_) => Self::new(Kind::Damaged, detail),
            Refused::Store(_) => Self::new(Kind::Internal, detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_where_and_when_to_try_again() {
        let problem = Problem::from(Refused::Busy);
        let body = problem.body();
        assert_eq!(body["type"], "/problems/busy");
        assert_eq!(body["status"], 429);
        let response = problem.into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }

    #[test]
    fn extra_members_stand_beside_the_standard_ones() {
        let problem = Problem::new(Kind::InvalidField, "`budget` is a number").at("lead.budget").with("n", 3.into());
        let body = problem.body();
        assert_eq!((&body["at"], &body["n"]), (&"lead.budget".into(), &3.into()));
    }
}
