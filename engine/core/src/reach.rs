//! Which network addresses are inside: they belong to this machine, to a private network, or to nobody. A workflow's
//! request goes to such an address only through a connection that allows it. Knows ranges of addresses, and looks
//! nothing up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to somebody on the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Ranges that belong to nobody on the public internet, each with the number of bits that its addresses share (IANA's
/// special-purpose address registries).
const INSIDE_V4: [(Ipv4Addr, u32); 14] = [
    // "This network": Linux treats it as this machine.
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Behind a carrier's address translation.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local. Cloud services that hand out credentials are found here.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // For benchmarks of networks.
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved, including the broadcast address.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !INSIDE_V4.iter().any(|(range, shared)| (bits ^ range.to_bits()) >> (32 - shared) == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match (a, b) {
        // The unspecified address, this machine, and an IPv4 address in two spellings.
        (0, 0) if [c, d, e] == [0; 3] && (f == 0 || f == 0xFFFF) => f == 0xFFFF && is_public_v4(v4(g, h)),
        // An IPv4 address, translated (RFC 6052), or translated within one network (RFC 8215).
        (0x64, 0xFF9B) => [c, d, e, f] == [0; 4] && is_public_v4(v4(g, h)),
        // Through a tunnel (6to4), and through one that hides where it ends (Teredo).
        (0x2002, _) => is_public_v4(v4(b, c)),
        (0x2001, 0) => false,
        // For documentation.
        (0x2001, 0x0DB8) | (0x3FFF, 0..0x1000) => false,
        // Only these are given out: not the unique local, link-local, site-local and multicast addresses.
        _ => a >> 13 == 1,
    }
}

/// Whether the host of an address names, without a look-up, something that is not on the public internet: a literal
/// address in any spelling that systems accept, or this machine.
pub fn names_inside(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
    let literal = host.parse().ok().or_else(|| loosely(&host).map(IpAddr::V4));
    literal.map_or_else(|| host == "localhost" || host.ends_with(".localhost"), |address| !is_public(address))
}

/// An IPv4 address as `inet_aton` reads it: one to four numbers, also octal and hexadecimal, the last of which fills
/// the rest: `127.1`, `0x7f000001`, `2130706433`, `0177.0.0.1`.
fn loosely(host: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = host.split('.').collect();
    let (last, first) = parts.split_last().filter(|(_, first)| first.len() < 4)?;
    let mut bits: u32 = 0;
    for part in first {
        bits = (bits << 8) | u32::from(u8::try_from(number(part)?).ok()?);
    }
    let left = 32 - 8 * first.len() as u32;
    let last = number(last)?;
    if u64::from(last) >> left != 0 {
        return None;
    }
    Some(Ipv4Addr::from_bits(if left == 32 { last } else { (bits << left) | last }))
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some("") => Some(0),
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_inside_is_known_in_every_spelling() {
        for inside in [
            "127.0.0.1",
            "127.255.255.254",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:c0a8:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
            assert!(names_inside(inside), "{inside}");
        }
        for public in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "169.253.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "2a00:1450::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
            assert!(!names_inside(public), "{public}");
        }
    }

    #[test]
    fn a_host_that_names_this_machine_or_a_private_network_is_known_without_asking() {
        for inside in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "[::1]",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "10.1",
            "0",
            "0x0",
            "0x",
            "192.168.257",
            "[::ffff:7f00:1]",
        ] {
            assert!(names_inside(inside), "{inside}");
        }
        for outside in [
            "api.example.com",
            "localhost.example.com",
            "notlocalhost",
            "1.1",
            "16843009",
            "1.2.3.4.5",
            "256.1.1.1",
            "0x100000000",
            "127.0.0.1.example.com",
            "08.1",
            "",
            "+127.0.0.1",
        ] {
            assert!(!names_inside(outside), "{outside}");
        }
    }
}
