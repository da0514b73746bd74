//! What the log has said already of calls that a program makes again and again.

use std::ffi::c_int;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// An answer of an object. The handle is part of it, since another set is news at the same address.
#[derive(Clone, Copy, Hash)]
pub(crate) struct Answer {
    pub(crate) object: usize,
    pub(crate) handle: usize,
    pub(crate) member: &'static str,
    pub(crate) code: c_int,
}

/// The last answers that were new, as hashes: nothing is locked, so that no thread waits for another
/// one, which a forked child may not even have.
struct Answers {
    known: [AtomicU64; KNOWN],
    next: AtomicUsize,
}

/// More than a program has devices at a time; with still more of them, lines come again.
const KNOWN: usize = 256;

static ANSWERS: Answers = Answers::none();

/// Whether it has not been said, as far as is known; it has been from now on. Of threads that ask for
/// the same one at once, several may be told that it is new.
pub(crate) fn is_new(answer: Answer) -> bool {
    ANSWERS.is_new(answer)
}

impl Answers {
    const fn none() -> Self {
        Self {
            known: [const { AtomicU64::new(0) }; KNOWN],
            next: AtomicUsize::new(0),
        }
    }

    fn is_new(&self, answer: Answer) -> bool {
        let mut hasher = DefaultHasher::new();
        answer.hash(&mut hasher);
        let hash = hasher.finish();
        if self
            .known
            .iter()
            .any(|known| known.load(Ordering::Relaxed) == hash)
        {
            return false;
        }
        let place = self.next.fetch_add(1, Ordering::Relaxed) % KNOWN;
        self.known[place].store(hash, Ordering::Relaxed);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Answer = Answer {
        object: 8,
        handle: 16,
        member: "GetCommand",
        code: -1,
    };

    #[test]
    fn each_answer_is_new_once_until_many_others_have_come() {
        let answers = Answers::none();
        let others = [
            Answer { object: 9, ..FIRST },
            Answer {
                handle: 17,
                ..FIRST
            },
            Answer {
                member: "GetConfiguration",
                ..FIRST
            },
            Answer { code: -2, ..FIRST },
        ];
        for answer in [FIRST].iter().chain(&others) {
            assert!(answers.is_new(*answer));
            assert!(!answers.is_new(*answer));
        }
        assert!(!answers.is_new(FIRST));
        for object in 100..100 + KNOWN {
            assert!(answers.is_new(Answer { object, ..FIRST }));
        }
        assert!(answers.is_new(FIRST));
    }

    /// Threads that ask again and again do not make old answers new.
    #[test]
    fn threads_that_meet_hear_nothing_twice() {
        let answers = Answers::none();
        let news = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for object in 0..4 {
                let (answers, news) = (&answers, &news);
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        let is_new = answers.is_new(Answer { object, ..FIRST });
                        news.fetch_add(is_new.into(), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(news.into_inner(), 4);
    }
}
