//! Link arguments of the shared library.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").unwrap_or_default() != "linux" {
        return;
    }
    // The name that programs are linked with has no version.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libsqlvdi.so");
    // The functions of libvdi that are inside are not for programs: they may have that library, too.
    println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    // The library owns a thread and thread-local destructors: it must never be unmapped.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,relro,-z,now");
}
