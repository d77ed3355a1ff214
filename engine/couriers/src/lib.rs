//! How messages are sent: over HTTP, signed. Knows the runtime's courier contract, but no lead.

mod address;
mod causes;
mod connector;
mod reach;
mod request;

pub use address::{Address, NoAddress, shown};
pub use causes::causes;
pub use connector::{Connector, https};
