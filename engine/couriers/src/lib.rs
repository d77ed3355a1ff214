//! How messages leave: over HTTP, signed. Knows the runtime's contract of a courier, and no lead.

mod address;
mod causes;
mod connector;

pub use address::{Address, NoAddress, shown};
pub use causes::causes;
pub use connector::{Connector, https};
