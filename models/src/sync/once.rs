//! A cell that is filled once.

use super::{Mutex, PoisonError};
use std::convert::Infallible;
use std::sync::OnceLock;

#[derive(Default)]
pub(crate) struct OnceCell<T> {
    value: OnceLock<T>,
    /// A mutex of a model checker cannot be made where a constant is wanted.
    filling: OnceLock<Mutex<()>>,
}

impl<T> OnceCell<T> {
    pub(crate) const fn new() -> Self {
        Self {
            value: OnceLock::new(),
            filling: OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    pub(crate) fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let filling = self.filling.get_or_init(|| Mutex::new(()));
        let _alone = filling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = make()?;
        Ok(self.value.get_or_init(|| value))
    }
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<T, Infallible>(make())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }
}
