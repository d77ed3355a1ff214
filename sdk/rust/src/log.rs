//! What a plugin logs while it decides.

/// Logs a line, formatted like `format!`. `cadenza plugin test` prints it, and the engine keeps it with the
/// decision. It has no effect on the decision. It may name people, so the engine shows it to nobody else. At
/// most 100 lines per decision.
#[macro_export]
macro_rules! log {
    ($($format:tt)+) => {
        $crate::say(&::std::format!($($format)+))
    };
}

#[doc(hidden)]
pub fn say(line: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::contract::log::line(line);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{line}");
}
