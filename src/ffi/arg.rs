//! Checks of the arguments that C passes.

use super::types::{VDConfig, vdi_create_options, vdi_server_open_options, vdi_server_parameters};
use crate::client::CreateOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::participant::AbortReason;
use crate::protocol::codes::{
    VDI_ABORT_NONE, VDI_CREATE_ALLOW_GID, VDI_CREATE_ALLOW_UID, VDI_CREATE_LENIENT,
    VDI_OPEN_ALLOW_GID, VDI_OPEN_ALLOW_UID,
};
use crate::protocol::config::{Configuration, ServerParameters};
use crate::protocol::name::{Instance, Name};
use crate::server::OpenOptions;
use std::ffi::{CStr, c_char};
use std::ptr::NonNull;
use std::time::Duration;

fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, text.into())
}

/// Refuses null and misaligned pointers.
fn checked<T>(what: &str, pointer: *mut T) -> Result<NonNull<T>> {
    let pointer = NonNull::new(pointer).ok_or_else(|| invalid(format!("{what} is null")))?;
    if !pointer.is_aligned() {
        return Err(invalid(format!("{what} is misaligned")));
    }
    Ok(pointer)
}

/// A caller's output parameter.
pub(super) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// Checks the pointer and stores the value that a failing call leaves there.
    ///
    /// # Safety
    ///
    /// `pointer` is null or valid for writes of `T` for the life of the result.
    pub(super) unsafe fn new(what: &str, pointer: *mut T, failure: T) -> Result<Self> {
        let pointer = checked(what, pointer)?;
        // SAFETY: not null, aligned, and valid for writes by contract.
        unsafe { pointer.write(failure) };
        Ok(Self(pointer))
    }

    /// Checks the pointer; a failing call leaves what is there.
    ///
    /// # Safety
    ///
    /// As for [`Out::new`].
    pub(super) unsafe fn unchanged(what: &str, pointer: *mut T) -> Result<Self> {
        Ok(Self(checked(what, pointer)?))
    }

    /// Stores the result.
    pub(super) fn set(self, value: T) {
        // SAFETY: checked at construction; the contract there covers the life of `self`.
        unsafe { self.0.write(value) };
    }
}

/// A caller's buffer for a text.
pub(super) struct OutText(*mut c_char, usize);

impl Out<c_char> {
    /// Takes a buffer of `size` bytes; null is no buffer.
    ///
    /// # Safety
    ///
    /// `pointer` is null or valid for writes of `size` bytes for the life of the result.
    pub(super) unsafe fn text(pointer: *mut c_char, size: usize) -> OutText {
        OutText(pointer, size)
    }
}

