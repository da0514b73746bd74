//! Panics of a model are not contained: the model has failed.

pub(crate) fn contain<T>(body: impl FnOnce() -> T) -> Option<T> {
    Some(body())
}
