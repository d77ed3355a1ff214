//! What comes from outside: events and commands for leads. Each is turned into a command of the heart; what all of them need is
//! read in one go; and each is answered when the batch that applies it is durable.

use super::batch::Taken;
use super::desk::Desk;
use super::pool::Called;
use super::room::Room;
use crate::engine::{Accepted, Applied, Refused, Request};
use cadenza_core::heart::{Command, Outcome, Rejected};
use cadenza_store::StoreError;
use tokio::sync::oneshot;

/// A command from outside, and who waits for it.
pub(super) enum Asked {
    /// An event from outside.
    Report(Command, oneshot::Sender<Result<Accepted, Refused>>),
    /// An event to a lead.
    Lead(Command, oneshot::Sender<Result<Applied, Refused>>),
}

impl Asked {
    /// The command for the heart that this request makes; a request that is no such command is given back.
    pub(super) fn of(request: Request, desk: &Desk) -> Result<Self, Box<Request>> {
        match request {
            Request::Report(incoming, reply) => {
                let keys = incoming.keys(&desk.catalog.live);
                Ok(Self::Report(Command::Report(Box::new(incoming), keys), reply))
            }
            Request::Lead { lead, id, event, reply } => {
                Ok(Self::Lead(Command::Event { lead, id, event: Box::new(event) }, reply))
            }
            other => Err(Box::new(other)),
        }
    }

    pub(super) const fn command(&self) -> &Command {
        match self {
            Self::Report(command, _) | Self::Lead(command, _) => command,
        }
    }

    /// The request again, as it came.
    pub(super) fn into_request(self) -> Option<Request> {
        match self {
            Self::Report(Command::Report(incoming, _), reply) => Some(Request::Report(*incoming, reply)),
            Self::Lead(Command::Event { lead, id, event }, reply) => {
                Some(Request::Lead { lead, id, event: *event, reply })
            }
            Self::Report(..) | Self::Lead(..) => None,
        }
    }

    /// Runs the command over the records that were read.
    pub(super) async fn run(self, desk: &mut Desk, room: &mut Room) -> Result<(), StoreError> {
        match self {
            Self::Report(command, reply) => report(desk, room, command, reply).await,
            Self::Lead(command, reply) => lead(desk, command, reply).await,
        }
    }
}

async fn report(
    desk: &mut Desk,
    room: &mut Room,
    command: Command,
    reply: oneshot::Sender<Result<Accepted, Refused>>,
) -> Result<(), StoreError> {
    if let Some(refused) = room.refuses(desk) {
        desk.meters.commands_refused_total.add(1);
        let _ = reply.send(Err(refused));
        return Ok(());
    }
    let now = desk.clock.now();
    match desk.run_prefetched(&command, Called::Nobody, now).await? {
        Ok(Outcome::Accepted(accepted)) => {
            let counted = if accepted.duplicate {
                &desk.meters.events_duplicate_total
            } else {
                &desk.meters.events_applied_total
            };
            counted.add(1);
            desk.open.taken.push(Taken::Report(command, reply, Ok(accepted)));
        }
        // The first event may still be on its way to the disk, so this reply goes out with a later batch.
        Err(why @ Rejected::Conflict { .. }) => {
            desk.open.taken.push(Taken::Report(command, reply, Err(why.into())));
        }
        Err(why) => drop(reply.send(Err(why.into()))),
        Ok(_) => {}
    }
    Ok(())
}

async fn lead(
    desk: &mut Desk,
    command: Command,
    reply: oneshot::Sender<Result<Applied, Refused>>,
) -> Result<(), StoreError> {
    let Command::Event { lead, .. } = &command else { return Ok(()) };
    let (lead, now) = (*lead, desk.clock.now());
    match desk.run_prefetched(&command, Called::Nobody, now).await? {
        Ok(Outcome::Applied(notes)) => {
            if let Some(state) = desk.state(lead) {
                let applied = Applied { notes, state: Box::new(state.clone()) };
                desk.open.taken.push(Taken::Lead(command, reply, applied));
            }
        }
        Err(why) => drop(reply.send(Err(why.into()))),
        Ok(_) => {}
    }
    Ok(())
}
