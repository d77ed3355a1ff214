//! `sdk/wit` in Rust, generated. Nothing here is for authors; `export.rs` connects it with their traits.

#![allow(unsafe_code, reason = "the canonical ABI passes raw pointers; this is wit-bindgen's code, not ours")]
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated; the documentation is in sdk/wit")]

wit_bindgen::generate!({
    path: "../wit",
    // All kinds at once, so that they share their types. A guest exports those it names in `export!`.
    inline: "
        package cadenza:guest;
        world guest {
            import cadenza:plugin/log@1.0.0;
            export cadenza:plugin/types@1.0.0;
            export cadenza:plugin/describe@1.0.0;
            export cadenza:plugin/scorer@1.0.0;
            export cadenza:plugin/nurturer@1.0.0;
            export cadenza:plugin/escalator@1.0.0;
        }
    ",
    generate_all,
    pub_export_macro: true,
    disable_run_ctors_once_workaround: true,
    additional_derives: [PartialEq],
});

pub use self::cadenza::plugin::log;
pub use exports::cadenza::plugin::{describe, escalator, nurturer, scorer, types};
