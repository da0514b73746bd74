//! A cell that is filled once.

use super::{Mutex, PoisonError};
use std::sync::OnceLock;

#[derive(Default)]
pub(crate) struct OnceCell<T> {
    value: OnceLock<T>,
    filling: Mutex<()>,
}

impl<T> OnceCell<T> {
    pub(crate) fn new() -> Self {
        Self {
            value: OnceLock::new(),
            filling: Mutex::new(()),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    pub(crate) fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let _alone = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = make()?;
        Ok(self.value.get_or_init(|| value))
    }
}
