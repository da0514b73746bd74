//! Refuses at build time a tool that could not read any database.

fn main() {
    println!("cargo::rerun-if-env-changed=LIBSQLITE3_FLAGS");
    let flags = std::env::var("LIBSQLITE3_FLAGS").unwrap_or_default();
    if !flags.contains("SQLITE_ENABLE_DBPAGE_VTAB") {
        println!(
            "cargo::error=SQLite must show its pages: build inside this repository, whose \
             .cargo/config.toml says so, or set LIBSQLITE3_FLAGS=-DSQLITE_ENABLE_DBPAGE_VTAB"
        );
    }
}
