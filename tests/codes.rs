//! The numbers of the interface against the tables of the specification, chapters 2.1 to 2.4.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use vdi::codes::*;

/// Names and values of constants; negative values as the documents write them.
macro_rules! values {
    ($($name:ident)*) => {
        BTreeMap::from([$((stringify!($name).to_owned(), $name as u32)),*])
    };
}

/// One subsection of the specification.
fn subsection(number: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vdi-spec.md");
    let text = fs::read_to_string(path).unwrap();
    let start = text.find(&format!("\n### {number} ")).unwrap();
    let end = text[start + 1..].find("\n###").unwrap();
    text[start..=start + end].to_owned()
}

/// The cells of the rows of a table.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let is_row = |line: &&str| line.starts_with('|');
    text.lines().filter(is_row).map(|line| {
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().trim_matches('`')).collect()
    })
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The names and values of a table whose second and third columns have them.
fn table(section: &str) -> BTreeMap<String, u32> {
    let text = subsection(section);
    let named = rows(&text).filter_map(|cells| Some((cells[1].to_owned(), number(cells[2])?)));
    named.collect()
}

/// [RC-00, RC-02, RC-03, RC-04, RC-05, RC-06, RC-07, RC-09, RC-0A, RC-0B, RC-0C, RC-0D, RC-0E, RC-0F]
#[test]
fn result_codes_have_the_published_values() {
    let ours = values! {
        NOERROR VD_E_NOTOPEN VD_E_TIMEOUT VD_E_ABORT VD_E_SECURITY VD_E_INVALID VD_E_INSTANCE_NAME
        VD_E_NOTSUPPORTED VD_E_MEMORY VD_E_UNEXPECTED VD_E_PROTOCOL VD_E_OPEN VD_E_CLOSE VD_E_BUSY
    };
    assert_eq!(ours, table("2.1"));
    let text = subsection("2.1");
    for row in rows(&text).filter(|row| number(row[2]).is_some()) {
        assert_eq!(row[3].parse::<i32>().unwrap() as u32, ours[row[1]]);
    }
}

/// [CC-01, CC-02, CC-03, CC-04, CC-05, CC-06, CC-07, CC-08, CC-09, CC-10, CC-11, CC-12, CC-13, CC-14]
/// [CC-15, CC-16, CC-17, CC-18, CC-19, CC-20, CC-21, CC-22, CC-23]
#[test]
fn completion_codes_have_the_published_values() {
    let ours = values! {
        ERROR_SUCCESS ERROR_INVALID_HANDLE ERROR_ARENA_TRASHED ERROR_HANDLE_EOF
        ERROR_HANDLE_DISK_FULL ERROR_NOT_SUPPORTED ERROR_INVALID_PARAMETER ERROR_DISK_FULL
        ERROR_OPERATION_ABORTED ERROR_END_OF_MEDIA ERROR_FILEMARK_DETECTED
        ERROR_BEGINNING_OF_MEDIA ERROR_SETMARK_DETECTED ERROR_NO_DATA_DETECTED
        ERROR_INVALID_BLOCK_LENGTH ERROR_UNABLE_TO_LOCK_MEDIA ERROR_UNABLE_TO_UNLOAD_MEDIA
        ERROR_MEDIA_CHANGED ERROR_BUS_RESET ERROR_NO_MEDIA_IN_DRIVE ERROR_IO_DEVICE
        ERROR_EOM_OVERFLOW ERROR_NO_SYSTEM_RESOURCES
    };
    assert_eq!(ours, table("2.2"));
}

/// [FV-01, FV-02, FV-03, FV-04, FV-05, FV-06, FV-07, FV-08, FV-09, FV-10, FV-11, FV-12, FV-13, FV-14]
/// [FV-15, FV-16, FV-17, FV-18, FV-19]
#[test]
fn features_have_the_published_values() {
    let ours = values! {
        VDF_LikePipe VDF_Removable VDF_Rewind VDF_Position VDF_SkipBlocks VDF_ReversePosition
        VDF_Discard VDF_FileMarks VDF_RandomAccess VDF_SnapshotPrepare VDF_EnumFrozenFiles
        VDF_VSSWriter VDF_RequestComplete VDF_WriteMedia VDF_ReadMedia VDF_CompleteEnabled
        VDF_LatchStats VDF_LikeTape VDF_LikeDisk
    };
    assert_eq!(ours, table("2.3"));
}

/// [CV-01, CV-02]
#[test]
fn commands_and_starts_have_the_published_values() {
    let commands = values! {
        VDC_Read VDC_Write VDC_ClearError VDC_Rewind VDC_WriteMark VDC_SkipMarks VDC_SkipBlocks
        VDC_Load VDC_GetPosition VDC_SetPosition VDC_Discard VDC_Flush VDC_Snapshot
        VDC_MountSnapshot VDC_PrepareToFreeze VDC_FileInfoBegin VDC_FileInfoEnd VDC_GetError
        VDC_Complete
    };
    let text = subsection("2.4");
    // Two codes and names stand in each row.
    let pairs = rows(&text).flat_map(|row| [[row[0], row[1]], [row[2], row[3]]]);
    let published = pairs.filter_map(|[code, name]| Some((name.to_owned(), number(code)?)));
    assert_eq!(commands, published.collect());
    for (name, value) in values! { VDC_Beginning VDC_Current VDC_End } {
        assert!(text.contains(&format!("`{name}` = {value}")), "{name}");
    }
}
