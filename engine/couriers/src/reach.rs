//! Connections to the public internet alone: what a name leads to is looked at when it is looked up for a connection, so that
//! neither another spelling of an address nor a name that leads elsewhere the next time gets through. Ranges are core's.

use cadenza_core::reach;
use hyper::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

type Fault = Box<dyn Error + Send + Sync>;
type Later<T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>;

/// The host is not on the public internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host is not on the public internet, and the connection does not say `private: true`")]
pub(crate) struct NotPublic;

/// Whether an attempt failed because the host is not on the public internet.
pub(crate) fn is_inside(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<NotPublic>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// Connects to public addresses, and to no others.
#[derive(Clone)]
pub(crate) struct PublicOnly(HttpConnector<PublicNames>);

impl PublicOnly {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new_with_resolver(PublicNames(GaiResolver::new()));
        // The layer above speaks TLS where the address says so.
        connector.enforce_http(false);
        Self(connector)
    }
}

impl Service<Uri> for PublicOnly {
    type Response = <HttpConnector<PublicNames> as Service<Uri>>::Response;
    type Error = Fault;
    type Future = Later<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // A literal address is not looked up.
        let literal = uri.host().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if literal.is_some_and(|address| !reach::is_public(address)) {
            return Box::pin(async { Err(NotPublic.into()) });
        }
        let connecting = self.0.call(uri);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}

/// The public addresses of a name.
#[derive(Clone)]
pub(crate) struct PublicNames(GaiResolver);

impl Service<Name> for PublicNames {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Fault;
    type Future = Later<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.0.call(name);
        Box::pin(async move { public(found.await?).map_err(Into::into) })
    }
}

/// Those of the addresses that are public; an error when there are only others.
fn public(found: impl Iterator<Item = SocketAddr>) -> Result<std::vec::IntoIter<SocketAddr>, NotPublic> {
    let (public, inside): (Vec<_>, Vec<_>) = found.partition(|address| reach::is_public(address.ip()));
    if public.is_empty() && !inside.is_empty() { Err(NotPublic) } else { Ok(public.into_iter()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr as _;

    #[tokio::test]
    async fn no_spelling_of_an_address_inside_is_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        listener.set_nonblocking(true).expect("it can be asked");
        for host in [
            "127.0.0.1",
            "localhost",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0.0.0.0",
            "0",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::]",
        ] {
            let uri = Uri::from_str(&format!("http://{host}:{port}/")).expect("an address");
            let error = PublicOnly::new().call(uri).await.map(drop).expect_err(host);
            let known = is_inside(error.as_ref());
            // A system may not know some of these spellings: then nobody is found, which is as good.
            assert!(known || !host.parse::<IpAddr>().is_ok_and(|_| true) && host != "localhost", "{host}: {error}");
            let nobody = listener.accept().map(drop).expect_err("nobody connects").kind();
            assert_eq!(nobody, std::io::ErrorKind::WouldBlock, "{host}");
        }
    }

    #[test]
    fn of_a_name_that_leads_inside_and_outside_only_the_outside_is_taken() {
        let address = |text: &str| SocketAddr::new(text.parse().expect("an address"), 0);
        let of = |texts: &[&str]| public(texts.iter().map(|text| address(text))).map(Iterator::collect::<Vec<_>>);
        assert_eq!(of(&["10.0.0.1", "1.1.1.1", "::1"]), Ok(vec![address("1.1.1.1")]));
        assert_eq!(of(&["::ffff:10.0.0.1", "169.254.169.254"]), Err(NotPublic));
        assert_eq!(of(&[]), Ok(vec![]), "a name without addresses is said to be one by whoever connects");
    }
}
