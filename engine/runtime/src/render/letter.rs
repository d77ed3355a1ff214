//! Who sends a mail, and which thread it belongs to. Decided once, with its text.

use super::RenderError;
use cadenza_core::id::EffectId;
use cadenza_core::identity;
use cadenza_core::lead::{Channel, RepId};
use cadenza_core::mailer::{Letter, Mailbox, Mailer, Sender};
use cadenza_core::step::View;
use cadenza_core::workflow::Verb;
use cadenza_core::workspace::Team;

/// How many earlier mails of a thread are named: the first, by which readers find the thread, and the latest.
const FOLLOWS_MAX: usize = 10;

/// What a mail of this lead has besides its text.
pub fn letter(mailer: &Mailer, view: &View<'_>) -> Result<Letter, RenderError> {
    let team = &view.live.settings.team;
    let found = mailer.from.iter().find_map(|sender| match sender {
        Sender::Owner => of_rep(team, view.state.lead.owner.as_ref()?),
        Sender::Role(role) => of_rep(team, view.run?.roles.get(role)?),
        Sender::Rep(rep) => of_rep(team, rep),
        Sender::Fixed(mailbox) => Some((mailbox.clone(), None)),
    });
    let (from, signature) = found.ok_or_else(|| {
        let senders: Vec<String> = mailer.from.iter().map(ToString::to_string).collect();
        RenderError::NoSender(senders.join(", "))
    })?;
    Ok(Letter { from, reply_to: mailer.reply_to.clone(), signature, date: view.now, follows: follows(view) })
}

/// A rep as a sender, with the signature; `None` for one who is not in the team or has no address.
fn of_rep(team: &Team, rep: &RepId) -> Option<(Mailbox, Option<String>)> {
    let mailbox = mailbox_of(team, rep)?;
    Some((mailbox, team.reps.get(rep)?.signature.clone()))
}

/// The name and address of a rep; `None` for one who is not in the team or has no address.
pub fn mailbox_of(team: &Team, rep: &RepId) -> Option<Mailbox> {
    let rep = team.reps.get(rep)?;
    let address = identity::email(rep.email.as_deref()?)?;
    Some(Mailbox { name: Some(rep.name.clone()), address })
}

/// The earlier mails of the run's cadence, the oldest first. Other steps each begin a thread of their own.
fn follows(view: &View<'_>) -> Vec<EffectId> {
    let Some(run) = view.run else { return Vec::new() };
    let step = view.definitions.get(&run.workflow).and_then(|workflow| workflow.step(run.step));
    if !step.is_some_and(|step| matches!(step.verb, Verb::Cadence(_))) {
        return Vec::new();
    }
    // The mail by which the run came to the cadence was handed over at the very time when it came.
    let of_cadence = view
        .state
        .lead
        .touches
        .iter()
        .filter(|touch| touch.run == Some(run.id) && touch.channel == Channel::Email && touch.at > run.entered_at);
    let mut mails: Vec<EffectId> = of_cadence.filter_map(|touch| touch.effect).collect();
    if mails.len() > FOLLOWS_MAX {
        mails.drain(1..=mails.len() - FOLLOWS_MAX);
    }
    mails
}
