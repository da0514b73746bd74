//! Sockets, messages and memory of a peer.

use crate::case::{MOST_MEMORY, directory};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept, bind,
    connect, listen, recvmsg, sendmsg, socket_with,
};
use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// Kinds of messages.
const HELLO: u32 = 1;
pub(crate) const WELCOME: u32 = 2;
pub(crate) const REFUSED: u32 = 3;
pub(crate) const AREA: u32 = 4;
pub(crate) const MAPPED: u32 = 5;
/// Longest packet that is sent: longer than any message.
pub(crate) const MOST: usize = 1100;

/// A message of a kind, with its fields still to come.
pub(crate) fn message(kind: u32) -> Vec<u8> {
    let mut packet = b"vdi\0".to_vec();
    packet.extend(1_u32.to_le_bytes());
    packet.extend(kind.to_le_bytes());
    packet
}

/// The first message of a server (1) or of a secondary (2).
pub(crate) fn hello(role: u32, name: &[u8]) -> Vec<u8> {
    let mut packet = message(HELLO);
    packet.extend(role.to_le_bytes());
    packet.extend(0_u32.to_le_bytes());
    packet.extend((name.len() as u32).to_le_bytes());
    packet.extend(name);
    packet
}

/// A message of a number and a size: Welcome or Area.
pub(crate) fn sized(kind: u32, number: u32, size: u64) -> Vec<u8> {
    let mut packet = message(kind);
    packet.extend(number.to_le_bytes());
    packet.extend(size.to_le_bytes());
    packet
}

/// Where the set of a name in the default instance is announced.
fn path(name: &[u8]) -> PathBuf {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0100_0000_0000_0000_0000_013b;
    let bytes = [0].iter().chain(name);
    let hash = bytes.fold(BASIS, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    });
    directory().join(format!("{hash:032x}.set"))
}

fn socket() -> OwnedFd {
    let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
    socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("a socket")
}

fn address(name: &[u8]) -> SocketAddrUnix {
    SocketAddrUnix::new(path(name)).expect("a short path")
}

/// A primary's socket, on which nobody has called yet.
pub(super) struct Announced(OwnedFd, PathBuf);

impl Announced {
    pub(super) fn new(name: &[u8]) -> Self {
        let socket = socket();
        bind(&socket, &address(name)).expect("the directory is empty");
        listen(&socket, 4).expect("it can be listened to");
        Self(socket, path(name))
    }

    /// Takes the first connection; there will be no other.
    pub(super) fn accept(self) -> OwnedFd {
        wait(self.0.as_fd());
        accept(&self.0).expect("a connection")
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        fs::remove_file(&self.1).expect("nobody else removes the socket");
    }
}

/// Connects to a set; `None` if it is not there.
pub(super) fn connect_to(name: &[u8]) -> Option<OwnedFd> {
    let socket = socket();
    connect(&socket, &address(name)).ok()?;
    Some(socket)
}

/// Sends a packet; whether it went.
pub(super) fn send(socket: &OwnedFd, packet: &[u8], descriptors: &[BorrowedFd<'_>]) -> bool {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(packet)], &mut control, flags).is_ok()
}

/// Waits for a packet and takes it; it is empty after the hang-up.
pub(super) fn receive(socket: &OwnedFd) -> (Vec<u8>, Vec<OwnedFd>) {
    wait(socket.as_fd());
    let mut packet = [0; MOST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let into = &mut [IoSliceMut::new(&mut packet)];
    let Ok(message) = recvmsg(socket, into, &mut control, RecvFlags::CMSG_CLOEXEC) else {
        return (Vec::new(), Vec::new());
    };
    let mut descriptors = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = part {
            descriptors.extend(rights);
        }
    }
    (packet[..message.bytes].to_vec(), descriptors)
}

/// Waits until something can be received. What does not come within a minute does not come.
fn wait(socket: BorrowedFd<'_>) {
    let limit = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    let mut sockets = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
    let ready = poll(&mut sockets, Some(&limit)).expect("a socket can be waited for");
    assert_ne!(ready, 0, "the library says nothing");
}

/// How memory is prepared: all but the first ways are not acceptable.
pub(crate) const WAYS: usize = 6;

/// Memory of a size, as far as there is so much.
pub(super) fn memory(size: u64, way: usize) -> OwnedFd {
    let size = size.min(MOST_MEMORY);
    if way == 5 {
        return fs::File::open("/dev/null").expect("/dev/null").into();
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = memfd_create("peer", flags).expect("memory");
    ftruncate(&memory, size).expect("memory can have a size");
    if way != 2 && size > 0 {
        fallocate(&memory, FallocateFlags::empty(), 0, size).expect("there is memory");
    }
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    let seals = match way {
        3 => return memory,
        4 => seals | SealFlags::FUTURE_WRITE,
        _ => seals,
    };
    fcntl_add_seals(&memory, seals).expect("new memory can be sealed");
    memory
}
