//! The first-party plugins as components, compiled from their sources by this crate's build script. Knows nothing of
//! how they are run.

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));
