//! Installing, upgrading and removing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::computer::Computer;
use crate::{mirror, publishing};

#[test]
fn it_is_installed_upgraded_verified_and_removed() {
    let (computer, mirror) = (Computer::new(), mirror());
    let url = mirror.url();
    let done = computer.run(&format!("install 4.8.3 --mirror {url}")).ends_with(0);
    done.says("4.8.3").says(".local/bin/roxctl");
    assert_eq!(computer.names(), [".local/bin/roxctl"]);
    assert_eq!(computer.version(), "4.8.3");
    let mode = fs::metadata(computer.bin().join("roxctl")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(computer.receipts().len(), 1);
    assert_eq!(computer.receipts()[0]["version"], "4.8.3");

    computer.run(&format!("verify --mirror {url}")).ends_with(0).says("same");
    computer
        .run(&format!("install 4.9.1 --mirror {url}"))
        .ends_with(0)
        .says("it replaced roxctl 4.8.3");
    assert_eq!(computer.version(), "4.9.1");
    assert_eq!(computer.receipts().len(), 1);
    computer.run("which").ends_with(0).says("version 4.9.1, installed by this suite");

    computer.run("uninstall").ends_with(0).says("removed 1 file");
    assert!(computer.names().is_empty(), "{:?}", computer.names());
    assert!(computer.receipts().is_empty());
    computer.run("uninstall").ends_with(0).says("nothing to do");
    computer.run("which").ends_with(2).says("install");
}

#[test]
fn a_second_install_changes_nothing_and_downloads_nothing() {
    let (computer, mirror) = (Computer::new(), mirror());
    let words = format!("install 3.69.2 --mirror {} -o json", mirror.url());
    assert_eq!(computer.run(&words).ends_with(0).json()["changed"], true);
    let before = mirror.requests().len();
    let again = computer.run(&words).ends_with(0).json();
    assert_eq!(again["changed"], false);
    let new: Vec<String> =
        mirror.requests()[before..].iter().map(|request| request.path.clone()).collect();
    assert!(new.iter().all(|path| path.ends_with("sha256sum.txt")), "{new:?}");
    let forced = computer.run(&format!("{words} --force")).ends_with(0).json();
    assert_eq!(forced["changed"], true);
}

#[test]
fn the_newest_one_is_found_out_by_running_it() {
    let (computer, mirror) = (Computer::new(), mirror());
    let done = computer.run(&format!("install latest --mirror {} -o json", mirror.url()));
    let done = done.ends_with(0).json();
    assert_eq!(done["version"], "4.9.1");
    assert_eq!(done["size"], 96 << 10);
    assert_eq!(computer.receipts()[0]["version"], "4.9.1");
}

#[test]
fn releases_of_old_are_found_under_both_their_names() {
    for (published, asked) in [("3.0.62.1", "3.62.1"), ("3.0.61.0", "3.0.61.0")] {
        let (computer, mirror) = (Computer::new(), publishing(&[published]).start().expect("up"));
        computer.run(&format!("install {asked} --mirror {}", mirror.url())).ends_with(0);
        assert_eq!(computer.version(), published);
    }
}

#[test]
fn the_roxctl_on_the_path_is_replaced_where_it_is() {
    let computer = Computer::new().with_path(&["tools", ".local/bin"]);
    let old = computer.put_program("tools/roxctl", "4.7.0");
    let mirror = mirror();
    computer
        .run(&format!("install 4.8.3 --mirror {}", mirror.url()))
        .ends_with(0)
        .says("4.7.0 that this command did not install");
    assert_eq!(computer.names(), ["tools/roxctl"]);
    assert!(fs::read(old).expect("there").len() > 1000);
}

#[test]
fn what_keeps_a_shell_from_finding_it_is_said() {
    let mirror = mirror();
    let computer = Computer::new().with_path(&["elsewhere"]);
    let words = format!("install 4.8.3 --mirror {}", mirror.url());
    computer
        .run_with(&words, |command| {
            command.env("SHELL", "/bin/zsh");
        })
        .ends_with(0)
        .says("not on the PATH")
        .says(".zshrc");
    let computer = Computer::new().with_path(&["first", "second"]);
    computer.put_program("first/roxctl", "4.7.0");
    let words = format!("{words} --bin-dir second");
    computer.run(&words).ends_with(0).says("first/roxctl").says("earlier on the PATH");
    let lines = computer.run("list --offline -o json").ends_with(0).json();
    assert_eq!(lines[0]["runs"], "yes");
    assert_eq!(
        (&lines[1]["runs"], &lines[1]["roxctl"]["ours"]),
        (&"shadowed".into(), &true.into())
    );
}

#[test]
fn a_file_that_was_carried_here_is_installed_with_its_checksum() {
    let (computer, mirror) = (Computer::new(), mirror());
    let bytes = mirror.file("4.8.3", "Linux", "roxctl").expect("published");
    fs::write(computer.home().join("carried"), bytes).expect("written");
    let refused = computer.run("install --file carried").ends_with(3);
    refused.says("--sha256").says("sha256sum.txt");
    let sum = std::process::Command::new("sha256sum").arg(computer.home().join("carried")).output();
    let sum = String::from_utf8(sum.expect("sha256sum").stdout).expect("text");
    let sum = sum.split(' ').next().expect("a sum").to_owned();
    computer.run(&format!("install --file carried --sha256 {sum}")).ends_with(0).says("4.8.3");
    computer.run("uninstall").ends_with(0);
    let list = format!("{sum}  ./carried\n");
    fs::write(computer.home().join("sha256sum.txt"), list).expect("written");
    computer.run("install 4.8.3 --file carried").ends_with(0);
    computer.run("install 4.9.1 --file carried --force").ends_with(4).says("not 4.9.1");
    assert_eq!(computer.version(), "4.8.3");
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let (computer, mirror) = (Computer::new(), mirror());
    let words = format!("install 4.8.3 --mirror {} --dry-run", mirror.url());
    computer.run(&words).ends_with(0).says("would install roxctl 4.8.3").says(".local/bin");
    assert!(mirror.requests().is_empty() && computer.names().is_empty());
    computer.run(&format!("install 4.8.3 --mirror {}", mirror.url())).ends_with(0);
    computer.run("uninstall --dry-run").ends_with(0).says(".local/bin/roxctl");
    assert_eq!(computer.names(), [".local/bin/roxctl"]);
}

#[test]
fn every_roxctl_is_removed_only_after_showing_them() {
    let computer = Computer::new().with_path(&["a", "b"]);
    computer.put_program("a/roxctl", "4.7.0");
    computer.put_program("b/roxctl", "4.6.0");
    computer.run("uninstall").ends_with(0).says("--all");
    computer.run("uninstall --all").ends_with(2).says("a/roxctl").says("b/roxctl").says("--yes");
    assert_eq!(computer.names().len(), 2);
    computer.run("uninstall --all --yes").ends_with(0).says("removed 2 files");
    assert!(computer.names().is_empty());
}

#[test]
fn what_somebody_changed_is_not_ours_any_more() {
    let (computer, mirror) = (Computer::new(), mirror());
    computer.run(&format!("install 4.8.3 --mirror {}", mirror.url())).ends_with(0);
    computer.put_program(".local/bin/roxctl", "4.8.3");
    computer.run("verify --offline").ends_with(4).says("differs");
    computer.run("uninstall").ends_with(3).says("not the file that this command installed");
    assert_eq!(computer.names(), [".local/bin/roxctl"]);
    computer.run("uninstall --all --yes").ends_with(0);
    assert!(computer.names().is_empty() && computer.receipts().is_empty());
}
