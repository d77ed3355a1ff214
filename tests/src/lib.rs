//! End to end: the real binary in a folder of its own, used over HTTP as its users would. Knows nothing
//! of the engine's internals.

pub mod bomb;
mod client;
pub mod guest;
pub mod hostile;
mod mailbox;
mod process;
pub mod project;
mod site;
mod smtp;
mod wait;
mod webhook;

pub use client::{Answer, Client};
pub use mailbox::{Mail, Mailbox};
pub use process::{Engine, cadenza};
pub use site::Site;
pub use smtp::{SmtpServer, python};
pub use wait::eventually;
pub use webhook::{Delivery, now_s, secret};
