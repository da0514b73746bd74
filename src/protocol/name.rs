//! Names of sets, devices and instances. [NAME-02, AMB-24]

use super::codes::VDI_MAX_NAME;
use crate::error::{Error, ErrorKind, Result};

/// Name of a set or of a device: 1 to 255 bytes without NUL and backslash, compared bytewise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Vec<u8>);

impl Name {
    /// Checks and takes a name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] if it is empty, too long, or has a forbidden byte.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref();
        check(bytes).map_err(|what| Error::new(ErrorKind::Invalid, format!("the name {what}")))?;
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// Name of a server instance; the default one is empty. [NAME-12, NAME-16]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Instance(Vec<u8>);

impl Instance {
    /// Checks and takes an instance name; empty is the default instance.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InstanceName`] if it is too long or has a forbidden byte. [NAME-13]
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self> {
        let bytes = bytes.as_ref();
        if !bytes.is_empty() {
            check(bytes).map_err(|what| {
                Error::new(ErrorKind::InstanceName, format!("the instance name {what}"))
            })?;
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn check(bytes: &[u8]) -> std::result::Result<(), &'static str> {
    if bytes.is_empty() {
        Err("is empty")
    } else if bytes.len() > VDI_MAX_NAME as usize {
        Err("is longer than 255 bytes")
    } else if bytes.contains(&b'\\') {
        Err("contains a backslash")
    } else if bytes.contains(&0) {
        Err("contains a NUL byte")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bounds and forbidden bytes; everything else is a name. [AMB-24, NAME-02, NAME-13]
    #[test]
    fn names_are_byte_strings_of_1_to_255_bytes() {
        for good in [
            &b"x"[..],
            b"a/b",
            b"{GUID}",
            b" '\"",
            b"\xff\xfe",
            &[b'n'; 255],
        ] {
            assert_eq!(Name::new(good).unwrap().as_bytes(), good);
            assert!(Instance::new(good).is_ok());
        }
        for bad in [&b"a\\b"[..], b"a\0b", &[b'n'; 256]] {
            assert_eq!(Name::new(bad).unwrap_err().kind(), ErrorKind::Invalid);
            let error = Instance::new(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InstanceName);
        }
        assert_eq!(Name::new(b"").unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(Instance::new(b"").unwrap(), Instance::default());
    }
}
