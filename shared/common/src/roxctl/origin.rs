//! Where the bytes come from: one file of a mirror, of Central, or of this computer.

use std::path::PathBuf;

use http::Response;
use hyper::body::Incoming;

use super::address::Address;
use super::error::RoxctlError;
use super::http::{Http, Offset};
use crate::central::{CentralClient, CentralError};

/// One file, and how it is asked for.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// A file of a mirror.
    Mirror {
        /// How mirrors are talked to.
        http: Http,
        /// Its address.
        address: Address,
    },
    /// A file that Central offers.
    Central {
        /// The client.
        client: CentralClient,
        /// Its name.
        name: String,
    },
    /// A file of this computer.
    File(PathBuf),
}

impl Origin {
    /// The address or the path, for people and for receipts.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Mirror { address, .. } => address.shown(),
            Self::Central { client, name } => {
                format!("{}/api/cli/download/{name}", client.endpoint())
            }
            Self::File(path) => path.display().to_string(),
        }
    }

    /// What an answer with `status` instead of the file means.
    pub(super) fn refused(&self, status: u16) -> RoxctlError {
        let message = format!("it answered {status}");
        match (self, status) {
            (Self::Central { .. }, 401) => CentralError::Unauthorized { message }.into(),
            (Self::Central { .. }, 403) => CentralError::Forbidden { message }.into(),
            _ => RoxctlError::Refused { place: self.describe(), status },
        }
    }

    /// Asks for it over the network, from `offset` on.
    pub(super) async fn open(&self, offset: &Offset) -> Result<Response<Incoming>, RoxctlError> {
        match self {
            Self::Mirror { http, address } => http.get(address, offset).await,
            Self::Central { client, name } => {
                let validator = offset.validator.as_ref();
                Ok(client.open_cli(name, offset.bytes, validator).await?)
            }
            Self::File(path) => {
                let reason = "it is a file of this computer".to_owned();
                Err(RoxctlError::Unreachable { place: path.display().to_string(), reason })
            }
        }
    }
}