impl OutText {
    /// Stores the text of a reason, cut to fit.
    pub(super) fn set(self, reason: &Option<AbortReason>) {
        if self.0.is_null() || self.1 == 0 {
            return;
        }
        let text = reason.as_ref().map_or("", |reason| reason.text.as_str());
        let mut end = text.len().min(self.1 - 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let into = self.0.cast::<u8>();
        // SAFETY: `end` is less than the size of the buffer, which is valid by contract.
        unsafe { into.copy_from_nonoverlapping(text.as_ptr(), end) };
        // SAFETY: as above; `end` is at most the size less one.
        unsafe { into.wrapping_add(end).write(0) };
    }
}

/// The code of a reason.
pub(super) fn abort_code(reason: &Option<AbortReason>) -> u32 {
    reason.as_ref().map_or(VDI_ABORT_NONE, |reason| reason.code)
}

/// A structure that the caller fills in.
///
/// # Safety
///
/// `pointer` is null or valid for reads of `T`.
pub(super) unsafe fn input<T: Copy>(what: &str, pointer: *const T) -> Result<T> {
    let pointer = checked(what, pointer.cast_mut())?;
    // SAFETY: not null, aligned, and valid for reads by contract.
    Ok(unsafe { pointer.read() })
}

/// Refuses a null string.
pub(super) fn not_null(what: &str, pointer: *const c_char) -> Result<()> {
    checked(what, pointer.cast_mut()).map(|_| ())
}

/// A name.
///
/// # Safety
///
/// `pointer` is null or a NUL-terminated string.
pub(super) unsafe fn name(what: &str, pointer: *const c_char) -> Result<Name> {
    not_null(what, pointer)?;
    // SAFETY: NUL-terminated by contract.
    Name::new(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// An instance name; null is the default instance. [NAME-16]
///
/// # Safety
///
/// `pointer` is null or a NUL-terminated string.
pub(super) unsafe fn instance(pointer: *const c_char) -> Result<Instance> {
    if pointer.is_null() {
        return Ok(Instance::default());
    }
    // SAFETY: NUL-terminated by contract.
    Instance::new(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// A free text; null is empty.
///
/// # Safety
///
/// `pointer` is null or a NUL-terminated string.
pub(super) unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: NUL-terminated by contract.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_string_lossy().into_owned()
}

/// A time-out in milliseconds; one that is negative as a signed number never elapses. [LIM-05, AMB-42]
pub(super) fn timeout(ms: u32) -> Option<Duration> {
    (ms <= i32::MAX as u32).then(|| Duration::from_millis(ms.into()))
}

/// The options of vdi_create(); null is the default.
///
/// # Safety
///
/// `pointer` is null or valid for reads of the structure.
pub(super) unsafe fn create_options(pointer: *const vdi_create_options) -> Result<CreateOptions> {
    if pointer.is_null() {
        return Ok(CreateOptions::default());
    }
    // SAFETY: as for this function.
    let options = unsafe { versioned("options", pointer, |options| options.size) }?;
    let known = VDI_CREATE_LENIENT | VDI_CREATE_ALLOW_UID | VDI_CREATE_ALLOW_GID;
    if options.flags & !known != 0 {
        return Err(invalid("options.flags has unknown bits"));
    }
    if options.reserved != [0; 4] {
        return Err(invalid("options.reserved is not zero"));
    }
    let has = |flag| options.flags & flag != 0;
    Ok(CreateOptions {
        lenient: has(VDI_CREATE_LENIENT),
        uid: has(VDI_CREATE_ALLOW_UID).then_some(options.uid),
        gid: has(VDI_CREATE_ALLOW_GID).then_some(options.gid),
        queue_capacity: options.queueCapacity,
        name_wait: match options.nameWait {
            0 => None,
            ms => Some(Duration::from_millis(ms.into())),
        },
    })
}

/// The options of vdi_server_open_from(); null is the default.
///
/// # Safety
///
/// `pointer` is null or valid for reads of the structure.
pub(super) unsafe fn open_options(pointer: *const vdi_server_open_options) -> Result<OpenOptions> {
    if pointer.is_null() {
        return Ok(OpenOptions::default());
    }
    // SAFETY: as for this function.
    let options = unsafe { versioned("options", pointer, |options| options.size) }?;
    if options.flags & !(VDI_OPEN_ALLOW_UID | VDI_OPEN_ALLOW_GID) != 0 {
        return Err(invalid("options.flags has unknown bits"));
    }
    if options.reserved != [0; 4] {
        return Err(invalid("options.reserved is not zero"));
    }
    let has = |flag| options.flags & flag != 0;
    Ok(OpenOptions {
        uid: has(VDI_OPEN_ALLOW_UID).then_some(options.uid),
        gid: has(VDI_OPEN_ALLOW_GID).then_some(options.gid),
    })
}

/// The parameters of vdi_server_begin_configuration().
///
/// # Safety
///
/// `pointer` is null or valid for reads of the structure.
pub(super) unsafe fn server_parameters(
    pointer: *const vdi_server_parameters,
) -> Result<ServerParameters> {
    // SAFETY: as for this function.
    let parameters = unsafe { versioned("parameters", pointer, |parameters| parameters.size) }?;
    if parameters.reserved != [0; 2] {
        return Err(invalid("parameters.reserved is not zero"));
    }
    Ok(ServerParameters {
        features: parameters.features,
        block_size: parameters.blockSize,
        alignment: parameters.alignment,
        max_transfer_size: parameters.maxTransferSize,
        timeout_ms: parameters.timeout,
    })
}

/// A structure that tells its own size in its first field, which is read first.
///
/// # Safety
///
/// `pointer` is null or valid for reads of as many bytes as its first field says.
unsafe fn versioned<T: Copy>(
    what: &str,
    pointer: *const T,
    size_of_it: impl Fn(&T) -> u32,
) -> Result<T> {
    // SAFETY: the first field is there by contract, and every such structure begins with it.
    let size = unsafe { input::<u32>(what, pointer.cast()) }?;
    if size as usize != size_of::<T>() {
        let expected = size_of::<T>();
        return Err(invalid(format!("{what}.size is {size}, not {expected}")));
    }
    // SAFETY: the caller vouches for that many bytes.
    let value = unsafe { input(what, pointer) }?;
    debug_assert_eq!(size_of_it(&value), size, "size is the first field");
    Ok(value)
}

impl From<VDConfig> for Configuration {
    fn from(config: VDConfig) -> Self {
        Self {
            device_count: config.deviceCount,
            features: config.features,
            prefix_zone_size: config.prefixZoneSize,
            alignment: config.alignment,
            soft_file_mark_block_size: config.softFileMarkBlockSize,
            eom_warning_size: config.EOMWarningSize,
            server_timeout_ms: config.serverTimeOut,
            block_size: config.blockSize,
            max_io_depth: config.maxIODepth,
            max_transfer_size: config.maxTransferSize,
            buffer_area_size: config.bufferAreaSize,
        }
    }
}

impl From<Configuration> for VDConfig {
    fn from(config: Configuration) -> Self {
        Self {
            deviceCount: config.device_count,
            features: config.features,
            prefixZoneSize: config.prefix_zone_size,
            alignment: config.alignment,
            softFileMarkBlockSize: config.soft_file_mark_block_size,
            EOMWarningSize: config.eom_warning_size,
            serverTimeOut: config.server_timeout_ms,
            blockSize: config.block_size,
            maxIODepth: config.max_io_depth,
            maxTransferSize: config.max_transfer_size,
            bufferAreaSize: config.buffer_area_size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [AMB-01, AMB-42, LIM-05, TMO-01]
    #[test]
    fn time_outs_are_milliseconds_and_never_elapse_if_negative() {
        use crate::protocol::codes::VDI_INFINITE;

        assert_eq!(timeout(0), Some(Duration::ZERO));
        assert_eq!(timeout(1), Some(Duration::from_millis(1)));
        let longest = Duration::from_millis(0x7FFF_FFFF);
        assert_eq!(timeout(0x7FFF_FFFF), Some(longest));
        for negative in [-1, -2, i32::MIN] {
            assert_eq!(timeout(negative as u32), None);
        }
        assert_eq!(timeout(VDI_INFINITE), None);
    }

    /// No character is cut in two, and the text always ends.
    #[test]
    fn a_text_is_cut_between_characters() {
        let reason = Some(AbortReason {
            code: 1,
            text: "a\u{e4}".to_owned(),
        });
        for (size, expected) in [(4, "a\u{e4}"), (3, "a"), (2, "a"), (1, "")] {
            let mut buffer: [c_char; 4] = [0x55; 4];
            // SAFETY: the buffer is valid for writes of `size` bytes.
            unsafe { Out::<c_char>::text(buffer.as_mut_ptr(), size) }.set(&reason);
            // SAFETY: terminated within its four bytes, as is checked here.
            let written = unsafe { CStr::from_ptr(buffer.as_ptr()) };
            assert_eq!(written.to_str(), Ok(expected), "{size} bytes");
        }
    }
}
