//! The buffer areas that this process knows of.

use crate::error::{Error, ErrorKind, Result};
use crate::participant::lock;
use crate::shm::area::Area;
use std::sync::{Arc, Mutex};

/// Areas by their number; they arrive in order, and none is ever taken away. [BUF-10]
#[derive(Default)]
pub(super) struct Areas(Mutex<Vec<Arc<Area>>>);

impl Areas {
    /// Adds the next area.
    pub(super) fn add(&self, area: Arc<Area>) -> Result<()> {
        let mut areas = lock(&self.0);
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
        lock(&self.0).get(index).cloned()
    }

    /// How many areas have arrived.
    pub(super) fn count(&self) -> usize {
        lock(&self.0).len()
    }
}
