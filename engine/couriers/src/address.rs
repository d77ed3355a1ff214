//! Web addresses that things are sent to. User and password go into a header. Only the scheme, host and port of an
//! address are ever shown, because paths and queries carry secrets too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::header::HeaderValue;
use percent_encoding::percent_decode_str;
use std::fmt;

/// An address, ready for use.
#[derive(Clone, Debug)]
pub struct Address {
    /// Without user and password.
    pub uri: Uri,
    /// User and password, in the form of an `Authorization` header.
    pub authorization: Option<HeaderValue>,
}

/// The text is not a web address. The error does not repeat the text, because there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no web address such as https://host/path")]
pub struct NoAddress;

impl Address {
    /// Reads an address with its scheme.
    pub fn parse(text: &str) -> Result<Self, NoAddress> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(NoAddress)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        // A fragment is never sent.
        let path = path.split('#').next().unwrap_or_default();
        let uri: Uri = format!("{}://{host}{path}", scheme.to_ascii_lowercase()).parse().map_err(|_| NoAddress)?;
        // What follows a colon but is not a port may be the rest of a password.
        let port_is_one = uri.authority().is_some_and(|whole| whole.port().is_some() || whole.host() == whole.as_str());
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if !matches!(uri.scheme_str(), Some("http" | "https")) || !has_host || !port_is_one {
            return Err(NoAddress);
        }
        Ok(Self { uri, authorization: user.map(basic).transpose()? })
    }
}

/// `user:password`, percent-encoded as in an address, as a header.
fn basic(user: &str) -> Result<HeaderValue, NoAddress> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let plain = [percent_decode_str(name).collect::<Vec<u8>>(), percent_decode_str(password).collect()].join(&b':');
    let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain))).map_err(|_| NoAddress)?;
    header.set_sensitive(true);
    Ok(header)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}", self.uri.scheme_str().unwrap_or_default())
    }
}

/// What may be shown of a text that should be an address.
pub fn shown(text: &str) -> String {
    Address::parse(text).map_or_else(|NoAddress| "…".to_owned(), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_of_an_address_is_shown() {
        for (text, shows, authorization) in [
            ("https://mail.example/send", "https://mail.example", None),
            ("HTTP://mail.example:8025", "http://mail.example:8025", None),
            ("https://mail.example/services/T0/s3cret?key=s3cret#s3cret", "https://mail.example", None),
            ("https://ada:s3cret@mail.example/x", "https://mail.example", Some("Basic YWRhOnMzY3JldA==")),
            ("https://ada:s3%40cret@mail.example", "https://mail.example", Some("Basic YWRhOnMzQGNyZXQ=")),
            ("https://ada:s3@cret@mail.example", "https://mail.example", Some("Basic YWRhOnMzQGNyZXQ=")),
            ("https://s3cret@mail.example", "https://mail.example", Some("Basic czNjcmV0Og==")),
            ("http://[::1]:9/x", "http://[::1]:9", None),
            // A slash in a password that was not encoded: the host would be `ada`, and its port not a number.
            ("https://ada:s3/cret@mail.example", "…", None),
            ("ada:s3cret@mail.example", "…", None),
            ("ftp://ada:s3cret@mail.example", "…", None),
            ("https://", "…", None),
            ("https:///path", "…", None),
            ("", "…", None),
        ] {
            assert_eq!(shown(text), shows, "{text}");
            let read = Address::parse(text).ok().and_then(|address| address.authorization);
            assert_eq!(read.as_ref().and_then(|header| header.to_str().ok()), authorization, "{text}");
            assert!(!format!("{:?}", Address::parse(text)).contains("YWRh"), "{text}: no header is printed");
        }
    }
}
