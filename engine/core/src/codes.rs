//! Closed sets of codes, such as segments, outcomes and channels. One table gives the enum, the numbers
//! in records and the public texts.
//!
//! A number is never reused for another code, because stored records carry it.

/// A closed set of codes, for code that treats several such sets alike.
pub trait Code: Copy + Eq + 'static {
    /// Every code of the set, in the order of the table.
    fn codes() -> &'static [Self];
    /// The public text of the code.
    fn word(self) -> &'static str;
}

macro_rules! codes {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $number:literal $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            minicbor::Encode, serde::Serialize, serde::Deserialize,
        )]
        #[cbor(index_only)]
        $vis enum $name {
            $($(#[$doc])* #[n($number)] #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every code of the set, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The public text of the code, as YAML, CEL and the HTTP API spell it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The code with this public text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl $crate::codes::Code for $name {
            fn codes() -> &'static [Self] { Self::ALL }
            fn word(self) -> &'static str { self.as_str() }
        }

        /// Reads the number, or the text, which an earlier program wrote instead.
        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                if d.datatype()? == minicbor::data::Type::String {
                    let at = d.position();
                    let unknown = || minicbor::decode::Error::message("a code that is not known").at(at);
                    return Self::parse(d.str()?).ok_or_else(unknown);
                }
                match d.i64()? {
                    $($number => Ok(Self::$variant),)+
                    other => Err(minicbor::decode::Error::unknown_variant(other)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}
pub(crate) use codes;
