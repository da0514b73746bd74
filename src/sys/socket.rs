//! Unix sockets that keep packets apart, pass descriptors and tell who is at the other end.
//!
//! Every socket is close-on-exec and non-blocking.

use super::{check, check_size, own};
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Longest path of a socket in bytes: the field of the address without its closing NUL.
pub(crate) const MAX_PATH: usize = 107;

/// Most descriptors in one packet of ours.
pub(crate) const MAX_DESCRIPTORS: usize = 4;

/// Who is at the other end of a connection, as the kernel recorded it when the connection was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credentials {
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Repeats a call that a signal interrupted.
pub(super) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Creates a socket.
pub(crate) fn create() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers are passed.
    let raw = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    // SAFETY: the call returned a new descriptor that nobody else owns.
    unsafe { own(raw) }
}

/// Sets the mode that the file of an unbound socket starts with; the umask takes bits from it.
pub(crate) fn set_mode(socket: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    // SAFETY: a system call on a borrowed, open descriptor.
    retry(|| check(unsafe { libc::fchmod(socket.as_raw_fd(), mode) }))?;
    Ok(())
}

/// Says whether others may send descriptors to a socket, and to those that it accepts. Sockets of
/// kernels that cannot refuse them (before Linux 6.16) go on taking them.
pub(crate) fn accept_descriptors(socket: BorrowedFd<'_>, willing: bool) -> io::Result<()> {
    const SO_PASSRIGHTS: libc::c_int = 83;
    let value = libc::c_int::from(willing);
    // SAFETY: `value` is valid for reads of its own size during the call.
    let set = check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_PASSRIGHTS,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    });
    match set {
        Err(error) if error.raw_os_error() != Some(libc::ENOPROTOOPT) => Err(error),
        _ => Ok(()),
    }
}

/// Binds a socket to a path that does not exist yet.
pub(crate) fn bind(socket: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let (address, len) = address(path)?;
    // SAFETY: `address` is a socket address of at least `len` bytes that outlives the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) })?;
    Ok(())
}

/// Lets other processes connect.
pub(crate) fn listen(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a system call on a borrowed, open descriptor.
    check(unsafe { libc::listen(socket.as_raw_fd(), libc::SOMAXCONN) })?;
    Ok(())
}

/// Takes the next connection; `WouldBlock` if there is none.
pub(crate) fn accept(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let raw = retry(|| {
        // SAFETY: the address of the peer is not asked for.
        check(unsafe { libc::accept4(socket.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags) })
    })?;
    // SAFETY: the call returned a new descriptor that nobody else owns.
    unsafe { own(raw) }
}

/// Connects, at once or not at all: `WouldBlock` if the queue of the listener is full.
pub(crate) fn connect(socket: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let (address, len) = address(path)?;
    retry(|| {
        // SAFETY: `address` is a socket address of at least `len` bytes that outlives the call.
        check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), len) })
    })?;
    Ok(())
}

/// Ends the connection for every process that holds a copy of the socket.
pub(crate) fn shut_down(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a system call on a borrowed, open descriptor.
    check(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) })?;
    Ok(())
}

fn address(path: &Path) -> io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_PATH || bytes.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: all-zero bytes are a valid `sockaddr_un`, a plain C structure.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    Ok((address, size_of::<libc::sockaddr_un>() as libc::socklen_t))
}

/// Most descriptors that the kernel lets a packet carry. There is room for all, because the kernel
/// closes the others on the thread that receives, which may take as long as the sender likes.
const ROOM: usize = 253;

const CONTROL_DATA: usize = ROOM * size_of::<RawFd>();

// SAFETY: arithmetic on a constant.
const ROOM_FOR_SENDER: u32 = unsafe { libc::CMSG_SPACE(size_of::<libc::ucred>() as u32) };

/// Room for the descriptors of one packet and their header.
#[repr(C)]
union Control {
    /// Gives the bytes the alignment that the kernel's macros expect.
    _header: libc::cmsghdr,
    // SAFETY: arithmetic on a constant.
    _bytes: [u8; unsafe { libc::CMSG_SPACE(CONTROL_DATA as u32) } as usize],
}

/// Sends one packet with descriptors; never blocks and never raises SIGPIPE.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    packet: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut part = libc::iovec {
        iov_base: packet.as_ptr().cast_mut().cast(),
        iov_len: packet.len(),
    };
    let mut control = MaybeUninit::<Control>::zeroed();
    let mut message = header(&mut part, &mut control);
    put_descriptors(&mut message, descriptors)?;
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    retry(|| {
        // SAFETY: `message` points to `packet` and `control`, both alive; the kernel only reads.
        check_size(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) })
    })?;
    Ok(())
}

/// Receives one packet; 0 bytes mean that the peer closed its end, and `WouldBlock` that there is
/// nothing to receive. The descriptors that have come with it are added to `descriptors`, those of a
/// bad packet, too. They may have the numbers of standard streams: see [`super::beside_streams`].
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    packet: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut part = libc::iovec {
        iov_base: packet.as_mut_ptr().cast(),
        iov_len: packet.len(),
    };
    let mut control = MaybeUninit::<Control>::zeroed();
    let mut message = header(&mut part, &mut control);
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    let mut receive = || {
        // SAFETY: `message` points to `packet` and `control`, both alive and valid for writes.
        check_size(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) })
    };
    let len = match retry(&mut receive) {
        // Said once, when the peer closed without having read everything. What it sent before is
        // still in the queue.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => retry(receive)?,
        len => len?,
    };
    take_descriptors(&message, descriptors);
    if message.msg_flags & libc::MSG_TRUNC != 0 {
        return Err(io::Error::other("the packet is too long"));
    }
    if message.msg_flags & libc::MSG_CTRUNC != 0 {
        return Err(io::Error::other(
            "the packet carries descriptors, and this process has none left",
        ));
    }
    Ok(len)
}

