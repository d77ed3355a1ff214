//! How records name the parts of a definition. A step, a touch of a cadence and a script are each named by four bytes
//! of a hash of its id. An index into a list would mean something else in the next version of a file; a hash means the
//! same in all versions. Definitions and their outlines ([`super::Outline`]) keep the texts for ever. `validate`
//! refuses two ids with the same hash.

use crate::id::{Digest, hash64};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The first bit of every hash. A number without it is an index into a list, which is how earlier programs named these
/// parts.
const HASHED: u32 = 1 << 31;

const fn hashed(hash: u64) -> u32 {
    (hash >> 32) as u32 | HASHED
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] u32);

        impl $name {
            /// The name of the part with this id.
            pub fn of(id: &str) -> Self {
                Self(hashed(hash64(id.as_bytes())))
            }

            /// The index in the list, for a name that an earlier program wrote.
            pub const fn place(self) -> Option<usize> {
                if self.0 & HASHED == 0 { Some(self.0 as usize) } else { None }
            }

            /// The name as a number, for keys of counters.
            pub const fn number(self) -> u32 {
                self.0
            }

            /// The name with this number.
            pub const fn from_number(number: u32) -> Self {
                Self(number)
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                match d.datatype()? {
                    // Earlier programs wrote the text.
                    minicbor::data::Type::String => d.str().map(Self::of),
                    _ => d.u32().map(Self),
                }
            }
        }
    )+};
}

names! {
    /// A step of a workflow, by its id.
    StepId,
    /// A touch of a cadence, by its id.
    TouchId,
    /// A script, by its path.
    ScriptId,
}

/// A step in one version of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct StepRef {
    /// The digest of the workflow's version.
    #[n(0)]
    pub workflow: Digest,
    #[n(1)]
    pub step: StepId,
}

/// How records say where a run begins: at a step, or nowhere. Earlier programs wrote a [`super::Target`] here.
pub(crate) mod landing {
    use super::StepId;
    use minicbor::data::Type;
    use minicbor::{Decode as _, Decoder, Encode as _, Encoder};

    pub(crate) fn encode<C, W: minicbor::encode::Write>(
        step: &Option<StepId>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        step.encode(e, ctx)
    }

    pub(crate) fn decode<'b, C>(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Option<StepId>, minicbor::decode::Error> {
        if d.datatype()? != Type::Array {
            return Option::decode(d, ctx);
        }
        d.array()?;
        let is_step = d.u32()? == 0;
        let fields = d.array()?.unwrap_or_default();
        let mut place = None;
        for _ in 0..fields {
            place = Some(StepId(d.u32()?));
        }
        Ok(place.filter(|_| is_step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_version_wrote_is_read() {
        let hash = ScriptId::of("scripts/mail-1.md");
        for (written, read) in [
            (minicbor::to_vec(3_u16).unwrap(), ScriptId(3)),
            (minicbor::to_vec("scripts/mail-1.md").unwrap(), hash),
            (minicbor::to_vec(hash).unwrap(), hash),
        ] {
            assert_eq!(minicbor::decode::<ScriptId>(&written).unwrap(), read);
        }
        let landings = [(&[0x82, 0, 0x81, 4][..], Some(StepId(4))), (&[0x82, 1, 0x80], None), (&[0xF6], None)];
        for (written, read) in landings {
            assert_eq!(landing::decode(&mut minicbor::Decoder::new(written), &mut ()).unwrap(), read);
        }
        assert_eq!((ScriptId(3).place(), hash.place()), (Some(3), None), "no hash is taken for a place");
    }
}
