//! Mails before they leave: what a script would be for a lead, and whether a connection would carry it.

use crate::http::auth::{Caller, Read, Steer};
use crate::http::leads::load;
use crate::http::problem::{Kind, Problem};
use crate::http::request::{Named, OptionalJson, Params};
use crate::http::state::Shared;
use crate::views::words::gate_words;
use axum::Json;
use axum::extract::State;
use cadenza_core::gate::Verdict;
use cadenza_core::id::LeadId;
use cadenza_core::mailer::Mailbox;
use cadenza_runtime::render::preview;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct PreviewParams {
    /// The path of the script.
    script: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct MailView {
    workflow: String,
    via: String,
    /// The mail as it would leave; null when it would not.
    mail: Option<String>,
    /// Why it would not.
    why_not: Option<String>,
    /// What the contact gate says of the lead now, unless it lets mails through.
    gate: Option<&'static str>,
    lacks: Vec<&'static str>,
}

/// `GET /v1/leads/{id}/mail?script=…`
pub(crate) async fn preview(
    _: Caller<Read>,
    State(api): State<Shared>,
    Named(id): Named<LeadId>,
    Params(params): Params<PreviewParams>,
) -> Result<Json<MailView>, Problem> {
    let state = load(&api, id).await?;
    let account = match state.lead.account {
        Some(account) => api.engine.account_facts(account).await?,
        None => None,
    };
    let (catalog, now) = (api.engine.catalog(), api.engine.clock().now());
    let found = preview::mail(&catalog, &state, account.as_ref(), &params.script, now);
    let found = found.ok_or_else(|| {
        let detail = format!(
            "no workflow sends `{}` as a mail: give the path of a script, such as `scripts/mail.md`",
            params.script
        );
        Problem::new(Kind::BadParameter, detail).at("script")
    })?;
    let shown = match found.broken {
        Some(why) => Err(why),
        None => api.engine.shown(&catalog, &found.row),
    };
    let (mail, why_not) = match shown {
        Ok(mail) => (Some(mail), None),
        Err(why) => (None, Some(why)),
    };
    let gate = found.verdict.why().filter(|_| found.verdict != Verdict::Go).map(gate_words);
    let (workflow, via, lacks) = (found.workflow, found.row.via, found.lacks);
    Ok(Json(MailView { workflow, via, mail, why_not, gate, lacks }))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct TrialBody {
    /// Who gets a mail.
    to: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TrialView {
    name: String,
    works: bool,
    /// What works, or what does not.
    found: String,
}

/// `POST /v1/connections/{name}/test`
pub(crate) async fn try_connection(
    _: Caller<Steer>,
    State(api): State<Shared>,
    Named(name): Named<String>,
    OptionalJson(body): OptionalJson<TrialBody>,
) -> Result<Json<TrialView>, Problem> {
    if !api.engine.catalog().workspace.connections.contains_key(&name) {
        return Err(Problem::not_found("connection", &name));
    }
    let no_address = |to: &String| {
        let detail = format!("`{to}` is no mail address: write `ada@example.com`");
        Problem::new(Kind::InvalidBody, detail).at("to")
    };
    let to = body.to.map(|to| Mailbox::parse(&to).ok_or_else(|| no_address(&to))).transpose()?;
    let found = api.engine.try_connection(name.clone(), to).await;
    let works = found.is_ok();
    Ok(Json(TrialView { name, works, found: found.unwrap_or_else(|why| why) }))
}