/// Whether a packet waits, also one without a byte, which looks like the end of the connection: with
/// a packet, and not with the end, comes who has sent it. To be asked when nothing more can arrive.
pub(crate) fn has_packet(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let value: libc::c_int = 1;
    // SAFETY: `value` is valid for reads of its own size during the call.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PASSCRED,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })?;
    let mut part = libc::iovec {
        iov_base: ptr::null_mut(),
        iov_len: 0,
    };
    let mut control = MaybeUninit::<Control>::zeroed();
    let mut message = header(&mut part, &mut control);
    // No room for descriptors: a look must not bring any.
    message.msg_controllen = ROOM_FOR_SENDER as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_PEEK;
    let mut look = || {
        // SAFETY: `message` points to an empty part and to `control`, which is valid for writes.
        check_size(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) })
    };
    match retry(&mut look) {
        // Said once, as in `receive`.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => retry(look)?,
        len => len?,
    };
    Ok(message.msg_controllen > 0)
}

fn header(part: &mut libc::iovec, control: &mut MaybeUninit<Control>) -> libc::msghdr {
    // SAFETY: all-zero bytes are a valid `msghdr`, a plain C structure.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of::<Control>() as _;
    message
}

fn put_descriptors(message: &mut libc::msghdr, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    if descriptors.is_empty() {
        message.msg_control = ptr::null_mut();
        message.msg_controllen = 0;
        return Ok(());
    }
    if descriptors.len() > MAX_DESCRIPTORS {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let len = size_of_val(descriptors) as u32;
    // SAFETY: `message` describes a control buffer that holds at least one header.
    let first = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: arithmetic only.
    let cmsg_len = unsafe { libc::CMSG_LEN(len) };
    let mut rights = libc::cmsghdr {
        cmsg_len: cmsg_len as _,
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    // SAFETY: `first` points to room for a header, aligned by the type of the buffer.
    unsafe { ptr::copy_nonoverlapping(&raw mut rights, first, 1) };
    // SAFETY: the data of the header lies behind it in the same buffer.
    let data = unsafe { libc::CMSG_DATA(first) };
    // SAFETY: a borrowed descriptor is one `int`; the buffer has room for MAX_DESCRIPTORS of them.
    unsafe { ptr::copy_nonoverlapping(descriptors.as_ptr().cast(), data, len as usize) };
    // SAFETY: arithmetic only.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(len) } as _;
    Ok(())
}

fn take_descriptors(message: &libc::msghdr, taken: &mut Vec<OwnedFd>) {
    // SAFETY: the kernel has filled the control buffer and set its length.
    let first = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: null, or a header that the kernel wrote into the aligned buffer.
    let Some(rights) = (unsafe { first.as_ref() }) else {
        return;
    };
    if rights.cmsg_level != libc::SOL_SOCKET || rights.cmsg_type != libc::SCM_RIGHTS {
        return;
    }
    // SAFETY: arithmetic only.
    let empty = unsafe { libc::CMSG_LEN(0) } as usize;
    #[allow(clippy::unnecessary_cast, reason = "C libraries differ in the type")]
    let len = (rights.cmsg_len as usize).saturating_sub(empty);
    // SAFETY: the data of the header lies behind it in the same buffer.
    let data = unsafe { libc::CMSG_DATA(first) };
    let mut found: [RawFd; ROOM] = [-1; ROOM];
    let bytes = len.min(size_of_val(&found));
    // SAFETY: the kernel wrote `len` bytes of descriptors, and `found` has room for `bytes`.
    unsafe { ptr::copy_nonoverlapping(data, found.as_mut_ptr().cast(), bytes) };
    for raw in &found[..bytes / size_of::<RawFd>()] {
        // SAFETY: the kernel made this descriptor for us; nobody else owns it.
        taken.push(unsafe { OwnedFd::from_raw_fd(*raw) });
    }
}

/// Who connected, or on the connecting side who listens.
pub(crate) fn credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let mut found = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: `found` is valid for writes of `len` bytes.
    check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut found).cast(),
            &raw mut len,
        )
    })?;
    Ok(Credentials {
        pid: found.pid,
        uid: found.uid,
        gid: found.gid,
    })
}

/// The supplementary groups of the process at the other end.
pub(crate) fn groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut groups: Vec<libc::gid_t> = vec![0; 32];
    loop {
        let mut len = size_of_val(groups.as_slice()) as libc::socklen_t;
        // SAFETY: `groups` is valid for writes of `len` bytes.
        let result = check(unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut len,
            )
        });
        // On ERANGE, too, the kernel tells the length of the list.
        let count = len as usize / size_of::<libc::gid_t>();
        match result {
            Err(error) if error.raw_os_error() == Some(libc::ERANGE) && count > groups.len() => {
                groups.resize(count, 0);
            }
            Err(error) => return Err(error),
            Ok(_) => {
                groups.truncate(count);
                return Ok(groups);
            }
        }
    }
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
