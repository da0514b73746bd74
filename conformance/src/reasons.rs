//! Rules without a test, and why: `conformance/reasons/*.toml`.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Why no test applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Exists on Windows only.
    Windows,
    /// A matter of the database engine or of its statements.
    Engine,
    /// A matter of the client program.
    Client,
    /// History, or a statement about sources.
    History,
    /// Explains a term or points to other rules.
    Definition,
    /// Belongs to a part that is not built yet.
    Later,
    /// Nothing of it can be seen through the interface.
    Unobservable,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::Engine => "engine",
            Self::Client => "client program",
            Self::History => "history",
            Self::Definition => "definition",
            Self::Later => "not built yet",
            Self::Unobservable => "not observable",
        }
    }
}

/// Why a rule has no test.
pub(crate) struct Reason {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

type File = BTreeMap<Kind, BTreeMap<String, String>>;

/// All reasons by rule, and the rules that have two.
pub(crate) fn read(root: &Path) -> Result<(BTreeMap<String, Reason>, Vec<String>)> {
    let mut reasons = BTreeMap::new();
    let mut faults = Vec::new();
    for (path, text) in read_folder(&root.join("conformance/reasons"))? {
        let file: File = toml::from_str(&text).with_context(|| path.clone())?;
        for (kind, rules) in file {
            for (id, text) in rules {
                if reasons.insert(id.clone(), Reason { kind, text }).is_some() {
                    faults.push(format!("{path}: {id} has two reasons"));
                }
            }
        }
    }
    Ok((reasons, faults))
}

/// Paths and texts of the TOML files in a folder, by name.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}
