//! Where a set of a model is found.

use super::channel::Channel;
use crate::error::{Error, ErrorKind, Result};

#[derive(Clone)]
pub(crate) struct Address(pub(super) Vec<u8>);

impl Address {
    pub(crate) fn of(instance: &[u8], name: &[u8]) -> Result<Self> {
        Ok(Self([instance, name].join(&0)))
    }

    pub(crate) fn absent(&self, kind: ErrorKind) -> Error {
        Error::new(kind, "there is no such set")
    }

    pub(crate) fn mistrusted(&self, _primary: &Channel) -> Error {
        Error::new(ErrorKind::Security, "the set belongs to another user")
    }
}
