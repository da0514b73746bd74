//! The command line, as `sqlcmd` and `osql` have it.

use std::path::PathBuf;
use std::time::Duration;

use vdi::Instance;

/// How long the set may take to appear, as a login may take.
const LOGIN: Duration = Duration::from_secs(8);

/// What the command line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Options {
    /// The engine, as `host`, `host\instance` or `host,port`.
    pub(super) server: Option<String>,
    /// Who runs the statement; only for the label.
    pub(super) user: Option<String>,
    /// The first database.
    pub(super) database: Option<String>,
    /// End with status 1 at the first batch that has an error.
    pub(super) stop: bool,
    pub(super) work: Work,
    pub(super) output: Option<PathBuf>,
    pub(super) table: Table,
    pub(super) login_timeout: Duration,
    pub(super) query_timeout: Option<Duration>,
    /// Messages go to standard error: those of errors, or all.
    pub(super) redirect: Redirect,
    pub(super) catalogue: Option<PathBuf>,
}

/// Where the statements are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Work {
    /// On the command line, and no more.
    Query(String),
    /// On the command line, then on standard input.
    QueryThenInput(String),
    Files(Vec<PathBuf>),
    Input,
    Help,
}

/// Which messages go to standard error.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Redirect {
    #[default]
    Nothing,
    Errors,
    All,
}

/// How rows are printed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Table {
    pub(super) heads: bool,
    pub(super) trim: bool,
    pub(super) separator: String,
}

/// Letters that take a value, and what follows at once or as the next word is it.
const VALUED: &str = "SUPdQqiohltscwHaD";
/// Letters that mean nothing here.
const HARMLESS: &str = "ECNInXRxek";
/// Those of them that may have a letter or digit attached.
const ATTACHED: &str = "NXk";

impl Options {
    fn new() -> Self {
        Self {
            server: None,
            user: None,
            database: None,
            stop: false,
            work: Work::Input,
            output: None,
            table: Table {
                heads: true,
                trim: false,
                separator: " ".into(),
            },
            login_timeout: LOGIN,
            query_timeout: None,
            redirect: Redirect::Nothing,
            catalogue: std::env::var_os("VDI_CATALOGUE")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        }
    }

