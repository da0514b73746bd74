//! The class `ClientVirtualDevice`.

use crate::call::{Member, outcome, run, run_again};
use crate::object::Object;
use crate::timeout;
use std::ffi::{c_int, c_ulong};
use std::ptr;
use vdi::codes::{VD_E_CLOSE, VD_E_TIMEOUT};
use vdi::ffi::{self, VDC_Command, vdi_device};

type Device = Object<vdi_device>;

/// `ClientVirtualDevice::ClientVirtualDevice()`: a device that is not open. [AMB-33]
#[unsafe(export_name = "_ZN19ClientVirtualDeviceC1Ev")]
unsafe extern "C" fn construct(this: *const Device) {
    // SAFETY: module contract.
    if let Some(device) = unsafe { Device::at(this) } {
        device.set(ptr::null_mut());
    }
}

/// The constructor for a base class of an object.
#[unsafe(export_name = "_ZN19ClientVirtualDeviceC2Ev")]
unsafe extern "C" fn construct_base(this: *const Device) {
    // SAFETY: module contract.
    unsafe { construct(this) }
}

/// `ClientVirtualDevice::~ClientVirtualDevice()`: without effect, since the device belongs to its
/// set. [AMB-33]
#[unsafe(export_name = "_ZN19ClientVirtualDeviceD1Ev")]
extern "C" fn destroy(_this: *const Device) {}

/// The destructor for a base class of an object.
#[unsafe(export_name = "_ZN19ClientVirtualDeviceD2Ev")]
extern "C" fn destroy_base(_this: *const Device) {}

/// `int ClientVirtualDevice::GetCommand(time_t, VDC_Command **)`
#[unsafe(export_name = "_ZN19ClientVirtualDevice10GetCommandElPP11VDC_Command")]
unsafe extern "C" fn get_command(
    this: *const Device,
    timeout: libc::time_t,
    out_command: *mut *mut VDC_Command,
) -> c_int {
    const MEMBER: Member = Member {
        name: "ClientVirtualDevice::GetCommand",
        ordinary: &[VD_E_TIMEOUT, VD_E_CLOSE],
    };
    // SAFETY: module contract.
    let device = unsafe { Device::handle_at(this) };
    let timeout = timeout::of_command(timeout);
    let facts = || ffi::device_facts(device);
    run_again(&MEMBER, (this, device), facts, || {
        // SAFETY: module contract.
        outcome(unsafe { ffi::vdi_get_command(device, timeout, out_command) })
    })
}

/// `int ClientVirtualDevice::CompleteCommand(VDC_Command *, int, unsigned long, int64_t)`
#[unsafe(export_name = "_ZN19ClientVirtualDevice15CompleteCommandEP11VDC_Commandiml")]
unsafe extern "C" fn complete_command(
    this: *const Device,
    command: *const VDC_Command,
    code: c_int,
    bytes: c_ulong,
    position: i64,
) -> c_int {
    const MEMBER: Member = Member {
        name: "ClientVirtualDevice::CompleteCommand",
        ordinary: &[],
    };
    // SAFETY: module contract.
    let device = unsafe { Device::handle_at(this) };
    // More than the command structures can say is more than any command has. [LNX-07, AMB-34]
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    let facts = || ffi::device_facts(device);
    run(&MEMBER, facts, || {
        // SAFETY: the command is found by its address and never read.
        outcome(unsafe { ffi::vdi_complete_command(device, command, code, bytes, position) })
    })
}
