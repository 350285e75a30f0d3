//! What differs between operating systems: names, places, rights, and how a file is replaced.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::names::installed_name;
use crate::env::{Arch, Env, Machine, Os};

/// This computer as far as installing a program on it goes; tests set the machine.
#[derive(Clone, Debug)]
pub struct System {
    machine: Machine,
    path: Vec<PathBuf>,
    extensions: Vec<String>,
    home: Option<PathBuf>,
    local_data: Option<PathBuf>,
    state: Option<PathBuf>,
    shell: String,
}

impl System {
    /// The system that `env` describes.
    #[must_use]
    pub fn of(env: &Env) -> Self {
        let machine = env.machine();
        let directory = |name: &str| env.variable(name).map(PathBuf::from);
        let absolute = |name: &str| directory(name).filter(|path| path.is_absolute());
        let extensions = env.variable("PATHEXT").unwrap_or_else(|| ".COM;.EXE;.BAT;.CMD".into());
        let separator = if machine.os == Os::Windows { ';' } else { ':' };
        let path = env.variable("PATH").unwrap_or_default();
        let path = path.split(separator).map(|entry| entry.trim_matches('"'));
        let home = env.home().map(Path::to_owned);
        let in_home = |folder: &str| home.as_ref().map(|home| home.join(folder));
        let local_data = match machine.os {
            Os::Windows => absolute("LOCALAPPDATA").or_else(|| in_home("AppData/Local")),
            Os::MacOs => in_home("Library/Application Support"),
            Os::Linux => absolute("XDG_DATA_HOME").or_else(|| in_home(".local/share")),
        };
        let state = match machine.os {
            Os::Linux => absolute("XDG_STATE_HOME").or_else(|| in_home(".local/state")),
            Os::MacOs | Os::Windows => local_data.clone(),
        };
        Self {
            machine,
            path: path.filter(|entry| !entry.is_empty()).map(|entry| env.resolve(entry)).collect(),
            extensions: extensions.split(';').map(str::to_lowercase).collect(),
            home,
            local_data,
            state: state.map(|state| state.join("kubectl-rhacs")),
            shell: env.variable("SHELL").unwrap_or_default(),
        }
    }

    /// The same machine with nothing on it but `directory`: without a `PATH`, and with the suite's
    /// memory in there as well. What a rehearsal installs cannot reach anything real.
    #[must_use]
    pub fn confined_to(self, directory: &Path) -> Self {
        Self {
            path: Vec::new(),
            home: Some(directory.to_owned()),
            local_data: Some(directory.to_owned()),
            state: Some(directory.join("state")),
            ..self
        }
    }

