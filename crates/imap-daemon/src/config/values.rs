//! Values of settings: an address, who may send a password in the clear.

use std::net::SocketAddr;
use std::str::FromStr;

use clap::ValueEnum;
use serde::Deserialize;

/// Who may send a password without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PlaintextLogin {
    /// Clients on the same machine.
    #[default]
    FromLoopback,
    /// Everybody: only behind a proxy that ends TLS.
    FromAnywhere,
    /// Nobody.
    Never,
}

impl From<PlaintextLogin> for imap_server::PlaintextLogin {
    fn from(login: PlaintextLogin) -> Self {
        match login {
            PlaintextLogin::FromLoopback => Self::FromLoopback,
            PlaintextLogin::FromAnywhere => Self::FromAnywhere,
            PlaintextLogin::Never => Self::Never,
        }
    }
}

/// An IP address and a port to listen on; port 0 lets the system choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(address: &str) -> Result<Self, String> {
        address.parse().map(Self).map_err(|_| {
            format!("{address:?} is not IP:PORT, such as 127.0.0.1:143, 0.0.0.0:143 or [::]:143")
        })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(address: String) -> Result<Self, String> {
        address.parse()
    }
}
