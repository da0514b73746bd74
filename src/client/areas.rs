//! The buffer areas that this process knows of.

use crate::error::{Error, ErrorKind, Result};
use crate::participant::lock;
use crate::shm::area::Area;
use crate::sync::Mutex;
use std::sync::Arc;

/// Areas by their number; they arrive in order, and none is ever taken away. [BUF-10]
#[derive(Default)]
pub(super) struct Areas {
    arrived: Mutex<Vec<Arc<Area>>>,
    /// Why the next one does not arrive, if it cannot.
    lost: Mutex<Option<Error>>,
}

impl Areas {
    /// Adds the next area.
    pub(super) fn add(&self, area: Arc<Area>) -> Result<()> {
        let mut areas = lock(&self.arrived);
        if usize::try_from(area.index()) != Ok(areas.len()) {
            return Err(Error::new(
                ErrorKind::Unexpected,
                format!("buffer area {} comes out of order", area.index()),
            ));
        }
        areas.push(area);
        Ok(())
    }

    /// The area of that number, if it has arrived.
    pub(super) fn get(&self, index: u32) -> Option<Arc<Area>> {
        let index = usize::try_from(index).ok()?;
        lock(&self.arrived).get(index).cloned()
    }

    /// How many areas have arrived.
    pub(super) fn count(&self) -> usize {
        lock(&self.arrived).len()
    }

    /// Notes that no other area will arrive.
    pub(super) fn lose(&self, why: &Error) {
        lock(&self.lost).get_or_insert_with(|| why.clone());
    }

    /// Why an area that has not arrived never will.
    pub(super) fn lost(&self) -> Option<Error> {
        lock(&self.lost).clone()
    }
}
