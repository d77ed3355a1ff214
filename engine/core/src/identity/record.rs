//! What a key leads to: every lead that has it, and what binds the address or number itself, whoever has it.

use super::{IdentityKey, IdentityKind};
use crate::codes::codes;
use crate::contact::Channel;
use crate::id::LeadId;
use crate::time::Timestamp;
use minicbor::data::Type;
use minicbor::decode::{Decode, Decoder, Error as DecodeError};
use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};

/// The most leads that a key leads to. An address or number that more leads have identifies none of them. A further
/// lead that gets the key is not found by it and is not contacted there ([`Why::Crowded`]), because a later binding of
/// the key could not reach that lead.
pub const HOLDERS_MAX: usize = 512;

codes! {
    /// Why an address or number is bound, which means that some or all contact there is forbidden.
    pub enum Why {
        /// A lead that has it asked not to be contacted.
        0 OptedOut = "opted_out",
        /// Mail to it bounces.
        1 Bounced = "bounced",
        /// Someone other than the lead answers there.
        2 WrongNumber = "wrong_number",
        /// It must not be called; a message may be sent.
        3 DoNotCall = "do_not_call",
        /// More than [`HOLDERS_MAX`] leads have it.
        4 Crowded = "crowded",
    }
}

impl Why {
    /// Whether this reason forbids a touch on this channel, if the channel uses the key at all.
    pub const fn binds(self, channel: Channel) -> bool {
        match self {
            Self::DoNotCall => matches!(channel, Channel::Call),
            Self::WrongNumber => matches!(channel, Channel::Call | Channel::Message),
            Self::OptedOut | Self::Bounced | Self::Crowded => true,
        }
    }
}

/// One thing that binds a key, with its time and source.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Binding {
    #[n(0)]
    pub why: Why,
    #[n(1)]
    pub at: Timestamp,
    /// The source or the person that told us.
    #[n(2)]
    pub by: String,
    /// The lead whose own preference this is. The binding ends when the lead takes the preference back.
    #[n(3)]
    pub of: Option<LeadId>,
}

impl Binding {
    /// Whether this binding stays when the lead takes back the preference behind the other binding.
    pub const fn outlasts(&self, other: &Self) -> bool {
        self.of.is_none() && other.of.is_some()
    }
}

/// What a lead tells a key that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityMessage {
    /// The lead has the key from now on.
    Held,
    /// The key is bound, on every lead that has it.
    Bind(Binding),
    /// The key is bound, unless another lead also has it.
    BindAlone(Binding),
    /// The lead takes back the preference that binds the key for this reason.
    Release(Why),
}

/// Everything that is known of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The leads that have or had the key, in the order in which they got it; at most [`HOLDERS_MAX`].
    pub holders: Vec<LeadId>,
    /// What binds the key; at most one binding for each reason.
    pub bindings: Vec<Binding>,
}

/// What a message to a key means for the leads that have the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whether the key's record changed.
    pub changed: bool,
    /// The existing bindings that the speaking lead does not know of yet.
    pub to_speaker: Vec<Binding>,
    /// The new binding, for the other leads that have the key.
    pub to_others: Option<Binding>,
    /// The reason that no longer binds the key, for every lead that has it.
    pub released: Option<Why>,
    /// The lead that got the key last before the speaking lead, when the speaking lead is new to the key.
    pub shared_with: Option<LeadId>,
}

impl Identity {
    /// Handles a message from a lead.
    pub fn tell(&mut self, lead: LeadId, message: IdentityMessage, now: Timestamp) -> Told {
        match message {
            IdentityMessage::Held => self.hold(lead, now),
            IdentityMessage::BindAlone(_) if self.holders.iter().any(|holder| *holder != lead) => Told::default(),
            IdentityMessage::Bind(binding) | IdentityMessage::BindAlone(binding) => self.bind(binding),
            IdentityMessage::Release(why) => self.release(lead, why),
        }
    }

    fn release(&mut self, lead: LeadId, why: Why) -> Told {
        let count = self.bindings.len();
        self.bindings.retain(|binding| binding.why != why || binding.of != Some(lead));
        let changed = self.bindings.len() < count;
        Told { changed, released: changed.then_some(why), ..Told::default() }
    }

    fn hold(&mut self, lead: LeadId, now: Timestamp) -> Told {
        if self.holders.contains(&lead) {
            return Told::default();
        }
        let mut told = Told { to_speaker: self.bindings.clone(), ..Told::default() };
        if self.holders.len() >= HOLDERS_MAX {
            told.to_speaker.push(Binding { why: Why::Crowded, at: now, by: String::new(), of: None });
            return told;
        }
        told.shared_with = self.holders.last().copied();
        told.changed = true;
        self.holders.push(lead);
        told
    }

    fn bind(&mut self, binding: Binding) -> Told {
        if let Some(known) = self.bindings.iter_mut().find(|known| known.why == binding.why) {
            if !binding.outlasts(known) {
                return Told::default();
            }
            *known = binding.clone();
            return Told { changed: true, to_others: Some(binding), ..Told::default() };
        }
        self.bindings.push(binding.clone());
        Told { changed: true, to_others: Some(binding), ..Told::default() }
    }
}

