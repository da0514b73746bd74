//! The C interface of libvdi: the functions and types of `include/vdi.h` that the harness uses, found
//! in the shared object at run time, as any program could.

use libloading::{Library, Symbol};
use std::ffi::{CStr, CString, c_char, c_void};
use std::path::PathBuf;
use std::sync::OnceLock;

pub const NOERROR: i32 = 0;
pub const VD_E_CLOSE: i32 = -2_139_684_850;
pub const VDF_WRITE_MEDIA: u32 = 1 << 16;
pub const VDC_WRITE: i32 = 2;
pub const VDC_FLUSH: i32 = 12;
pub const INFINITE: u32 = u32::MAX;

/// Handles, only ever passed back.
pub type Set = *mut c_void;
pub type Device = *mut c_void;
pub type Server = *mut c_void;
pub type ServerDevice = *mut c_void;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct VDConfig {
    pub device_count: u32,
    pub features: u32,
    pub prefix_zone_size: u32,
    pub alignment: u32,
    pub soft_file_mark_block_size: u32,
    pub eom_warning_size: u32,
    pub server_time_out: u32,
    pub block_size: u32,
    pub max_io_depth: u32,
    pub max_transfer_size: u32,
    pub buffer_area_size: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateOptions {
    pub size: u32,
    pub flags: u32,
    pub uid: u32,
    pub gid: u32,
    pub queue_capacity: u32,
    pub name_wait: u32,
    pub reserved: [u32; 4],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerParameters {
    pub size: u32,
    pub features: u32,
    pub block_size: u32,
    pub alignment: u32,
    pub max_transfer_size: u32,
    pub timeout: u32,
    pub reserved: [u32; 2],
}

/// What the client gets.
#[repr(C)]
#[derive(Debug)]
pub struct VdcCommand {
    pub command_code: i32,
    pub size: i32,
    pub position: i64,
    pub buffer: *mut u8,
}

/// What the server sends.
#[repr(C)]
#[derive(Debug)]
pub struct VdsCommand {
    pub command_code: i32,
    pub size: i32,
    pub in_position: i64,
    pub out_position: i64,
    pub buffer: *mut u8,
    pub completion_routine: Option<extern "C" fn(*mut VdsCommand)>,
    pub completion_context: *mut c_void,
    pub completion_code: i32,
    pub bytes_transferred: i32,
}

macro_rules! interface {
    ($($name:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
        /// The functions.
        #[derive(Clone, Copy)]
        pub struct Interface {
            $(pub $name: unsafe extern "C" fn($($argument),*) -> $result,)*
        }

        impl Interface {
            fn find(library: &'static Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        // SAFETY: the type is that of the header.
                        let symbol: Symbol<'static, _> = unsafe { library.get(name.as_bytes()) }?;
                        *symbol
                    },)*
                })
            }
        }
    };
}

interface! {
    vdi_last_error_message: fn() -> *const c_char;
    vdi_create: fn(*const c_char, *const c_char, *const VDConfig, *const CreateOptions, *mut Set) -> i32;
    vdi_get_configuration: fn(Set, u32, *mut VDConfig) -> i32;
    vdi_open_device: fn(Set, *const c_char, *mut Device) -> i32;
    vdi_get_command: fn(Device, u32, *mut *mut VdcCommand) -> i32;
    vdi_complete_command: fn(Device, *const VdcCommand, i32, u32, i64) -> i32;
    vdi_close: fn(Set) -> i32;
    vdi_server_open: fn(*const c_char, *const c_char, *mut Server) -> i32;
    vdi_server_begin_configuration: fn(Server, *const ServerParameters) -> i32;
    vdi_server_request_buffers: fn(Server, u32, u32, u32) -> i32;
    vdi_server_end_configuration: fn(Server) -> i32;
    vdi_server_execute_completion_agent: fn(Server) -> i32;
    vdi_server_open_device: fn(Server, *const c_char, *mut ServerDevice) -> i32;
    vdi_server_allocate_buffer: fn(Server, u32, u32, *mut *mut c_void) -> i32;
    vdi_server_free_buffer: fn(Server, *mut c_void, u32) -> i32;
    vdi_server_send_command: fn(ServerDevice, *mut VdsCommand) -> i32;
    vdi_server_close_device: fn(ServerDevice) -> i32;
    vdi_server_close: fn(Server) -> i32;
}

/// The shared object that is measured: `$VDI_LIBRARY`, or the release build of this repository.
pub fn path() -> PathBuf {
    let built = || concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/libvdi.so").into();
    std::env::var_os("VDI_LIBRARY").map_or_else(built, PathBuf::from)
}

/// The build that believes whatever a peer writes; see `ci/bench.sh`.
pub fn unchecked() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/unchecked/libvdi.so").into()
}

/// The functions, once loaded for good.
pub fn interface() -> &'static Interface {
    load(path)
}

/// As [`interface`], of the build there if this process has loaded none.
pub fn load(path: fn() -> PathBuf) -> &'static Interface {
    static INTERFACE: OnceLock<Interface> = OnceLock::new();
    INTERFACE.get_or_init(|| {
        // SAFETY: the library is ours, and does nothing when it is loaded.
        let library = unsafe { Library::new(path()) }.expect("libvdi.so cannot be loaded");
        Interface::find(Box::leak(Box::new(library))).expect("libvdi.so lacks a function")
    })
}

/// Ends the process with the library's own words unless a call succeeded.
pub fn must(what: &str, result: i32) {
    if result != NOERROR {
        // SAFETY: returns a string of this thread.
        let text = unsafe { CStr::from_ptr((interface().vdi_last_error_message)()) };
        panic!("{what}: {result:#x}: {}", text.to_string_lossy());
    }
}

/// Name of a device of a set.
pub fn device_name(set: &str, index: usize) -> CString {
    let name = if index == 0 {
        set.to_owned()
    } else {
        format!("{set}{index}")
    };
    CString::new(name).expect("a name without null")
}
