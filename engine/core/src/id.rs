//! Identifiers: 128 bits, the first 48 of them milliseconds, so that keys made of them are ordered by time.
//!
//! No id is drawn at random here. An id made in `step` is its lead's id with a sequence number in the last bits, so a
//! replay gives the same ids, and a run, task or effect leads to its lead without a look-up.

use crate::time::Timestamp;
use std::fmt;

/// The number of logical partitions, which is fixed in the data folder's header.
pub const PARTITIONS: u16 = 256;

/// Mixes two words: the finaliser of SplitMix64 (Steele, Lea, Flood 2014). Stored ids depend
/// on it, so it must never change.
const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a ^ b.rotate_left(32) ^ 0x9E37_79B9_7F4A_7C15;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A 64-bit FNV-1a hash, mixed. Stored keys depend on it, so it must never change.
pub fn hash64(bytes: &[u8]) -> u64 {
    let mut hash = Hash64::default();
    hash.feed(bytes);
    hash.finish()
}

/// The same hash as [`hash64`], for bytes that come in parts.
#[derive(Clone, Debug)]
pub struct Hash64 {
    hash: u64,
    length: u64,
}

impl Default for Hash64 {
    fn default() -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, length: 0 }
    }
}

impl Hash64 {
    /// Adds bytes to the hash.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        self.length += bytes.len() as u64;
    }

    /// The hash of the bytes added so far.
    pub fn finish(&self) -> u64 {
        mix(self.hash, self.length)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "crate::id::wire")] pub u128);

        impl $name {
            /// The prefix of the id's text.
            pub const PREFIX: &'static str = $prefix;

            /// Reads the public text: the prefix and 26 characters of Crockford's base 32.
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                (rest.len() == 26).then(|| ulid::Ulid::from_string(rest).ok()).flatten().map(|id| Self(id.0))
            }

            /// The time in the id, in milliseconds since 1970 UTC.
            pub const fn timestamp(self) -> Timestamp { Timestamp::from_ms((self.0 >> 80) as i64) }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!($prefix, "{}"), ulid::Ulid(self.0)) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!(
                    "`{text}` is no id of this kind: it is `{}` and 26 characters", $prefix)))
            }
        }
    )+};
}

/// The bits at the end of an id that number what belongs to a lead. With 20 bits, a lead may have a million runs, tasks
/// and effects.
const BORN_BITS: u32 = 20;
/// The most runs, tasks and effects that a lead may ever have, taken together.
pub const BORN_MAX: u64 = (1 << BORN_BITS) - 1;

/// The id of something that belongs to no lead: 48 bits of milliseconds, 60 bits of hash, 20 zero bits.
const fn root(at: Timestamp, seed: u64) -> u128 {
    let ms = if at.as_ms() > 0 { at.as_ms() } else { 0 };
    ((ms as u128) << 80) | ((mix(seed, ms as u64) >> 4) as u128) << BORN_BITS
}

ids! {
    /// A person (or an address not yet known to be one) who may buy.
    LeadId = "ld_",
    /// One passage of one lead through one workflow.
    RunId = "rn_",
    /// Something a rep is asked to do.
    TaskId = "tk_",
    /// One thing to be carried out outside the engine. The id is also its idempotency key.
    EffectId = "fx_",
    /// An event that came without an id, so that we gave it one. Other events from outside have ids of their own, as text.
    EventId = "ev_",
    /// A company to which leads belong.
    AccountId = "ac_",
}

impl LeadId {
    /// The id of a lead that was first heard of at `at`, through the event with this hash.
    pub const fn new(at: Timestamp, seed: u64) -> Self {
        Self(root(at, seed))
    }

    /// When the lead was first heard of.
    pub const fn heard_at(self) -> Timestamp {
        Timestamp::from_ms((self.0 >> 80) as i64)
    }

    /// The greatest id that a lead first heard of at or before `at` can have.
    pub const fn last_of(at: Timestamp) -> Self {
        Self(root(at, 0) | ((1 << 80) - 1))
    }

    /// The logical partition that owns the lead and everything that belongs to it.
    pub const fn partition(self) -> u8 {
        (mix((self.0 >> BORN_BITS) as u64, 0) % PARTITIONS as u64) as u8
    }
}

impl EventId {
    /// The id of an event that came without one.
    pub const fn new(at: Timestamp, seed: u64) -> Self {
        Self(root(at, seed))
    }
}

impl AccountId {
    /// The id of the account with this key. It contains no time, so that whoever knows the key knows the id.
    pub fn of_key(key: &str) -> Self {
        let high = hash64(key.as_bytes());
        Self(u128::from(high) << 64 | u128::from(mix(high, key.len() as u64)))
    }

