//! The class `ClientVirtualDeviceSet`.

use crate::call::{Failure, Member, Outcome, outcome, run, run_again};
use crate::environment::{LOG, Settings};
use crate::new_object::NewObject;
use crate::object::Object;
use crate::{log, place, timeout};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;
use vdi::Name;
use vdi::codes::{VD_E_INVALID, VD_E_MEMORY, VD_E_OPEN, VD_E_PROTOCOL};
use vdi::ffi::{self, Facts, VDConfig, vdi_device, vdi_set};

type Set = Object<vdi_set>;
type Device = Object<vdi_device>;

/// `ClientVirtualDeviceSet::ClientVirtualDeviceSet()`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSetC1Ev")]
unsafe extern "C" fn construct(this: *const Set) {
    // SAFETY: module contract.
    if let Some(set) = unsafe { Set::at(this) } {
        set.set(ptr::null_mut());
    }
}

/// The constructor for a base class of an object.
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSetC2Ev")]
unsafe extern "C" fn construct_base(this: *const Set) {
    // SAFETY: module contract.
    unsafe { construct(this) }
}

/// `ClientVirtualDeviceSet::~ClientVirtualDeviceSet()` [AMB-33]
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSetD1Ev")]
unsafe extern "C" fn destroy(this: *const Set) {
    const MEMBER: Member = Member {
        name: "ClientVirtualDeviceSet::~ClientVirtualDeviceSet",
        // There is mostly nothing to close any more.
        ordinary: &[VD_E_PROTOCOL],
    };
    // SAFETY: module contract.
    unsafe { close_as(&MEMBER, this) };
}

/// The destructor for a base class of an object.
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSetD2Ev")]
unsafe extern "C" fn destroy_base(this: *const Set) {
    // SAFETY: module contract.
    unsafe { destroy(this) }
}

/// `int ClientVirtualDeviceSet::Create(char *, VDConfig *)`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet6CreateEPcP8VDConfig")]
unsafe extern "C" fn create(
    this: *const Set,
    name: *const c_char,
    config: *const VDConfig,
) -> c_int {
    const MEMBER: Member = member("ClientVirtualDeviceSet::Create");
    let open = |settings: &Settings, set: &mut *mut vdi_set| {
        let options = settings.create_options();
        // SAFETY: module contract; the others are of this function.
        unsafe { ffi::vdi_create(ptr::null(), name, config, &raw const options, set) }
    };
    let complete = !name.is_null() && !config.is_null() && config.is_aligned();
    // SAFETY: module contract.
    let facts = || unsafe { facts_of_name(name) };
    // SAFETY: module contract.
    let object = unsafe { Set::at(this) };
    run(&MEMBER, facts, || open_with(object, complete, open))
}

/// `int ClientVirtualDeviceSet::OpenInSecondary(char *)`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet15OpenInSecondaryEPc")]
unsafe extern "C" fn open_in_secondary(this: *const Set, name: *const c_char) -> c_int {
    const MEMBER: Member = member("ClientVirtualDeviceSet::OpenInSecondary");
    let open = |_: &Settings, set: &mut *mut vdi_set| {
        // SAFETY: module contract; `set` is of this function.
        unsafe { ffi::vdi_open_in_secondary(ptr::null(), name, set) }
    };
    let complete = !name.is_null();
    // SAFETY: module contract.
    let facts = || unsafe { facts_of_name(name) };
    // SAFETY: module contract.
    let object = unsafe { Set::at(this) };
    run(&MEMBER, facts, || open_with(object, complete, open))
}

/// Opens a set by a function of `vdi` and puts its handle into an object that has no set open. The
/// function itself refuses what is not `complete`: a pointer that is none is told first.
fn open_with(
    object: Option<&Set>,
    complete: bool,
    open: impl FnOnce(&Settings, &mut *mut vdi_set) -> c_int,
) -> Outcome {
    let has_room = ffi::has_room();
    if has_room {
        // First, so that whatever fails here is written where the log goes from now on.
        place::set(ffi::variable(LOG));
    }
    let object = object.ok_or(Failure::new(VD_E_INVALID, "this is null or misaligned"))?;
    let before = object.handle();
    if complete && ffi::is_open(before) {
        return Err(in_use());
    }
    if !has_room {
        let text = "this process is out of memory";
        return Err(Failure::new(VD_E_MEMORY, text));
    }
    let settings = Settings::read().map_err(|text| Failure::new(VD_E_INVALID, text))?;
    let mut set = ptr::null_mut();
    outcome(open(&settings, &mut set))?;
    if !object.replace(before, set) {
        // SAFETY: the handle is of this function.
        unsafe { ffi::vdi_close(set) };
        return Err(in_use());
    }
    timeout::set_command_unit(settings.command_unit);
    Ok(())
}

fn in_use() -> Failure {
    Failure::new(VD_E_PROTOCOL, "this object has a set open: close it first")
}

/// `int ClientVirtualDeviceSet::GetConfiguration(time_t, VDConfig *)`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet16GetConfigurationElP8VDConfig")]
unsafe extern "C" fn get_configuration(
    this: *const Set,
    timeout: libc::time_t,
    config: *mut VDConfig,
) -> c_int {
    const MEMBER: Member = member("ClientVirtualDeviceSet::GetConfiguration");
    // SAFETY: module contract.
    let set = unsafe { Set::handle_at(this) };
    let timeout = timeout::of_configuration(timeout);
    let facts = || ffi::set_facts(set);
    run_again(&MEMBER, (this, set), facts, || {
        // SAFETY: module contract.
        outcome(unsafe { ffi::vdi_get_configuration(set, timeout, config) })
    })
}

