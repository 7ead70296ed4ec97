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
        let here = in_use.by_address.entry(address).or_default();
        if *here >= self.per_address {
            return Err("too many connections from your address");
        }
        *here += 1;
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
