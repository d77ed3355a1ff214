//! What happens to a lead, told as stories. Lines with `>` come from outside, `~` is a timer, and the indented lines
//! are the notes of that transition. A story is run, and what was noted is compared with what is written here.
//!
//! Times are wall-clock times in New York in 2026. 2 March is a Monday, and clocks go forward on the 8th.

#[path = "../support/mod.rs"]
mod support;
mod teller;

mod consent;
mod contacts;
mod deals;
mod escalations;
mod faults;
mod give_up;
mod groups;
mod http;
mod interrupts;
mod order;
mod own_words;
mod owners;
mod sendings;
mod ways;
mod who_is_there;
