//! API tokens over the API: created, listed and revoked by an admin. The secret is returned once and never again.

use crate::http::auth::{Administer, Caller};
use crate::http::leads::known_rep;
use crate::http::problem::{Kind, Problem};
use crate::http::request::{JsonBody, Named};
use crate::http::state::Shared;
use crate::token::{Role, Token, TokenError, TokenView};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cadenza_core::lead::RepId;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct CreateBody {
    name: String,
    role: Role,
    rep: Option<RepId>,
}

/// A new token.
#[derive(Debug, Serialize)]
pub(crate) struct Created {
    token: String,
    #[serde(flatten)]
    view: TokenView,
}

/// `POST /v1/tokens`
pub(crate) async fn create(
    _: Caller<Administer>,
    State(api): State<Shared>,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<(StatusCode, Json<Created>), Problem> {
    let rep = body.rep.map(|rep| known_rep(rep, &api.engine.catalog())).transpose()?;
    let (secret, hash, token) = Token::create(&body.name, body.role, rep, cadenza_runtime::clock::Clock::real())
        .map_err(|error| match error {
            TokenError::Name => Problem::new(Kind::InvalidField, error.to_string()).at("name"),
            TokenError::NoRep => Problem::new(Kind::InvalidField, error.to_string()).at("rep"),
            _ => Problem::new(Kind::Internal, error.to_string()),
        })?;
    // Whoever reads the tokens last sets what is in force, so changes are made one after another.
    let _one_at_a_time = api.revoking.lock().await;
    let document = token.document(hash).map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    api.engine.write_documents(vec![document]).await?;
    api.tokens.refresh(&api.engine).await?;
    Ok((StatusCode::CREATED, Json(Created { token: secret, view: TokenView::new(&hash, &token) })))
}

/// `GET /v1/tokens`
pub(crate) async fn list(_: Caller<Administer>, State(api): State<Shared>) -> Json<Vec<TokenView>> {
    Json(api.tokens.list())
}

/// `DELETE /v1/tokens/{id or name}`: the last token that manages tokens stays.
pub(crate) async fn revoke(
    _: Caller<Administer>,
    State(api): State<Shared>,
    Named(text): Named<String>,
) -> Result<StatusCode, Problem> {
    let _one_at_a_time = api.revoking.lock().await;
    let hash = api.tokens.by_id_or_name(&text).ok_or_else(|| {
        Problem::new(Kind::NotFound, format!("there is no token `{text}`, or more than one of this name: use its id"))
    })?;
    if api.tokens.is_last_admin(&hash) {
        let detail = "it is the last token that manages tokens: make another first, or stop the engine and revoke it with `--data`";
        return Err(Problem::new(Kind::LastAdmin, detail));
    }
    api.engine.write_documents(vec![(hash.key(), None)]).await?;
    api.tokens.refresh(&api.engine).await?;
    Ok(StatusCode::NO_CONTENT)
}
