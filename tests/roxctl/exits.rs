//! Every exit code by its one meaning, as `--help` and the README give it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use common::env::{Arch, Machine, Os};
use common::exit::Exit;
use kubectl_rhacs_roxctl::cli::EXITS;
use sim::mirror::MirrorFault;

use crate::computer::Computer;
use crate::mirror;

#[test]
fn every_exit_code_has_one_meaning() {
    let (computer, mirror) = (Computer::new(), mirror());
    let url = mirror.url();
    // Interrupted: `crash` has a test of it.
    let mut seen = BTreeSet::from([Exit::Interrupted.code()]);
    let mut ends = |words: &str, code: u8| {
        let mirror = |command: &mut Command| {
            command.env("RHACS_MIRROR", &url);
        };
        computer.run_with(words, mirror).ends_with(code.into());
        seen.insert(code);
    };
    // No such roxctl.
    for words in ["install 9.9.9", "install 3.69.2 --arch s390x", "use 4.8.3", "which", "verify"] {
        ends(words, 2);
    }
    for words in ["install nonsense", "install --file missing", "uninstall 4.8.3 --all"] {
        ends(words, 2);
    }
    // Nobody answers, or they refuse.
    ends("install 4.8.3 --mirror http://127.0.0.1:1/x", 1);
    mirror.add(MirrorFault::Status { status: 403, times: 1 });
    ends("install 4.8.3", 1);
    mirror.clear();
    // Nothing is begun.
    fs::write(computer.home().join("carried"), "x").expect("written");
    ends("install --file carried", 3);
    ends("install 4.8.3 --bin-dir /proc", 3);
    ends("install 4.8.3 --bin-dir carried", 3);
    mirror.add(MirrorFault::Claims { bytes: 1 << 60 });
    ends("install 4.8.3", 3);
    // What was begun fails.
    for fault in [
        MirrorFault::WrongSum,
        MirrorFault::Page,
        MirrorFault::Truncated { bytes: 50_000 },
        MirrorFault::OtherVersion,
        MirrorFault::Broken,
    ] {
        mirror.clear();
        mirror.add(fault);
        ends("install 4.8.3", 4);
    }
    mirror.clear();
    mirror.add(MirrorFault::Slow { milliseconds: 60_000 });
    ends("install 4.8.3 --timeout 1s", 4);
    mirror.clear();
    // Done, or nothing to do.
    for words in ["install 4.8.3", "install 4.8.3", "verify", "which", "list", "uninstall"] {
        ends(words, 0);
    }
    ends("uninstall", 0);
    // Nothing to verify it with.
    computer.put_program(".local/bin/roxctl", "4.8.3");
    ends("verify --offline", 5);
    ends("uninstall --all", 2);
    let state = computer.home().join(".local/state/kubectl-rhacs/roxctl.lock");
    let lock = fs::File::create(state).expect("created");
    lock.lock().expect("locked");
    ends("install 4.8.3", 8);
    drop(lock);
    // Declining takes a terminal.
    let own = Machine { os: Os::Linux, arch: Arch::Amd64 };
    let env = computer.env(own, "uninstall --all").with_terminal(Some(80)).with_stdin("no\n");
    assert_eq!(kubectl_rhacs_roxctl::run(&env), Exit::Declined, "{}", env.stderr().captured());
    seen.insert(Exit::Declined.code());
    assert_eq!(seen, EXITS.iter().map(|(exit, _)| exit.code()).collect());
}
