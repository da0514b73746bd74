//! What the log has said already of calls that a program makes again and again.

use std::ffi::c_int;
use std::sync::Mutex;

/// An answer of an object. The handle is part of it, since another set is news at the same address.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Answer {
    pub(crate) object: usize,
    pub(crate) handle: usize,
    pub(crate) member: &'static str,
    pub(crate) code: c_int,
}

/// The last answers that were new.
struct Answers {
    known: [Option<Answer>; KNOWN],
    next: usize,
}

/// More than a program has devices at a time; with still more of them, lines come again.
const KNOWN: usize = 256;

static ANSWERS: Mutex<Answers> = Mutex::new(Answers::none());

/// Whether it has not been said, as far as is known; it has been from now on.
pub(crate) fn is_new(answer: Answer) -> bool {
    // A forked child may find the lock taken for ever; a line too many is no harm.
    ANSWERS
        .try_lock()
        .map_or(true, |mut answers| answers.is_new(answer))
}

impl Answers {
    const fn none() -> Self {
        let known = [None; KNOWN];
        Self { known, next: 0 }
    }

    fn is_new(&mut self, answer: Answer) -> bool {
        if self.known.contains(&Some(answer)) {
            return false;
        }
        self.known[self.next] = Some(answer);
        self.next = (self.next + 1) % KNOWN;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_new_once_until_many_others_have_come() {
        let first = Answer {
            object: 8,
            handle: 16,
            member: "GetCommand",
            code: -1,
        };
        let mut answers = Answers::none();
        let others = [
            Answer { object: 9, ..first },
            Answer {
                handle: 17,
                ..first
            },
            Answer {
                member: "GetConfiguration",
                ..first
            },
            Answer { code: -2, ..first },
        ];
        for answer in [first].iter().chain(&others) {
            assert!(answers.is_new(*answer));
            assert!(!answers.is_new(*answer));
        }
        assert!(!answers.is_new(first));
        for object in 100..100 + KNOWN {
            assert!(answers.is_new(Answer { object, ..first }));
        }
        assert!(answers.is_new(first));
    }
}
