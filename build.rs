//! Link arguments of the shared library, and the C header.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Changes only with a break of the binary interface; CMake reads this line.
const SOVERSION: &str = "0";

/// The files that make up `include/vdi.h`, in the order of its chapters.
const HEADER_SOURCES: &[&str] = &[
    "src/protocol/codes.rs",
    "src/ffi/types.rs",
    "src/ffi/info.rs",
    "src/ffi/client_set.rs",
    "src/ffi/client_device.rs",
    "src/ffi/server_set.rs",
    "src/ffi/server_buffer.rs",
    "src/ffi/server_device.rs",
];

fn main() {
    for path in HEADER_SOURCES {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-changed=include/vdi.h");
    println!("cargo::rerun-if-changed=include/preamble.h");
    println!("cargo::rerun-if-env-changed=VDI_HEADER");
    link_args();
    development_symlink();
    header();
}

fn link_args() {
    if env::var("CARGO_CFG_TARGET_OS").unwrap_or_default() != "linux" {
        return;
    }
    // Not as an argument of shared libraries only: those reach every one that has this crate inside,
    // which would then be named libvdi. Programs do without a name.
    println!("cargo::rustc-link-arg=-Wl,-soname,libvdi.so.{SOVERSION}");
    // The library owns a thread and thread-local destructors: it must never be unmapped.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,relro,-z,now");
    // What a build for tests calls is in the test program, and so is the run-time part of a
    // sanitizer or of a fuzzer.
    let elsewhere = [
        "CARGO_CFG_VDI_STEPS",
        "CARGO_CFG_SANITIZE",
        "CARGO_CFG_FUZZING",
    ];
    if elsewhere.iter().all(|cfg| env::var_os(cfg).is_none()) {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,defs");
    }
}

/// Lets a program linked with `-Ltarget/<profile> -lvdi` find the SONAME at run time.
fn development_symlink() {
    // OUT_DIR is target/<profile>/build/<package>/out.
    if let Some(profile_dir) = out_dir().ancestors().nth(3) {
        let link = profile_dir.join(format!("libvdi.so.{SOVERSION}"));
        if fs::symlink_metadata(&link).is_err() {
            // A convenience only: packaging and CMake make their own links.
            let _ = std::os::unix::fs::symlink("libvdi.so", &link);
        }
    }
}

fn header() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let mut config =
        cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    config.header = Some(
        fs::read_to_string(root.join("include/preamble.h"))
            .expect("include/preamble.h is readable")
            .trim_end()
            .to_owned(),
    );
    config
        .after_includes
        .get_or_insert_default()
        .push_str(&version_macros());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in HEADER_SOURCES {
        builder = builder.with_src(root.join(source));
    }
    let bindings = match builder.generate() {
        Ok(bindings) => bindings,
        // rustc reports a syntax error better, with the right position.
        Err(cbindgen::Error::ParseSyntaxError { .. }) => return,
        Err(error) => panic!("cbindgen: {error}"),
    };
    let mut text = Vec::new();
    bindings.write(&mut text);
    fs::write(out_dir().join("vdi.h"), &text).expect("OUT_DIR is writable");
    sync(&root.join("include/vdi.h"), &text);
}

/// `VDI_VERSION_*`, so that Cargo.toml stays the only place with a version.
fn version_macros() -> String {
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION_{name}")).expect("set by cargo");
    let (major, minor, patch) = (part("MAJOR"), part("MINOR"), part("PATCH"));
    format!(
        "\n\n#define VDI_VERSION_MAJOR {major}\n\
         #define VDI_VERSION_MINOR {minor}\n\
         #define VDI_VERSION_PATCH {patch}"
    )
}

/// Brings the committed header up to date, or fails when `VDI_HEADER=check`.
fn sync(path: &Path, text: &[u8]) {
    if fs::read(path).is_ok_and(|old| old == text) {
        return;
    }
    if env::var_os("VDI_HEADER").is_some_and(|mode| mode == "check") {
        panic!(
            "{} is out of date: run `cargo build` and commit it",
            path.display()
        );
    }
    if let Err(error) = fs::write(path, text) {
        println!("cargo::warning=cannot update {}: {error}", path.display());
    }
}

fn out_dir() -> PathBuf {
    PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"))
}
