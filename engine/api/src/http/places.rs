//! Who may be connected at the same time. Each address has a share, so one that opens thousands of connections keeps
//! nobody else out. A connection beyond the limits gets one of a few reserved places, where a health check is answered
//! whatever happens in the others. A place is given back when its guard is dropped.

use crate::http::limits::Limits;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The places of a listener.
pub(crate) struct Places {
    taken: Mutex<Taken>,
    connections_max: usize,
    per_address_max: usize,
    reserved: usize,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_address: BTreeMap<IpAddr, usize>,
    /// The reserved places in use, oldest first, each with the bell that tells its connection to leave.
    reserved: VecDeque<(u64, Arc<Notify>)>,
    next: u64,
}

/// The place of a connection.
pub(crate) enum Place {
    /// An ordinary place, from its address's share.
    Own(Guard),
    /// A reserved place. The connection leaves it when the bell rings.
    Reserved(Guard, Arc<Notify>),
}

/// Gives the place back when dropped.
pub(crate) struct Guard {
    places: Arc<Places>,
    whose: Whose,
}

enum Whose {
    Address(IpAddr),
    Reserved(u64),
}

impl Places {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            taken: Mutex::default(),
            connections_max: limits.connections_max,
            per_address_max: limits.connections_per_address_max,
            reserved: limits.reserved_places.max(1),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from this address; there is always one.
    pub(crate) fn take(self: &Arc<Self>, from: IpAddr) -> Place {
        let address = network(from);
        let guard = |whose| Guard { places: Arc::clone(self), whose };
        let mut taken = self.taken();
        let of_address = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.all < self.connections_max && of_address < self.per_address_max {
            taken.all += 1;
            taken.by_address.insert(address, of_address + 1);
            return Place::Own(guard(Whose::Address(address)));
        }
        if taken.reserved.len() >= self.reserved
            && let Some((_, bell)) = taken.reserved.pop_front()
        {
            bell.notify_one();
        }
        let (number, bell) = (taken.next, Arc::new(Notify::new()));
        taken.next += 1;
        taken.reserved.push_back((number, Arc::clone(&bell)));
        Place::Reserved(guard(Whose::Reserved(number)), bell)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match self.whose {
            Whose::Address(address) => {
                taken.all -= 1;
                match taken.by_address.get_mut(&address) {
                    Some(count) if *count > 1 => *count -= 1,
                    _ => {
                        taken.by_address.remove(&address);
                    }
                }
            }
            Whose::Reserved(number) => taken.reserved.retain(|(other, _)| *other != number),
        }
    }
}

/// The address to which a share is given. With IPv6, whoever has one address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn own(place: &Place) -> bool {
        matches!(place, Place::Own(_))
    }

    #[test]
    fn an_address_has_its_share_and_everybody_a_reserved_place() {
        let limits =
            Limits { connections_max: 5, connections_per_address_max: 3, reserved_places: 2, ..Limits::default() };
        let places = Places::new(&limits);
        let take = |from: &str| places.take(from.parse().unwrap());
        let mut held: Vec<Place> = (0..3).map(|_| take("192.0.2.1")).collect();
        assert!(held.iter().all(own));
        assert!(!own(&take("192.0.2.1")) && !own(&take("::ffff:192.0.2.1")), "its share is used up");
        held.push(take("2001:db8::1"));
        held.push(take("2001:db8::ffff:1"));
        assert!(own(&held[3]) && own(&held[4]));
        assert!(!own(&take("198.51.100.7")), "all are taken");
        held.remove(0);
        held.push(take("2001:db8::2"));
        assert!(own(&held[4]), "two addresses of one network share");
        held.remove(4);
        held.remove(3);
        held.remove(2);
        assert_eq!(places.taken().by_address.len(), 1);
        held.clear();
        let taken = places.taken();
        assert_eq!((taken.all, taken.by_address.len(), taken.reserved.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn the_oldest_of_the_reserved_makes_room() {
        let limits = Limits { connections_max: 0, reserved_places: 2, ..Limits::default() };
        let places = Places::new(&limits);
        let reserved: Vec<_> = (0..4).map(|_| places.take("192.0.2.1".parse().unwrap())).collect();
        let mut asked = Vec::new();
        for place in &reserved {
            let Place::Reserved(_, bell) = place else { panic!("there is no other place") };
            asked.push(bell.notified().now_or_never().is_some());
        }
        assert_eq!(asked, [true, true, false, false]);
    }
}
