//! The shape of every member function: a body with a result, and a line in the log if it failed.

use crate::log;
use crate::object::Object;
use crate::said::{self, Answer};
use std::borrow::Cow;
use std::ffi::c_int;
use vdi::codes::{NOERROR, VD_E_UNEXPECTED};
use vdi::ffi::{Facts, run_exported};

/// Why a call failed.
pub(crate) struct Failure {
    pub(crate) code: c_int,
    /// What to say of it; `None` for what `vdi` has said last.
    pub(crate) text: Option<Cow<'static, str>>,
}

impl Failure {
    pub(crate) fn new(code: c_int, text: impl Into<Cow<'static, str>>) -> Self {
        let text = Some(text.into());
        Self { code, text }
    }
}

pub(crate) type Outcome = Result<(), Failure>;

/// The result of a function of `vdi`.
pub(crate) fn outcome(code: c_int) -> Outcome {
    match code {
        NOERROR => Ok(()),
        code => Err(Failure { code, text: None }),
    }
}

/// A member function, and which of its failures are written down.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// Ordinary answers, which are not.
    pub(crate) ordinary: &'static [c_int],
}

/// Runs the body of a member function; `facts` tells of its object if it has failed.
pub(crate) fn run(
    member: &Member,
    facts: impl FnOnce() -> Option<Facts>,
    body: impl FnOnce() -> Outcome,
) -> c_int {
    run_unless(member, |_| false, facts, body)
}

/// The same for an object that a program asks again and again: the same answer is written down once.
pub(crate) fn run_again<H>(
    member: &Member,
    (this, handle): (*const Object<H>, *mut H),
    facts: impl FnOnce() -> Option<Facts>,
    body: impl FnOnce() -> Outcome,
) -> c_int {
    let is_old = |code| {
        !said::is_new(Answer {
            object: this.addr(),
            handle: handle.addr(),
            member: member.name,
            code,
        })
    };
    run_unless(member, is_old, facts, body)
}

fn run_unless(
    member: &Member,
    is_old: impl FnOnce(c_int) -> bool,
    facts: impl FnOnce() -> Option<Facts>,
    body: impl FnOnce() -> Outcome,
) -> c_int {
    let code = run_exported(|| {
        let Err(failure) = body() else { return NOERROR };
        let code = failure.code;
        if !member.ordinary.contains(&code) && log::is_wanted() && !is_old(code) {
            log::write(member.name, &failure, facts);
        }
        code
    });
    code.unwrap_or(VD_E_UNEXPECTED)
}