/// `int ClientVirtualDeviceSet::OpenDevice(char *, ClientVirtualDevice **)`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet10OpenDeviceEPcPP19ClientVirtualDevice")]
unsafe extern "C" fn open_device(
    this: *const Set,
    name: *const c_char,
    out_device: *mut *mut Device,
) -> c_int {
    const MEMBER: Member = Member {
        name: "ClientVirtualDeviceSet::OpenDevice",
        // A program may open devices until there is none left. [CSET-OPENDEV-04]
        ordinary: &[VD_E_OPEN],
    };
    // SAFETY: module contract.
    let set = unsafe { Set::handle_at(this) };
    let facts = || ffi::set_facts(set);
    run(&MEMBER, facts, || {
        if out_device.is_null() || !out_device.is_aligned() {
            let text = "the pointer to the device pointer is null or misaligned";
            return Err(Failure::new(VD_E_INVALID, text));
        }
        // SAFETY: module contract.
        let device = open_object(|handle| unsafe { ffi::vdi_open_device(set, name, handle) });
        let (device, result) = match device {
            Ok(device) => (device, Ok(())),
            Err(failure) => (ptr::null_mut(), Err(failure)),
        };
        // SAFETY: module contract, and checked above.
        unsafe { out_device.write(device) };
        result
    })
}

/// A new object for the device that a function of `vdi` opens. The object comes first: a device that
/// is open cannot be given back.
fn open_object(open: impl FnOnce(*mut *mut vdi_device) -> c_int) -> Result<*mut Device, Failure> {
    let object = ffi::has_room().then(NewObject::make).flatten();
    let text = "no memory for the device object";
    let object = object.ok_or(Failure::new(VD_E_MEMORY, text))?;
    let mut handle = ptr::null_mut();
    outcome(open(&raw mut handle))?;
    Ok(object.give(handle))
}

/// `int ClientVirtualDeviceSet::Close()`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet5CloseEv")]
unsafe extern "C" fn close(this: *const Set) -> c_int {
    const MEMBER: Member = member("ClientVirtualDeviceSet::Close");
    // SAFETY: module contract.
    unsafe { close_as(&MEMBER, this) }
}

/// Closes the set of an object. The handle may stay in it: no handle is used twice.
unsafe fn close_as(member: &Member, this: *const Set) -> c_int {
    // SAFETY: module contract.
    let set = unsafe { Set::handle_at(this) };
    let facts = Cell::new(None);
    run(
        member,
        || facts.take(),
        || {
            // Afterwards nobody knows the set any more.
            facts.set(log::is_wanted().then(|| ffi::set_facts(set)).flatten());
            // SAFETY: any handle may be closed.
            outcome(unsafe { ffi::vdi_close(set) })
        },
    )
}

/// `int ClientVirtualDeviceSet::SignalAbort()`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet11SignalAbortEv")]
unsafe extern "C" fn signal_abort(this: *const Set) -> c_int {
    const MEMBER: Member = member("ClientVirtualDeviceSet::SignalAbort");
    const REASON: &CStr = c"the client program called SignalAbort";
    // SAFETY: module contract.
    let set = unsafe { Set::handle_at(this) };
    let facts = || ffi::set_facts(set);
    run(&MEMBER, facts, || {
        // SAFETY: the text is a constant.
        outcome(unsafe { ffi::vdi_signal_abort(set, REASON.as_ptr()) })
    })
}

/// `int ClientVirtualDeviceSet::GetBufferHandle(uint8_t *, unsigned int *)`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet15GetBufferHandleEPhPj")]
unsafe extern "C" fn get_buffer_handle(
    this: *const Set,
    buffer: *const u8,
    out_handle: *mut c_uint,
) -> c_int {
    const MEMBER: Member = member("ClientVirtualDeviceSet::GetBufferHandle");
    // SAFETY: module contract.
    let set = unsafe { Set::handle_at(this) };
    let facts = || ffi::set_facts(set);
    run(&MEMBER, facts, || {
        // SAFETY: module contract.
        outcome(unsafe { ffi::vdi_get_buffer_handle(set, buffer.cast(), out_handle) })
    })
}

/// `int ClientVirtualDeviceSet::MapBufferHandle(int, uint8_t **)`
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet15MapBufferHandleEiPPh")]
unsafe extern "C" fn map_buffer_handle(
    this: *const Set,
    handle: c_int,
    out_buffer: *mut *mut c_void,
) -> c_int {
    const MEMBER: Member = member("ClientVirtualDeviceSet::MapBufferHandle");
    // SAFETY: module contract.
    let set = unsafe { Set::handle_at(this) };
    let facts = || ffi::set_facts(set);
    run(&MEMBER, facts, || {
        // The two functions disagree about the sign; it is 32 bits. [CSET-BUFH-08]
        let handle = handle as u32;
        // SAFETY: module contract.
        outcome(unsafe { ffi::vdi_map_buffer_handle(set, handle, out_buffer) })
    })
}

/// `void ClientVirtualDeviceSet::RegisterDeviceClosed()`: without effect. [AMB-32]
#[unsafe(export_name = "_ZN22ClientVirtualDeviceSet20RegisterDeviceClosedEv")]
extern "C" fn register_device_closed(_this: *const Set) {}

/// A member function all of whose failures are written down.
const fn member(name: &'static str) -> Member {
    Member {
        name,
        ordinary: &[],
    }
}

/// A set that is not open has its name only.
///
/// # Safety
///
/// `name` is null or a NUL-terminated string.
unsafe fn facts_of_name(name: *const c_char) -> Option<Facts> {
    if name.is_null() {
        return None;
    }
    // SAFETY: NUL-terminated by contract.
    let set = Name::new(unsafe { CStr::from_ptr(name) }.to_bytes()).ok()?;
    Some(Facts {
        set,
        device: None,
        abort: None,
    })
}
