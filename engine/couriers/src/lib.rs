//! How messages are sent: over HTTP, signed, and as mails over SMTP. Knows the runtime's courier contract, but no lead.

mod address;
mod by_transport;
mod causes;
mod connector;
mod dkim;
mod leaving;
mod letters;
mod mail;
mod mail_courier;
mod markdown;
mod reach;
mod request;
mod smtp;

pub use address::{Address, NoAddress, shown};
pub use by_transport::ByTransport;
pub use causes::causes;
pub use connector::{Connector, https};
pub use mail_courier::MailCourier;
