//! No patience: a waiter that has found nothing sleeps at once.
//!
//! How long the library's own looks depends on the clock. A wait looks once before it has patience and
//! once before it sleeps; more looks in between find nothing else.

use std::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Patience;

impl Patience {
    pub(super) fn spin<T>(
        &self,
        _spinners: &Spinners,
        _deadline: Option<Instant>,
        _ready: &mut impl FnMut() -> Option<T>,
    ) -> Option<T> {
        None
    }
}

pub(crate) struct Spinners;

pub(crate) static SPINNERS: Spinners = Spinners;

impl Spinners {
    pub(crate) fn set_processors(&self, _count: usize) {}
}
