//! Bad input and bad places get a clear error and change nothing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::computer::Computer;
use crate::mirror;

#[test]
fn what_cannot_be_done_is_said() {
    let (computer, mirror) = (Computer::new(), mirror());
    let url = mirror.url();
    let table = [
        (format!("install 9.9.9 --mirror {url}"), 2, "9.9.9 is not published"),
        (format!("install 4.8 --mirror {url}"), 2, "neither `central` nor `latest`"),
        (format!("install 4.8.3 --os plan9 --mirror {url}"), 2, "plan9"),
        (format!("install 4.8.3 --sha256 abc --mirror {url}"), 2, "64 hexadecimal"),
        (format!("install 4.8.3 --mirror-ca missing --mirror {url}"), 2, "missing"),
        ("install 4.8.3 --mirror ftp://x/y".to_owned(), 2, "mirror"),
        ("install --file missing".to_owned(), 2, "missing"),
        ("install --file .".to_owned(), 2, "no file"),
        ("install latest --file x".to_owned(), 2, "neither"),
        ("install".to_owned(), 2, "install latest"),
        ("install central".to_owned(), 2, "kubeconfig"),
        ("use 4.8.3".to_owned(), 2, "--side-by-side"),
        ("use".to_owned(), 2, "VERSION"),
        ("verify".to_owned(), 2, "no such roxctl"),
        ("verify 4.8.3".to_owned(), 2, "no such roxctl"),
        ("frobnicate".to_owned(), 2, "frobnicate"),
        (String::new(), 2, "Usage"),
        ("install 4.8.3 --mirror http://127.0.0.1:1/x".to_owned(), 1, "127.0.0.1:1"),
    ];
    for (words, code, text) in table {
        computer.run(&words).ends_with(code).says(text);
        assert!(computer.names().is_empty(), "`{words}` left {:?}", computer.names());
    }
}

#[test]
fn a_password_of_a_mirror_is_sent_but_never_shown() {
    let (computer, mirror) = (Computer::new(), mirror());
    let url = mirror.url().replace("http://", "http://ann:canary@");
    let done = computer.run(&format!("install 4.8.3 --mirror {url} -o json")).ends_with(0);
    assert!(!format!("{done:?}").replace(&url, "").contains("canary"), "{done:?}");
    assert!(mirror.requests().iter().all(|request| request.authorization.is_some()));
    assert!(!serde_json::to_string(&computer.receipts()).expect("JSON").contains("canary"));
    let done = computer.run(&format!("install 9.9.9 --mirror {url}")).ends_with(2);
    assert!(!done.stderr.contains("canary"), "{done:?}");
}

#[test]
fn what_is_in_the_way_is_left_alone() {
    let mirror = mirror();
    let words = format!("install 4.8.3 --mirror {}", mirror.url());
    let computer = Computer::new();
    let (bin, target) = (computer.bin(), computer.bin().join("roxctl"));
    fs::create_dir_all(&target).expect("created");
    computer.run(&words).ends_with(3).says("in the way").says("no file");
    fs::remove_dir(&target).expect("removed");

    let other = computer.put_program("cellar/roxctl", "4.7.0");
    symlink(&other, &target).expect("linked");
    computer.run(&format!("{words} --bin-dir .local/bin")).ends_with(3).says("symbolic link");
    assert!(target.is_symlink());
    fs::remove_file(&target).expect("removed");

    fs::write(&target, "my notes").expect("written");
    computer.run(&words).ends_with(3).says("did not install it").says("--force");
    assert_eq!(fs::read(&target).expect("there"), b"my notes");
    computer.run(&format!("{words} --force")).ends_with(0);
    assert_eq!(computer.version(), "4.8.3");

    fs::write(computer.home().join("file"), "x").expect("written");
    computer.run(&format!("{words} --bin-dir file")).ends_with(3).says("no directory");
    assert!(fs::read_dir(&bin).expect("there").count() == 1);
}

#[test]
fn a_directory_that_cannot_be_written_is_named_with_the_way_out() {
    let (computer, mirror) = (Computer::new(), mirror());
    let words = format!("install 4.8.3 --bin-dir /proc --mirror {}", mirror.url());
    computer.run(&words).ends_with(3).says("/proc").says("sudo").says("--bin-dir");
    assert!(mirror.requests().is_empty(), "nothing was asked for");
    let computer = Computer::new().with_path(&["read-only"]);
    computer.put_program("read-only/roxctl", "4.7.0");
    let directory = computer.home().join("read-only");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o555)).expect("changed");
    // Root may write there all the same.
    if fs::write(directory.join("probe"), "").is_err() {
        let refused = computer.run("uninstall --all --yes").ends_with(3);
        refused.says("read-only").says("sudo").says("nothing was changed");
        assert_eq!(computer.names(), ["read-only/roxctl"]);
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("changed");
}

#[test]
fn only_one_command_changes_roxctl_at_a_time() {
    let (computer, mirror) = (Computer::new(), mirror());
    let state = computer.home().join(".local/state/kubectl-rhacs");
    fs::create_dir_all(&state).expect("created");
    let lock = fs::File::create(state.join("roxctl.lock")).expect("created");
    lock.lock().expect("locked");
    let words = format!("install 4.8.3 --mirror {}", mirror.url());
    computer.run(&words).ends_with(8).says("at work");
    computer.run("list --offline").ends_with(0);
    drop(lock);
    computer.run(&words).ends_with(0);
}

#[test]
fn every_help_has_examples() {
    let computer = Computer::new();
    for verb in ["", "install", "uninstall", "list", "which", "verify", "use"] {
        computer.run(&format!("{verb} --help")).ends_with(0).says("Examples:");
    }
}
