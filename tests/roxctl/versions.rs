//! Several versions side by side.

use crate::computer::Computer;
use crate::mirror;

#[test]
fn versions_stand_side_by_side_and_one_of_them_runs() {
    let (computer, mirror) = (Computer::new(), mirror());
    let url = mirror.url();
    for version in ["4.8.3", "4.9.1"] {
        computer.run(&format!("install {version} --side-by-side --mirror {url}")).ends_with(0);
    }
    assert_eq!(computer.names(), [".local/bin/roxctl-4.8.3", ".local/bin/roxctl-4.9.1"]);
    computer.run("use 4.8.3").ends_with(0).says("now roxctl 4.8.3");
    assert_eq!(computer.version(), "4.8.3");
    computer.run("use 4.9.1").ends_with(0);
    assert_eq!(computer.version(), "4.9.1");
    computer.run("use 4.9.1").ends_with(0).says("already");
    assert_eq!(computer.names().len(), 3, "{:?}", computer.names());
    let lines = computer.run("list --offline -o json").ends_with(0).json();
    let runs: Vec<&str> = (0..3).filter_map(|line| lines[line]["runs"].as_str()).collect();
    assert_eq!(runs, ["yes", "beside", "beside"]);
    computer.run(&format!("verify --mirror {url}")).ends_with(0);

    computer.run("uninstall 4.8.3").ends_with(0);
    assert_eq!(computer.names(), [".local/bin/roxctl", ".local/bin/roxctl-4.9.1"]);
    computer.run("uninstall").ends_with(0).says("removed 2 files");
    assert!(computer.names().is_empty());
}

#[test]
fn the_one_before_is_kept_under_its_version() {
    let (computer, mirror) = (Computer::new(), mirror());
    let url = mirror.url();
    computer.run(&format!("install 3.69.2 --mirror {url}")).ends_with(0);
    computer.run(&format!("install 4.9.1 --side-by-side --mirror {url}")).ends_with(0);
    computer.run("use 4.9.1").ends_with(0).says("kept as").says("roxctl-3.69.2");
    computer.run("use 3.69.2").ends_with(0);
    assert_eq!(computer.version(), "3.69.2");
    assert_eq!(computer.receipts().len(), 3);
}

#[test]
fn the_newest_one_stands_beside_others_under_its_own_name() {
    let (computer, mirror) = (Computer::new(), mirror());
    computer.run(&format!("install latest --side-by-side --mirror {}", mirror.url())).ends_with(0);
    assert_eq!(computer.names(), [".local/bin/roxctl-4.9.1"]);
}

#[test]
fn a_version_that_is_not_there_is_said_with_the_way_to_it() {
    let (computer, mirror) = (Computer::new(), mirror());
    computer.run("use 4.8.3").ends_with(2).says("install 4.8.3 --side-by-side");
    let words = format!("install 4.8.3 --side-by-side --mirror {}", mirror.url());
    computer.run(&words).ends_with(0);
    computer.put_program(".local/bin/roxctl-4.8.3", "4.8.3");
    computer.run("use 4.8.3").ends_with(3).says("not the file");
    std::fs::create_dir(computer.bin().join("roxctl")).expect("created");
    computer.run(&format!("{words} --force")).ends_with(0);
    computer.run("use 4.8.3").ends_with(3).says("in the way");
}