/// A key with one lead and no binding is written as the lead's id alone, which was the form of every record before keys
/// could be shared.
impl<C> Encode<C> for Identity {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), EncodeError<W::Error>> {
        match (&self.holders[..], &self.bindings[..]) {
            ([lead], []) => lead.encode(e, ctx),
            (holders, bindings) => {
                e.map(2)?.u8(0)?.encode_with(holders, ctx)?;
                e.u8(1)?.encode_with(bindings, ctx)?;
                Ok(())
            }
        }
    }
}

impl<'b, C> Decode<'b, C> for Identity {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
        if !matches!(d.datatype()?, Type::Map) {
            return Ok(Self { holders: vec![LeadId::decode(d, ctx)?], bindings: Vec::new() });
        }
        let members = d.map()?.ok_or_else(|| DecodeError::message("a key's record is a map of known length"))?;
        let mut identity = Self::default();
        for _ in 0..members {
            match d.u8()? {
                0 => identity.holders = d.decode_with(ctx)?,
                1 => identity.bindings = d.decode_with(ctx)?,
                _ => d.skip()?,
            }
        }
        Ok(identity)
    }
}

/// One of a lead's keys, with what binds it.
#[derive(Clone, Debug, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct BoundKey {
    #[n(0)]
    pub key: IdentityKey,
    #[n(1)]
    pub binding: Binding,
}

/// The kind of key that a touch on this channel needs; `None` for channels that need none.
pub const fn needed_by(channel: Channel) -> Option<IdentityKind> {
    match channel {
        Channel::Email => Some(IdentityKind::Email),
        Channel::Call | Channel::Message => Some(IdentityKind::Phone),
        Channel::Meeting | Channel::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(why: Why) -> Binding {
        Binding { why, at: Timestamp::from_ms(7), by: "web".to_owned(), of: None }
    }

    fn lead(n: usize) -> LeadId {
        LeadId((n as u128 + 1) << 20)
    }

    #[test]
    fn what_leads_tell_a_key_and_what_it_tells_them() {
        use IdentityMessage::{Bind, BindAlone, Held, Release};
        let preference = Binding { of: Some(lead(1)), ..binding(Why::DoNotCall) };
        let opted_out = || binding(Why::OptedOut);
        let (now, mut key) = (Timestamp::from_ms(9), Identity::default());
        let told = |told: Told| (told.changed, told.shared_with, told.to_speaker.len(), told.to_others.is_some());
        for (what, who, message, expected) in [
            ("the first lead", 0, Held, (true, None, 0, false)),
            ("the same again", 0, Held, (false, None, 0, false)),
            ("its own opt-out binds it", 0, BindAlone(opted_out()), (true, None, 0, true)),
            ("once", 0, Bind(opted_out()), (false, None, 0, false)),
            ("the second lead hears of it", 1, Held, (true, Some(lead(0)), 1, false)),
            ("a bounce is everybody's", 1, Bind(binding(Why::Bounced)), (true, None, 0, true)),
            ("one's own word spares the other", 1, BindAlone(binding(Why::DoNotCall)), (false, None, 0, false)),
            ("a preference binds", 1, Bind(preference), (true, None, 0, true)),
            ("another lead does not take it back", 0, Release(Why::DoNotCall), (false, None, 0, false)),
            ("whose it is does", 1, Release(Why::DoNotCall), (true, None, 0, false)),
            ("an opt-out is not taken back", 0, Release(Why::OptedOut), (false, None, 0, false)),
        ] {
            assert_eq!(told(key.tell(lead(who), message, now)), expected, "{what}");
        }
        // A preference of one lead, then a statement by somebody else.
        let mut key = Identity::default();
        let preference = Binding { of: Some(lead(0)), ..opted_out() };
        for (what, who, message, expected) in [
            ("the one lead", 0, Held, (true, None, 0, false)),
            ("its preference", 0, BindAlone(preference.clone()), (true, None, 0, true)),
            ("somebody's word outlasts it, and whoever has it hears so", 1, Bind(opted_out()), (true, None, 0, true)),
            ("a preference does not outlast that", 0, Bind(preference), (false, None, 0, false)),
            ("and does not take it back", 0, Release(Why::OptedOut), (false, None, 0, false)),
        ] {
            assert_eq!(told(key.tell(lead(who), message, now)), expected, "{what}");
        }
        let mut key = Identity::default();
        for n in 0..HOLDERS_MAX {
            assert!(key.tell(lead(n), Held, now).changed, "lead {n}");
        }
        let crowded = key.tell(lead(HOLDERS_MAX), Held, now);
        assert!(
            !crowded.changed && crowded.to_speaker.iter().any(|binding| binding.why == Why::Crowded),
            "{crowded:?}"
        );
    }

    #[test]
    fn a_record_of_one_lead_is_its_id_as_it_always_was() {
        let alone = Identity { holders: vec![lead(0)], bindings: Vec::new() };
        let bytes = minicbor::to_vec(&alone).unwrap();
        assert_eq!(bytes, minicbor::to_vec(lead(0)).unwrap());
        let many = Identity { holders: vec![lead(0), lead(1)], bindings: vec![binding(Why::Bounced)] };
        let bound = Identity { holders: Vec::new(), bindings: vec![binding(Why::OptedOut)] };
        for identity in [alone, many, bound] {
            let bytes = minicbor::to_vec(&identity).unwrap();
            assert_eq!(minicbor::decode::<Identity>(&bytes).unwrap(), identity);
        }
    }
}