    /// The logical partition whose owner watches the account's deadlines.
    pub const fn partition(self) -> u8 {
        ((self.0 >> 64) as u64 % PARTITIONS as u64) as u8
    }
}

macro_rules! born_of_a_lead {
    ($($name:ident),+) => {$(
        impl $name {
            /// The id of the run, task or effect with this sequence number. It leads back to its lead.
            pub const fn born(lead: LeadId, sequence: u64) -> Self {
                Self(lead.0 | (sequence & BORN_MAX) as u128)
            }

            /// The lead to which it belongs.
            pub const fn lead(self) -> LeadId {
                LeadId(self.0 & !(BORN_MAX as u128))
            }

            /// The number by which its lead's journal names it.
            pub const fn in_journal(self) -> Born {
                Born((self.0 & BORN_MAX as u128) as u32)
            }
        }
    )+};
}
born_of_a_lead!(RunId, TaskId, EffectId);

/// A run, task or message as its own lead's journal names it: by its number alone, which takes a sixth of an id's space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode)]
#[cbor(transparent)]
pub struct Born(#[n(0)] u32);

impl Born {
    /// The sequence number, from which the whole id can be restored.
    pub const fn number(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Debug for Born {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Reads the number, or the whole id, which an earlier program wrote instead.
impl<'b, C> minicbor::Decode<'b, C> for Born {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        match d.datatype()? {
            minicbor::data::Type::Bytes => Ok(Self((wire::decode(d, ctx)? & BORN_MAX as u128) as u32)),
            _ => d.u32().map(Self),
        }
    }
}

/// The first eight bytes of the SHA-256 of a workflow with its scripts, or of a plugin; shown as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Digest(#[n(0)] pub u64);

impl Digest {
    /// Takes the first eight bytes of a SHA-256.
    pub fn of_hash(hash: &[u8; 32]) -> Self {
        let mut head = [0; 8];
        head.copy_from_slice(&hash[..8]);
        Self(u64::from_be_bytes(head))
    }

    /// Reads 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no digest: it is 16 hex digits")))
    }
}

/// Reads and writes ids as 16 raw bytes.
pub(crate) mod wire {
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};

    pub(crate) fn encode<C, W: Write>(id: &u128, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.bytes(&id.to_be_bytes())?.ok()
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<u128, DecodeError> {
        let bytes: [u8; 16] = d.bytes()?.try_into().map_err(|_| DecodeError::message("an id has 16 bytes"))?;
        Ok(u128::from_be_bytes(bytes))
    }
}

/// Reads and writes a digest that may be missing. Earlier programs wrote zeros when it was.
pub(crate) mod known {
    use super::Digest;
    use minicbor::decode::{Decoder, Error as DecodeError};
    use minicbor::encode::{Encoder, Error as EncodeError, Write};
    use minicbor::{Decode as _, Encode as _};

    pub(crate) fn encode<C, W: Write>(
        digest: &Option<Digest>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        digest.encode(e, ctx)
    }

    pub(crate) fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Option<Digest>, DecodeError> {
        Ok(Option::<Digest>::decode(d, ctx)?.filter(|digest| digest.0 != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_born_of_a_lead_leads_back_to_it() {
        for (ms, seed) in [(0, 0), (-5, 7), (1_772_000_000_000, 1), (281_474_976_710_655, u64::MAX)] {
            let lead = LeadId::new(Timestamp::from_ms(ms), seed);
            for number in [1, 2, 4_711, BORN_MAX] {
                let run = RunId::born(lead, number);
                assert_eq!(run.lead(), lead, "run {number} of {lead}");
                assert_eq!(TaskId::born(lead, number).0, run.0, "the number alone tells them apart");
                assert_eq!(run.timestamp(), lead.timestamp(), "{run}");
                assert_eq!(run.lead().partition(), lead.partition());
            }
            assert_ne!(RunId::born(lead, 1), RunId::born(lead, 2));
        }
    }

    #[test]
    fn ids_are_ordered_by_time() {
        let early = LeadId::new(Timestamp::from_ms(1_000), u64::MAX);
        assert!(early < LeadId::new(Timestamp::from_ms(1_001), 0), "a later id is the larger one");
    }

    #[test]
    fn texts_are_read_back_and_other_texts_refused() {
        let lead = LeadId::new(Timestamp::from_ms(1_772_000_000_000), 42);
        assert_eq!(LeadId::parse(&lead.to_string()), Some(lead));
        assert_eq!(Digest::parse(&Digest(0xAB).to_string()), Some(Digest(0xAB)));
        for text in [
            "",
            "ld_",
            "ld_01",
            "rn_01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "ld_01ARZ3NDEKTSV4RRFFQ69G5FA!",
        ] {
            assert_eq!(LeadId::parse(text), None, "`{text}`");
        }
    }
}
