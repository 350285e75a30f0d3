//! Every operating system and architecture, by the system layer that tests set.

use common::env::{Arch, Machine, Os};
use common::exit::Exit;

use crate::computer::Computer;
use crate::{mirror, publishing};

const MACHINES: [Machine; 7] = [
    Machine { os: Os::Linux, arch: Arch::Amd64 },
    Machine { os: Os::Linux, arch: Arch::Arm64 },
    Machine { os: Os::Linux, arch: Arch::Ppc64le },
    Machine { os: Os::Linux, arch: Arch::S390x },
    Machine { os: Os::MacOs, arch: Arch::Amd64 },
    Machine { os: Os::MacOs, arch: Arch::Arm64 },
    Machine { os: Os::Windows, arch: Arch::Amd64 },
];

fn directory(os: Os) -> &'static str {
    match os {
        Os::Windows => "AppData/Programs/roxctl",
        Os::Linux | Os::MacOs => ".local/bin",
    }
}

fn file(os: Os) -> &'static str {
    if os == Os::Windows { "roxctl.exe" } else { "roxctl" }
}

#[test]
fn every_machine_installs_switches_verifies_and_removes_its_own() {
    let mirror = mirror();
    for machine in MACHINES {
        let (directory, file) = (directory(machine.os), file(machine.os));
        let computer = Computer::new().with_path(&[directory]);
        let done = |words: &str| {
            let ended = computer.run_on(machine, words);
            assert_eq!(ended.exit, Exit::Done, "{machine:?} `{words}`: {ended:?}");
            ended
        };
        let url = mirror.url();
        done(&format!("install 4.8.3 --mirror {url}"));
        assert_eq!(computer.names(), [format!("{directory}/{file}")], "{machine:?}");
        let verified = done(&format!("verify --mirror {url}"));
        assert_eq!(verified.stdout.matches("same").count(), 2, "{verified:?}");
        done(&format!("install 4.9.1 --side-by-side --mirror {url}"));
        done("use 4.9.1");
        assert_eq!(computer.names().len(), 3, "{:?}", computer.names());
        let which = done("which");
        assert!(which.stdout.contains("version 4.9.1"), "{which:?}");
        assert!(which.stdout.contains(file), "{which:?}");
        done(&format!("install 4.8.3 --mirror {url}"));
        done("uninstall");
        assert!(computer.names().is_empty(), "{machine:?} {:?}", computer.names());
    }
}

#[test]
fn a_file_for_another_machine_lands_in_the_current_directory() {
    let mirror = mirror();
    for machine in MACHINES {
        let own = Machine { os: Os::Linux, arch: Arch::Amd64 };
        if machine == own {
            continue;
        }
        let computer = Computer::new();
        let os = common::roxctl::os_name(machine.os);
        let words = format!(
            "install 4.8.3 --mirror {} --os {os} --arch {}",
            mirror.url(),
            machine.arch.name()
        );
        let ended = computer.run_on(own, &words);
        assert_eq!(ended.exit, Exit::Done, "{ended:?}");
        assert_eq!(computer.names(), [file(machine.os)], "{machine:?}");
        let expected =
            mirror.file("4.8.3", published(machine.os), &common::roxctl::mirror_file(machine));
        assert_eq!(computer.files().into_values().next(), expected, "{machine:?}");
        assert_eq!(computer.run_on(own, "uninstall").exit, Exit::Done);
        assert!(computer.names().is_empty());
    }
}

const fn published(os: Os) -> &'static str {
    match os {
        Os::Linux => "Linux",
        Os::MacOs => "Darwin",
        Os::Windows => "Windows",
    }
}

#[test]
fn a_machine_that_a_release_is_not_published_for_is_told_those_it_is() {
    let mirror = publishing(&["3.69.2", "4.3.8", "4.8.3"]).start().expect("up");
    for (release, os, arch, offered) in [
        ("3.69.2", Os::Linux, Arch::Arm64, "linux/amd64, darwin/amd64, windows/amd64"),
        ("3.69.2", Os::MacOs, Arch::Arm64, "darwin/amd64"),
        ("4.3.8", Os::Linux, Arch::Arm64, "linux/ppc64le, linux/s390x"),
        ("4.8.3", Os::Windows, Arch::Arm64, "windows/amd64"),
        ("4.8.3", Os::MacOs, Arch::S390x, "darwin/arm64"),
    ] {
        let computer = Computer::new();
        let machine = Machine { os, arch };
        let words = format!("install {release} --mirror {}", mirror.url());
        let ended = computer.run_on(machine, &words);
        assert_eq!(ended.exit, Exit::Usage, "{ended:?}");
        assert!(ended.stderr.contains(offered), "{ended:?}");
        assert!(computer.names().is_empty());
    }
    assert_eq!(mirror.requests(), [], "what is known needs not be asked for");
}

#[test]
fn a_machine_that_no_release_is_for_is_refused_before_anything_is_asked() {
    let (computer, mirror) = (Computer::new(), mirror());
    let own = Machine { os: Os::Linux, arch: Arch::Amd64 };
    let refused = |words: &str| {
        let ended = computer.run_on(own, &format!("{words} --mirror {}", mirror.url()));
        assert_eq!(ended.exit, Exit::Usage, "{words}: {ended:?}");
        assert!(ended.stderr.contains("is not published for"), "{words}: {ended:?}");
        assert_eq!(mirror.requests(), [], "{words}");
    };
    refused("install latest --os windows --arch arm64");
    refused("install latest --os darwin --arch s390x");
    refused("install 3.69.2 --arch arm64 --dry-run");
    let sum = "0".repeat(64);
    refused(&format!("install 4.4.0 --arch arm64 --sha256 {sum}"));
}

#[test]
fn a_version_that_cannot_be_known_gives_no_name() {
    let (computer, mirror) = (Computer::new(), mirror());
    let words = format!("install latest --os windows --mirror {}", mirror.url());
    let own = Machine { os: Os::Linux, arch: Arch::Amd64 };
    let ended = computer.run_on(own, &format!("{words} --side-by-side"));
    assert_eq!(ended.exit, Exit::Usage, "{ended:?}");
    assert_eq!(computer.run_on(own, &words).exit, Exit::Done);
    assert_eq!(computer.names(), ["roxctl.exe"]);
    assert!(computer.receipts()[0]["version"].is_null());
}

#[test]
fn macs_and_windows_on_arm_also_run_what_is_for_amd64() {
    let mirror = publishing(&["3.69.2"]).start().expect("up");
    for os in [Os::MacOs, Os::Windows] {
        let computer = Computer::new().with_path(&[directory(os)]);
        let machine = Machine { os, arch: Arch::Arm64 };
        let words = format!("install 3.69.2 --arch amd64 --mirror {}", mirror.url());
        let ended = computer.run_on(machine, &words);
        assert_eq!(ended.exit, Exit::Done, "{ended:?}");
        assert_eq!(computer.names(), [format!("{}/{}", directory(os), file(os))]);
    }
}