    /// Reads the words behind the name of the program, or says what is wrong with them.
    pub(super) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::new();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            if let Some(file) = long(&word, "--catalogue", &mut words)? {
                options.catalogue = Some(file.into());
                continue;
            }
            let mut signs = word.strip_prefix('-').unwrap_or_default().chars();
            let Some(letter) = signs.next() else {
                return Err(format!(
                    "'{word}': Unexpected argument. Enter '-?' for help."
                ));
            };
            let rest = signs.as_str();
            if letter == '?' || word == "--help" {
                options.work = Work::Help;
                return Ok(options);
            } else if VALUED.contains(letter) {
                let value = match rest {
                    "" => words.next(),
                    rest => Some(rest.strip_prefix('=').unwrap_or(rest).to_owned()),
                };
                let value = value.ok_or_else(|| {
                    format!("'-{letter}': Missing argument. Enter '-?' for help.")
                })?;
                options.valued(letter, value)?;
            } else {
                options.plain(letter, rest)?;
            }
        }
        Ok(options)
    }

    fn valued(&mut self, letter: char, value: String) -> Result<(), String> {
        match letter {
            'S' => self.server = Some(value),
            'U' => self.user = Some(value),
            'd' => self.database = Some(value),
            'Q' => self.source(letter, Work::Query(value))?,
            'q' => self.source(letter, Work::QueryThenInput(value))?,
            'i' => {
                let files = value.split(',').map(PathBuf::from);
                match &mut self.work {
                    Work::Files(known) => known.extend(files),
                    _ => self.source(letter, Work::Files(files.collect()))?,
                }
            }
            'o' => self.output = Some(value.into()),
            'h' => self.table.heads = number(letter, &value)? >= 0,
            's' => self.table.separator = value,
            'l' => {
                let timeout = seconds(letter, &value)?;
                self.login_timeout = match timeout.is_zero() {
                    true => Duration::MAX,
                    false => timeout,
                };
            }
            't' => {
                let timeout = seconds(letter, &value)?;
                self.query_timeout = (!timeout.is_zero()).then_some(timeout);
            }
            'c' if !value.eq_ignore_ascii_case("go") => {
                return Err("'-c': only GO ends a batch.".into());
            }
            'D' => return Err("'-D': there are no data sources; use -S.".into()),
            // Password, width, host name and packet size mean nothing here.
            _ => {}
        }
        Ok(())
    }

    /// Takes the place of the statements, of which there is one.
    fn source(&mut self, letter: char, work: Work) -> Result<(), String> {
        if self.work != Work::Input {
            return Err(format!(
                "'-{letter}': the statements are given already by another -Q, -q or -i."
            ));
        }
        self.work = work;
        Ok(())
    }

    fn plain(&mut self, letter: char, rest: &str) -> Result<(), String> {
        match (letter, rest) {
            ('b', "") => self.stop = true,
            ('W', "") => self.table.trim = true,
            ('r', "" | "0") => self.redirect = Redirect::Errors,
            ('r', "1") => self.redirect = Redirect::All,
            (_, "") if HARMLESS.contains(letter) => {}
            _ if ATTACHED.contains(letter) && rest.len() == 1 => {}
            _ => {
                return Err(format!(
                    "'-{letter}{rest}': Unknown Option. Enter '-?' for help."
                ));
            }
        }
        Ok(())
    }

    /// The instance that -S names; the default one has no name (NAME-12).
    pub(super) fn instance(&self) -> vdi::Result<Instance> {
        let server = self.server.as_deref().unwrap_or_default();
        let name = server.split_once('\\').map_or("", |(_, name)| name);
        let name = name.split(',').next().unwrap_or_default();
        match name.eq_ignore_ascii_case("MSSQLSERVER") {
            true => Ok(Instance::default()),
            false => Instance::new(name),
        }
    }
}

/// The value of a long option, if the word is that option.
fn long(
    word: &str,
    option: &str,
    words: &mut impl Iterator<Item = String>,
) -> Result<Option<String>, String> {
    match word.strip_prefix(option) {
        Some("") => match words.next() {
            Some(value) => Ok(Some(value)),
            None => Err(format!(
                "'{option}': Missing argument. Enter '-?' for help."
            )),
        },
        Some(value) => Ok(value.strip_prefix('=').map(str::to_owned)),
        None => Ok(None),
    }
}

fn number(letter: char, value: &str) -> Result<i32, String> {
    let wrong = |_| format!("'-{letter} {value}': a number is expected.");
    value.trim().parse().map_err(wrong)
}

fn seconds(letter: char, value: &str) -> Result<Duration, String> {
    let seconds = number(letter, value)?;
    u64::try_from(seconds)
        .map(Duration::from_secs)
        .map_err(|_| format!("'-{letter} {value}': a number of seconds is expected."))
}

/// Text of `-?`.
pub(super) const HELP: &str = "\
Executes BACKUP and RESTORE statements as the server of virtual devices.

usage: vdi sqlcmd [--catalogue FILE] [options]      or, by a link, sqlcmd or osql
  -Q \"statements\"     execute them and end
  -q \"statements\"     execute them, then those of standard input
  -i file[,file]       execute those of files; without -Q, -q and -i, of standard input
  -o file              write there instead of to standard output
  -b                   end with status 1 at the first batch with an error
  -S server[\\instance] the instance of the device sets
  -U name              the user in the label of a backup; -P and -E are not checked
  -d database          the first database
  -l seconds           how long a device set may take to appear (8; 0 for ever)
  -t seconds           how long a statement may take (no limit)
  -h -1 -W -s sep      rows without heads, without blanks at the end, with a separator
  -r0 -r1              errors, all messages, to standard error
  --catalogue FILE     what the databases are; or the environment variable VDI_CATALOGUE
