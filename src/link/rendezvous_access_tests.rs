use super::*;
use crate::link::support::{ROLE_DIRECTORY, Role, TempDir, Watchdog, address_in, role_arguments};
use crate::protocol::message::Role as Says;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};

fn permissions(address: &Address) -> u32 {
    fs::metadata(&address.path).unwrap().mode() & 0o7777
}

/// The mode is what `access` says. [SEC-05, AMB-26]
#[test]
fn the_socket_has_the_mode_of_its_access() {
    let base = TempDir::new();
    let user = effective_user();
    let gid = fs::metadata(base.path()).unwrap().gid();
    for (uid, gid, mode) in [
        (None, None, 0o600),
        (Some(user), None, 0o600),
        (None, Some(gid), 0o660),
        (Some(user + 1), None, 0o666),
        (Some(user + 1), Some(gid), 0o666),
    ] {
        let address = base.address("set");
        let _listener = Listener::bind(&address, Access { uid, gid }).unwrap();
        assert_eq!(permissions(&address), mode);
        let found = fs::metadata(&address.path).unwrap();
        assert!(found.file_type().is_socket());
        assert!(gid.is_none_or(|gid| found.gid() == gid));
    }
}

/// Connects as user 4321, who is in group 4322, and prints what it is told.
#[test]
#[ignore = "a role of the test below"]
fn role_stranger() {
    let Some(directory) = Role::directory() else {
        return;
    };
    match connect(&address_in(&directory, "set")) {
        Ok(Some(channel)) => {
            let hello = Message::Hello {
                role: Says::Server,
                instance: Vec::new(),
                name: b"set".to_vec(),
            };
            channel.send(&hello, &[]).unwrap();
            let limit = Duration::from_secs(30);
            println!("told {:?}", channel.receive_within(limit).unwrap());
        }
        Ok(None) => println!("told nothing"),
        Err(error) => println!("told {:?} {error}", error.kind()),
    }
}

const STRANGER: &str = concat!(module_path!(), "::role_stranger");

/// What a stranger is told by a set with this access.
fn told_by(access: Access) -> String {
    let base = TempDir::new();
    fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let listener = Listener::bind(&base.address("set"), access).unwrap();
    // As its input, since the stranger may not enter the directory of this program.
    let program = fs::File::open(std::env::current_exe().unwrap()).unwrap();
    // More groups than the first question to the kernel has room for.
    let groups: Vec<_> = (5000..5040)
        .chain([4322])
        .map(|id| id.to_string())
        .collect();
    let groups = format!("--groups={}", groups.join(","));
    let mut child = Command::new("setpriv")
        .args(["--reuid=4321", "--regid=4321", &groups])
        .arg("/proc/self/fd/0")
        .stdin(program)
        .args(role_arguments(STRANGER))
        .env(ROLE_DIRECTORY, base.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let welcome = Message::Welcome {
        participant: 1,
        size: 4096,
    };
    while child.try_wait().unwrap().is_none() {
        if let Some(channel) = listener.accept().unwrap() {
            assert_eq!(channel.peer_uid(), 4321);
            channel.send(&welcome, &[]).unwrap();
            // Stays open until the stranger has read it.
            child.wait().unwrap();
        }
        thread::sleep(Duration::from_millis(1));
    }
    let mut output = String::new();
    child.stdout.unwrap().read_to_string(&mut output).unwrap();
    output
}

/// Who may not join is told which user is refused and what to do. Needs root, who alone can act as
/// other users. [SEC-06, AMB-26]
#[test]
fn only_those_whom_the_creator_names_may_join() {
    let setpriv = Command::new("setpriv").arg("--version").output();
    if effective_user() != 0 || setpriv.is_err() {
        return;
    }
    let _watchdog = Watchdog::start();
    let access = |uid, gid| Access { uid, gid };

    // The file stops them.
    for access in [access(None, None), access(None, Some(4323))] {
        let told = told_by(access);
        for word in [
            "Security",
            "user 4321",
            "user 0",
            "VDI_CREATE_ALLOW_UID",
            ".set",
        ] {
            assert!(told.contains(word), "{word} in {told}");
        }
    }
    // The file lets everybody through, the credentials do not.
    let told = told_by(access(Some(4324), None));
    for word in [
        "Refused",
        "Security",
        "user 4321",
        "user 0",
        "VDI_CREATE_ALLOW_GID",
    ] {
        assert!(told.contains(word), "{word} in {told}");
    }
    for access in [
        access(Some(4321), None),
        access(None, Some(4321)),
        access(None, Some(4322)),
        access(Some(4324), Some(4322)),
    ] {
        let told = told_by(access);
        assert!(told.contains("Welcome"), "{access:?}: {told}");
    }
}