    /// The machine.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.machine
    }

    /// Whether a program for `machine` runs here: macOS and Windows on ARM run those for amd64.
    #[must_use]
    pub fn runs(&self, machine: Machine) -> bool {
        let emulates = self.machine.os != Os::Linux && self.machine.arch == Arch::Arm64;
        machine == self.machine
            || (emulates && machine.os == self.machine.os && machine.arch == Arch::Amd64)
    }

    /// The directories of `PATH`, in order.
    #[must_use]
    pub fn path(&self) -> &[PathBuf] {
        &self.path
    }

    /// Where programs of a single user belong; none without a home.
    #[must_use]
    pub fn default_directory(&self) -> Option<PathBuf> {
        match self.machine.os {
            Os::Windows => Some(self.local_data.as_ref()?.join("Programs").join("roxctl")),
            Os::Linux | Os::MacOs => Some(self.home.as_ref()?.join(".local").join("bin")),
        }
    }

    /// Where the suite remembers what it did on this computer; none without a home.
    #[must_use]
    pub fn state_directory(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// Whether `directory` is one of `PATH`.
    #[must_use]
    pub fn is_on_path(&self, directory: &Path) -> bool {
        self.path.iter().any(|entry| same_place(entry, directory))
    }

    /// Every file that `PATH` could run as `roxctl`; the first one is run.
    #[must_use]
    pub fn find_all(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        let mut seen: Vec<PathBuf> = Vec::new();
        for directory in &self.path {
            let place = fs::canonicalize(directory).unwrap_or_else(|_| directory.clone());
            if seen.contains(&place) {
                continue;
            }
            seen.push(place);
            let files = self.candidates().into_iter().map(|name| directory.join(name));
            found.extend(files.filter(|file| self.is_executable(file)));
        }
        found
    }

    /// The names under which a shell finds `roxctl`.
    fn candidates(&self) -> Vec<String> {
        match self.machine.os {
            Os::Windows => self.extensions.iter().map(|end| format!("roxctl{end}")).collect(),
            Os::Linux | Os::MacOs => vec![installed_name(self.machine.os, None)],
        }
    }

    fn is_executable(&self, file: &Path) -> bool {
        let Ok(found) = fs::metadata(file) else { return false };
        found.is_file() && (self.machine.os == Os::Windows || has_executable_bit(&found))
    }

    /// Lets everybody run the file, where that takes a bit.
    ///
    /// # Errors
    /// What changing the mode gives.
    pub fn make_executable(&self, file: &Path) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(file, fs::Permissions::from_mode(0o755))
        }
        #[cfg(not(unix))]
        {
            let _ = file;
            Ok(())
        }
    }

    /// Removes what macOS holds against files from elsewhere, as `xattr -c` does. An attribute the
    /// system keeps for itself stays; it does no harm.
    pub fn strip_attributes(&self, file: &Path) {
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        if self.machine.os == Os::MacOs {
            let mut names = vec![0_u8; 4096];
            let length = rustix::fs::listxattr(file, &mut names[..]).unwrap_or_default();
            for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
                let _ = rustix::fs::removexattr(file, name);
            }
        }
        #[cfg(not(any(target_os = "linux", target_os = "macos")))]
        let _ = file;
    }

    /// Gives `part` the name `target`, in place of what has it: at once, or, where a running
    /// program cannot be replaced, by moving that aside first.
    ///
    /// # Errors
    /// What renaming gives; the old file is at its place then.
    pub fn replace(&self, part: &Path, target: &Path) -> io::Result<()> {
        match fs::rename(part, target) {
            Err(error) if self.machine.os == Os::Windows && is_denied(&error) => {
                replace_running(part, target)
            }
            result => result,
        }
    }

    /// Removes a file; a program that runs and cannot be removed is moved aside.
    ///
    /// # Errors
    /// What removing or renaming gives.
    pub fn remove(&self, file: &Path) -> io::Result<()> {
        match fs::remove_file(file) {
            Err(error) if self.machine.os == Os::Windows && is_denied(&error) => {
                fs::rename(file, aside(file, true)?)
            }
            result => result,
        }
    }

    /// The command that puts `directory` on `PATH` for good.
    #[must_use]
    pub fn path_advice(&self, directory: &Path) -> String {
        let shown = directory.display();
        if self.machine.os == Os::Windows {
            return format!(
                "[Environment]::SetEnvironmentVariable('Path', \
                 [Environment]::GetEnvironmentVariable('Path', 'User') + ';{shown}', 'User')"
            );
        }
        match self.shell.rsplit('/').next().unwrap_or_default() {
            "fish" => format!("fish_add_path {shown}"),
            "zsh" => format!("echo 'export PATH=\"{shown}:$PATH\"' >> ~/.zshrc"),
            "bash" => format!("echo 'export PATH=\"{shown}:$PATH\"' >> ~/.bashrc"),
            _ => format!("export PATH=\"{shown}:$PATH\""),
        }
    }

    /// How a person gets the rights that a command lacks.
    #[must_use]
    pub fn rights_hint(&self, words: &str) -> String {
        match self.machine.os {
            Os::Windows => {
                format!("run `kubectl rhacs roxctl {words}` in a terminal of an administrator")
            }
            Os::Linux | Os::MacOs => format!("sudo kubectl rhacs roxctl {words}"),
        }
    }
}

/// The end of a name that a running program was moved to; more than one may still run.
const ASIDE: &str = ".old";

/// The name a file had before it was moved aside.
pub(super) fn before_aside(name: &str) -> Option<&str> {
    let (before, after) = name.rsplit_once(ASIDE)?;
    after.chars().all(|c| c.is_ascii_digit()).then_some(before)
}

/// Whether both name one directory, however it is written.
pub(super) fn same_place(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    a == b || whole(a) == whole(b)
}

/// Whether files can be created in `directory`, or in the nearest one above it that is there.
///
/// # Errors
/// What trying it gives.
pub(super) fn check_writable(directory: &Path) -> io::Result<()> {
    let existing = directory.ancestors().find(|above| above.exists());
    tempfile::tempfile_in(existing.unwrap_or(directory)).map(drop)
}

fn replace_running(part: &Path, target: &Path) -> io::Result<()> {
    let old = aside(target, false)?;
    fs::rename(target, &old)?;
    if let Err(error) = fs::rename(part, target) {
        drop(fs::rename(&old, target));
        return Err(error);
    }
    // It goes when it no longer runs: now, or with the next command.
    drop(fs::remove_file(&old));
    Ok(())
}

/// A free name to move `file` to. `removed` says that nothing will take its place: the number then
/// is never absent, so that tidying up does not take it for a replacement that was cut off.
fn aside(file: &Path, removed: bool) -> io::Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let first = u32::from(removed);
    for number in first..100 {
        let number = if number == 0 { String::new() } else { number.to_string() };
        let path = file.with_file_name(format!("{name}{ASIDE}{number}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => return Ok(path),
        }
    }
    Err(io::Error::other("too many old copies still run"))
}

/// Windows says so of a program that runs.
fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ResourceBusy)
        || error.raw_os_error() == Some(32)
}

