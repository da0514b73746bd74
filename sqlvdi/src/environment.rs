//! What the environment says, for programs that cannot be told otherwise.
//!
//! Nothing here is guessed: a value that is not understood makes Create and OpenInSecondary fail. A
//! program that runs with more rights than its caller has no such variable.

use std::ffi::OsString;
use vdi::codes::{VDI_CREATE_ALLOW_GID, VDI_CREATE_ALLOW_UID};
use vdi::ffi::{variable, vdi_create_options};

/// Who else may open the set. [AMB-26]
const ALLOW_UID: &str = "SQLVDI_ALLOW_UID";
const ALLOW_GID: &str = "SQLVDI_ALLOW_GID";
/// What a number is that GetCommand is given. [AMB-01]
const UNIT: &str = "SQLVDI_GETCOMMAND_TIMEOUT_UNIT";
/// Where failures are written down.
pub(crate) const LOG: &str = "SQLVDI_LOG";

/// The settings of a set.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Settings {
    uid: Option<u32>,
    gid: Option<u32>,
    /// Milliseconds of a unit of GetCommand's time-out.
    pub(crate) command_unit: i64,
}

impl Settings {
    /// Reads the environment; the text says what is wrong with it.
    pub(crate) fn read() -> Result<Self, String> {
        Self::read_from(variable)
    }

    fn read_from(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let id = |name| match variable(name) {
            None => Ok(None),
            Some(value) => match value.to_str().and_then(id) {
                Some(id) => Ok(Some(id)),
                None => Err(format!(
                    "{name} is {value:?}, not a decimal number of an id"
                )),
            },
        };
        let command_unit = match variable(UNIT) {
            None => 1,
            Some(value) if value == "ms" => 1,
            Some(value) if value == "s" => 1000,
            Some(value) => return Err(format!("{UNIT} is {value:?}, neither \"ms\" nor \"s\"")),
        };
        Ok(Self {
            uid: id(ALLOW_UID)?,
            gid: id(ALLOW_GID)?,
            command_unit,
        })
    }

    /// As the options of a new set.
    pub(crate) fn create_options(&self) -> vdi_create_options {
        let flag = |id: Option<u32>, flag| id.map_or(0, |_| flag);
        vdi_create_options {
            size: size_of::<vdi_create_options>() as u32,
            flags: flag(self.uid, VDI_CREATE_ALLOW_UID) | flag(self.gid, VDI_CREATE_ALLOW_GID),
            uid: self.uid.unwrap_or_default(),
            gid: self.gid.unwrap_or_default(),
            queueCapacity: 0,
            nameWait: 0,
            reserved: [0; 4],
        }
    }
}

/// A user or group: digits only, and not the number that stands for none.
fn id(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|id| *id != u32::MAX);
    id.filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Settings, String> {
        Settings::read_from(|asked| (asked == name).then(|| value.into()))
    }

    #[test]
    fn without_variables_nobody_else_is_let_in_and_time_is_in_milliseconds() {
        let settings = Settings::read_from(|_| None).unwrap();
        let nothing = Settings {
            command_unit: 1,
            ..Settings::default()
        };
        assert_eq!(settings, nothing);
        assert_eq!(settings.create_options().flags, 0);
    }

    #[test]
    fn an_id_is_a_decimal_number() {
        for (value, id) in [("0", 0), ("10001", 10001), ("4294967294", 4_294_967_294)] {
            let user = read(ALLOW_UID, value).unwrap().create_options();
            assert_eq!((user.flags, user.uid), (VDI_CREATE_ALLOW_UID, id));
            let group = read(ALLOW_GID, value).unwrap().create_options();
            assert_eq!((group.flags, group.gid), (VDI_CREATE_ALLOW_GID, id));
        }
        for value in [
            "",
            " 1",
            "+1",
            "-1",
            "0x1",
            "1e3",
            "mssql",
            "4294967295",
            "4294967296",
        ] {
            for name in [ALLOW_UID, ALLOW_GID] {
                let text = read(name, value).unwrap_err();
                assert!(text.contains(name) && text.contains(value), "{text}");
            }
        }
    }

    /// [AMB-01]
    #[test]
    fn the_unit_is_one_of_two() {
        for (value, unit) in [("ms", 1), ("s", 1000)] {
            assert_eq!(read(UNIT, value).unwrap().command_unit, unit);
        }
        for value in ["", "S", "sec", "1"] {
            let text = read(UNIT, value).unwrap_err();
            assert!(text.contains(UNIT) && text.contains(value), "{text}");
        }
    }
}
