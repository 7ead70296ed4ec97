//! How many clients may be connected, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The slots for connections: so many in all, so many for each address.
#[derive(Debug)]
pub(crate) struct Slots {
    in_use: Arc<Mutex<InUse>>,
    total: usize,
    per_address: usize,
}

#[derive(Debug, Default)]
struct InUse {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A slot in use; dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct Slot {
    in_use: Arc<Mutex<InUse>>,
    address: IpAddr,
}

impl Slots {
    pub(crate) fn new(total: usize, per_address: usize) -> Self {
        Self {
            in_use: Arc::default(),
            total,
            per_address,
        }
    }

    /// A slot for a client at `address`, or why there is none.
    pub(crate) fn take(&self, address: IpAddr) -> Result<Slot, &'static str> {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        if in_use.total >= self.total {
            return Err("too many connections");
        }
        let here = in_use.by_address.get(&address).copied().unwrap_or_default();
        if here >= self.per_address {
            return Err("too many connections from your address");
        }
        in_use.by_address.insert(address, here + 1);
        in_use.total += 1;
        Ok(Slot {
            in_use: Arc::clone(&self.in_use),
            address,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut in_use = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.total -= 1;
        if let Some(here) = in_use.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                in_use.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn an_address_without_a_connection_is_not_remembered() {
        let address = |last| IpAddr::from(Ipv4Addr::new(192, 0, 2, last));
        for per_address in [0, 1] {
            let slots = Slots::new(10, per_address);
            let taken: Vec<_> = (0..20).map(|last| slots.take(address(last))).collect();
            assert_eq!(taken.iter().filter(|slot| slot.is_ok()).count(), 10 * per_address);
            drop(taken);
            assert!(slots.in_use.lock().unwrap().by_address.is_empty(), "{slots:?}");
        }
    }
}