#[cfg(unix)]
fn has_executable_bit(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
const fn has_executable_bit(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(os: Os, variables: &[(&str, &str)]) -> System {
        let env =
            Env::test().with_machine(Machine { os, arch: Arch::Amd64 }).with_home("/home/ann");
        let env = variables.iter().fold(env, |env, (name, value)| env.with_variable(name, value));
        System::of(&env)
    }

    #[test]
    fn every_system_has_its_own_place_for_programs() {
        let local = [("LOCALAPPDATA", "/c/Local")];
        let place = |os, variables| system(os, variables).default_directory().unwrap();
        assert_eq!(place(Os::Linux, &[]), Path::new("/home/ann/.local/bin"));
        assert_eq!(place(Os::MacOs, &[]), Path::new("/home/ann/.local/bin"));
        assert_eq!(place(Os::Windows, &local), Path::new("/c/Local/Programs/roxctl"));
        let state = |os| system(os, &local).state_directory().unwrap().to_owned();
        assert_eq!(state(Os::Linux), Path::new("/home/ann/.local/state/kubectl-rhacs"));
        assert_eq!(state(Os::Windows), Path::new("/c/Local/kubectl-rhacs"));
        assert!(System::of(&Env::test()).default_directory().is_none());
    }

    #[test]
    fn a_confined_system_knows_its_directory_only() {
        for os in [Os::Linux, Os::MacOs, Os::Windows] {
            let confined = system(os, &[("PATH", "/usr/bin")]).confined_to(Path::new("/tmp/r"));
            assert!(confined.path().is_empty());
            assert!(confined.default_directory().unwrap().starts_with("/tmp/r"));
            assert!(confined.state_directory().unwrap().starts_with("/tmp/r"));
        }
    }

    #[test]
    fn the_path_is_split_as_the_system_splits_it() {
        let unix = system(Os::Linux, &[("PATH", "/a:/b::/c")]);
        assert_eq!(unix.path(), ["/a", "/b", "/c"].map(PathBuf::from));
        let windows = system(Os::Windows, &[("PATH", "/a;\"/b c\";/d")]);
        assert_eq!(windows.path(), ["/a", "/b c", "/d"].map(PathBuf::from));
    }

    #[test]
    fn windows_finds_a_program_by_its_extensions() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["roxctl", "roxctl.exe", "roxctl.cmd"] {
            fs::write(directory.path().join(name), "x").unwrap();
        }
        let path = directory.path().display().to_string();
        let names = |variables: &[(&str, &str)]| -> Vec<String> {
            let found = system(Os::Windows, variables).find_all();
            let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
            found.iter().map(name).collect()
        };
        assert_eq!(names(&[("PATH", &path)]), ["roxctl.exe", "roxctl.cmd"]);
        assert_eq!(names(&[("PATH", &path), ("PATHEXT", ".CMD")]), ["roxctl.cmd"]);
        assert!(system(Os::Linux, &[("PATH", &path)]).find_all().is_empty(), "none has the bit");
    }

    #[test]
    fn a_running_program_is_moved_aside() {
        let directory = tempfile::tempdir().unwrap();
        let (part, target) =
            (directory.path().join("roxctl.exe.part"), directory.path().join("roxctl.exe"));
        fs::write(&part, "new").unwrap();
        fs::write(&target, "old").unwrap();
        replace_running(&part, &target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let error = replace_running(&part, &target).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read(&target).unwrap(), b"new", "it is put back");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn attributes_are_stripped_where_they_stand_in_the_way() {
        use rustix::fs::{XattrFlags, listxattr, setxattr};
        let file = tempfile::NamedTempFile::new().unwrap();
        let count = || listxattr(file.path(), &mut [0_u8; 512][..]).unwrap_or_default();
        if setxattr(file.path(), "user.quarantine", b"1", XattrFlags::empty()).is_err() {
            // Some file systems have none.
            return;
        }
        let marked = count();
        system(Os::Linux, &[]).strip_attributes(file.path());
        assert_eq!(count(), marked, "Linux leaves them alone");
        system(Os::MacOs, &[]).strip_attributes(file.path());
        assert!(count() < marked);
    }

    #[test]
    fn names_of_files_moved_aside_are_known() {
        assert_eq!(before_aside("roxctl.exe.old"), Some("roxctl.exe"));
        assert_eq!(before_aside("roxctl.exe.old12"), Some("roxctl.exe"));
        assert_eq!(before_aside("roxctl.older"), None);
    }

    #[test]
    fn the_advice_fits_the_shell() {
        let advice = |shell: &str| {
            system(Os::Linux, &[("SHELL", shell)]).path_advice(Path::new("/home/ann/.local/bin"))
        };
        assert!(advice("/usr/bin/zsh").ends_with("~/.zshrc"));
        assert_eq!(advice("/usr/bin/fish"), "fish_add_path /home/ann/.local/bin");
        let windows = system(Os::Windows, &[]);
        assert!(windows.path_advice(Path::new("C:/x")).contains("'User'"));
        assert!(windows.rights_hint("install").contains("administrator"));
        assert!(system(Os::MacOs, &[]).rights_hint("install").starts_with("sudo "));
    }
}
