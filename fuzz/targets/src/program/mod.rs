//! A program that makes any calls of the C interface, as client, as server or as both.
//!
//! It only knows what every program has to know: which results there are, that each command ends
//! exactly once, and that memory which the library gave can be used.

mod agent;
pub(crate) mod call;
mod client;
mod sent;
mod server;

use crate::binding::*;
use crate::bytes::Bytes;
use sent::Sent;
use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use vdi::codes::*;

pub(crate) use agent::Worker;

/// Handles, buffers and commands that the program has, or had.
pub(crate) struct Program {
    sets: Vec<Handle>,
    devices: Vec<Handle>,
    servers: Vec<Handle>,
    server_devices: Vec<Handle>,
    /// Pointers from vdi_get_command().
    commands: Vec<*const VdcCommand>,
    /// Addresses of buffers, in any role; they may be gone.
    buffers: Vec<*mut u8>,
    handles: Vec<u32>,
    sent: Vec<Arc<Sent>>,
    agents: [Worker; 2],
    /// Requests for memory so far.
    areas: usize,
    /// Whether only honest processes take part: then nothing is unexpected.
    honest: bool,
}

/// Names of sets and devices: the first is that of the set.
const NAMES: [&str; 4] = ["set", "set-1", "set-2", "other"];
/// Longest wait in milliseconds.
const WAIT: u8 = 3;
/// Most requests for memory in a case.
const MOST_AREAS: usize = 6;

impl Program {
    pub(crate) fn new(honest: bool) -> Self {
        Self {
            sets: Vec::new(),
            devices: Vec::new(),
            servers: Vec::new(),
            server_devices: Vec::new(),
            commands: Vec::new(),
            buffers: Vec::new(),
            handles: Vec::new(),
            sent: Vec::new(),
            agents: [Worker::new(), Worker::new()],
            areas: 0,
            honest,
        }
    }

    /// Makes the call of that number.
    pub(crate) fn call(&mut self, number: u8, bytes: &mut Bytes<'_>) {
        match number {
            call::CREATE..=call::CLOSE => self.client_call(number, bytes),
            call::SERVER_OPEN..=call::SERVER_CLOSE => self.server_call(number, bytes),
            call::NAMES.. => {
                text_at(vdi_result_name(bytes.u32() as i32));
                text_at(vdi_command_name(bytes.u32() as i32));
            }
        }
    }

    /// What holds for the result of every call.
    fn check(&self, result: i32) -> i32 {
        let name = text_at(vdi_result_name(result));
        assert_ne!(name, "unknown result", "{result}");
        if result != NOERROR {
            let why = last_error();
            // Names are part of some texts, and the fuzzer knows how to spell this.
            let (_, what) = why
                .split_once(": ")
                .expect("the function, and what is wrong");
            assert!(!what.starts_with("internal error"), "{why}");
            assert!(result != VD_E_UNEXPECTED || !self.honest, "{why}");
        }
        result
    }

    /// A call that opens something: what it stores, and its result.
    fn opened(&self, out: *mut Handle, slot: &Handle, result: i32) -> Option<Handle> {
        let result = self.check(result);
        if out != (&raw const *slot).cast_mut() {
            assert_ne!(result, NOERROR, "there is no place for the handle");
            return None;
        }
        assert_eq!(result == NOERROR, !slot.is_null());
        (result == NOERROR).then_some(*slot)
    }

    /// Closes everything, and sees every command ended.
    pub(crate) fn end(mut self) {
        for server in std::mem::take(&mut self.servers) {
            vdi_server_close(server);
        }
        for worker in &mut self.agents {
            worker.wait();
        }
        for set in std::mem::take(&mut self.sets) {
            vdi_close(set);
        }
        for sent in &self.sent {
            sent.check();
        }
    }
}

/// Starts what the library keeps for as long as the process.
pub(crate) fn warm_up() {
    let mut program = Program::new(true);
    program.call(call::CREATE, &mut Bytes::new(&[]));
    program.call(call::SERVER_OPEN, &mut Bytes::new(&[]));
    assert_eq!((program.sets.len(), program.servers.len()), (1, 1));
    program.end();
}

/// One of the handles, mostly of the right kind; now and then one of another kind, or none at all.
fn handle(of_kind: &[Handle], others: [&[Handle]; 3], bytes: &mut Bytes<'_>) -> Handle {
    let choice = bytes.u8();
    let nth = |list: &[Handle]| list.get(usize::from(choice) % list.len().max(1)).copied();
    match choice {
        0xff => null_mut(),
        0xfe => bytes.u64() as usize as Handle,
        0xf8.. => nth(others[usize::from(choice) % 3]).unwrap_or(8 as Handle),
        _ => nth(of_kind).unwrap_or(16 as Handle),
    }
}

/// Where a call is to store something: now and then nowhere, or in a place that is misaligned.
fn place<T>(slot: &mut T, bytes: &mut Bytes<'_>) -> *mut T {
    match bytes.u8() {
        0xff => null_mut(),
        0xfe => (&raw mut *slot).wrapping_byte_add(1),
        _ => slot,
    }
}

/// What a call is to read, as [`place`].
fn source<T>(value: &T, bytes: &mut Bytes<'_>) -> *const T {
    match bytes.u8() {
        0xff => null(),
        0xfe => (&raw const *value).wrapping_byte_add(1),
        _ => value,
    }
}

/// A string for a call; it lives as long as the value.
struct Text(Option<CString>);

impl Text {
    /// Any bytes without a NUL.
    fn any(bytes: &mut Bytes<'_>) -> Self {
        let length = usize::from(bytes.u16() % 600);
        let text: Vec<u8> = bytes.take(length).to_vec();
        Self(
            CString::new(
                text.into_iter()
                    .filter(|byte| *byte != 0)
                    .collect::<Vec<_>>(),
            )
            .ok(),
        )
    }

    /// A name, mostly one of a few.
    fn name(bytes: &mut Bytes<'_>) -> Self {
        match bytes.u8() {
            0xff => Self(None),
            0xfe => Self::any(bytes),
            choice => Self(CString::new(NAMES[usize::from(choice) % NAMES.len()]).ok()),
        }
    }

    /// An instance, mostly the default one.
    fn instance(bytes: &mut Bytes<'_>) -> Self {
        match bytes.u8() {
            0xff => Self(CString::new("instance").ok()),
            0xfe => Self::any(bytes),
            _ => Self(None),
        }
    }

    fn pointer(&self) -> *const c_char {
        self.0.as_ref().map_or(null(), |text| text.as_ptr())
    }
}

/// The first and the last byte of memory that the library gave.
fn touch(address: *mut u8, size: usize) {
    for at in [0, size.saturating_sub(1)] {
        let byte = address.wrapping_add(at);
        // SAFETY: the library says that the memory is there; if not, the case is a finding.
        let value = unsafe { byte.read_volatile() };
        // SAFETY: as above.
        unsafe { byte.write_volatile(value ^ 1) };
    }
}
