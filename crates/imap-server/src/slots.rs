//! How many clients may be connected, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The slots for connections: so many in all, so many for each address.
#[derive(Debug)]
pub(crate) struct Slots {
    taken: Arc<Mutex<Taken>>,
    total: usize,
    per_address: usize,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One taken slot; dropping it frees the slot.
#[derive(Debug)]
pub(crate) struct Slot {
    taken: Arc<Mutex<Taken>>,
    address: IpAddr,
}

impl Slots {
    pub(crate) fn new(total: usize, per_address: usize) -> Self {
        Self {
            taken: Arc::default(),
            total,
            per_address,
        }
    }

    /// A slot for a client at `address`, or why there is none.
    pub(crate) fn take(&self, address: IpAddr) -> Result<Slot, &'static str> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.total {
            return Err("too many connections");
        }
        let here = taken.by_address.entry(address).or_default();
        if *here >= self.per_address {
            return Err("too many connections from your address");
        }
        *here += 1;
        taken.total += 1;
        Ok(Slot {
            taken: Arc::clone(&self.taken),
            address,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        if let Some(here) = taken.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}