Accepted without effect: -a -C -e -E -H -I -k -n -N -P -R -w -x -X";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, String> {
        Options::parse(words.iter().map(|word| (*word).to_owned()))
    }

    fn query(words: &[&str]) -> Options {
        let options = parse(words).unwrap();
        assert_eq!(options.work, Work::Query("BACKUP".into()), "{words:?}");
        options
    }

    #[test]
    fn joined_and_apart() {
        for words in [
            &[
                "-S", "host", "-U", "sa", "-P", "secret", "-b", "-d", "a", "-Q", "BACKUP",
            ][..],
            &["-Shost", "-Usa", "-Psecret", "-b", "-da", "-QBACKUP"],
            &[
                "-E",
                "-C",
                "-No",
                "-b",
                "-S=host",
                "-U=sa",
                "-d=a",
                "-Q=BACKUP",
                "-w",
                "999",
            ],
        ] {
            let options = query(words);
            assert!(options.stop, "{words:?}");
            assert_eq!(options.server.as_deref(), Some("host"));
            assert_eq!(options.user.as_deref(), Some("sa"));
            assert_eq!(options.database.as_deref(), Some("a"));
        }
        let options = query(&["-Q", "BACKUP"]);
        assert!(!options.stop && options.table.heads && !options.table.trim);
        assert_eq!(options.login_timeout, LOGIN);
        let words = [
            "-Q", "BACKUP", "-h", "-1", "-W", "-s,", "-l", "30", "-t60", "-r1", "-oF",
        ];
        let options = query(&words);
        assert!(!options.table.heads && options.table.trim);
        assert_eq!(options.table.separator, ",");
        assert_eq!(options.login_timeout, Duration::from_secs(30));
        assert_eq!(options.query_timeout, Some(Duration::from_secs(60)));
        assert_eq!(options.redirect, Redirect::All);
        assert_eq!(options.output, Some("F".into()));
        let endless = query(&["-t0", "-l0", "-QBACKUP"]);
        assert_eq!(endless.query_timeout, None);
        assert_eq!(endless.login_timeout, Duration::MAX);
        let files = parse(&["-i", "a,b", "-ic"]).unwrap().work;
        assert_eq!(
            files,
            Work::Files(["a", "b", "c"].map(PathBuf::from).into())
        );
        let catalogue = parse(&["--catalogue=x.toml"]).unwrap().catalogue;
        assert_eq!(catalogue, Some("x.toml".into()));
    }

    #[test]
    fn what_cannot_be_honoured_is_an_error() {
        for words in [
            &["-v", "a=1"][..],
            &["-Z", "new"],
            &["-Eb"],
            &["-Nob"],
            &["-Q", "USE a", "-i", "file"],
            &["-i", "file", "-Q", "USE a"],
            &["-Q", "USE a", "-Q", "USE b"],
            &["-q", "USE a", "-Q", "USE b"],
            &["-y", "0"],
            &["-b1"],
            &["-Q"],
            &["-l", "soon"],
            &["-l", "-5"],
            &["-c", "run"],
            &["BACKUP"],
            &["-"],
            &["--catalogue"],
            &["--catalog", "x"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    /// [NAME-12]
    #[test]
    fn instances() {
        for (server, name) in [
            (None, ""),
            (Some("host"), ""),
            (Some("tcp:host,1433"), ""),
            (Some(r".\MSSQLSERVER"), ""),
            (Some(r".\PROD"), "PROD"),
            (Some(r"host\PROD,1433"), "PROD"),
        ] {
            let words: Vec<_> = server.iter().flat_map(|server| ["-S", server]).collect();
            let instance = parse(&words).unwrap().instance().unwrap();
            assert_eq!(instance.as_bytes(), name.as_bytes(), "{server:?}");
        }
    }
}
