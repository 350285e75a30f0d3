//! Killed at any moment: the old or the new roxctl is there, whole, and the next command tidies up.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use sim::mirror::{Mirror, MirrorFault};

use crate::computer::Computer;
use crate::{mirror, publishing};

fn spawn(computer: &Computer, words: &str) -> Child {
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut command = computer.command(&words);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the binary starts")
}

/// Kills a command after `delay`, unless it has ended by then.
fn kill_after(child: &mut Child, delay: Duration) {
    std::thread::sleep(delay);
    child.kill().expect("killed");
    child.wait().expect("ended");
}

/// Delays from none to what a whole command takes, so that every part of it is hit.
fn delays() -> impl Iterator<Item = Duration> {
    (0..40).map(|step| Duration::from_millis(step * 4))
}

fn wholes(mirror: &Mirror) -> [Vec<u8>; 2] {
    ["4.8.3", "4.9.1"].map(|version| mirror.file(version, "Linux", "roxctl").expect("published"))
}

/// Waits until something is so.
fn wait_for(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(120), "it never comes to that");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What has to be true however an install was killed: one roxctl, whole, with its receipt.
fn assert_whole(computer: &Computer, wholes: &[Vec<u8>], killed: &str) {
    let present = computer.files().remove(".local/bin/roxctl").expect("one is there");
    assert!(wholes.contains(&present), "killed {killed}: it is whole");
    let found = computer.run("list --offline -o json").ends_with(0).json();
    assert_eq!(found[0]["roxctl"]["ours"], true, "killed {killed}: it has its receipt");
}

#[test]
fn an_install_that_is_killed_in_its_download_leaves_the_old_one_whole() {
    let mirror = publishing(&["4.8.3", "4.9.1"]).size(400_000).start().expect("up");
    let url = mirror.url();
    let [old, _] = wholes(&mirror);
    let computer = Computer::new();
    computer.run(&format!("install 4.8.3 --mirror {url}")).ends_with(0);
    let part = computer.bin().join("roxctl.part");
    for after in [0, 1, 4096, 200_000, 399_999] {
        mirror.add(MirrorFault::Stall { after, times: 1 });
        let mut child = spawn(&computer, &format!("install 4.9.1 --mirror {url}"));
        wait_for(|| std::fs::metadata(&part).is_ok_and(|part| part.len() == after));
        child.kill().expect("killed");
        child.wait().expect("ended");
        mirror.clear();
        assert!(part.exists(), "killed after {after} bytes: it is not finished");
        assert_whole(&computer, std::slice::from_ref(&old), &format!("after {after} bytes"));
    }
    computer.run(&format!("install 4.9.1 --mirror {url}")).ends_with(0).says("was not finished");
    assert_eq!(computer.names(), [".local/bin/roxctl"]);
    assert_eq!(computer.version(), "4.9.1");
}

#[test]
fn an_install_that_is_killed_at_any_moment_leaves_the_old_or_the_new_one_whole() {
    let mirror = mirror();
    let url = mirror.url();
    let wholes = wholes(&mirror);
    let computer = Computer::new();
    computer.run(&format!("install 4.8.3 --mirror {url}")).ends_with(0);
    for (round, delay) in delays().enumerate() {
        let version = ["4.9.1", "4.8.3"][round % 2];
        let words = format!("install {version} --force --mirror {url}");
        kill_after(&mut spawn(&computer, &words), delay);
        assert_whole(&computer, &wholes, &format!("after {delay:?}"));
    }
    computer.run(&format!("install 4.9.1 --mirror {url}")).ends_with(0);
    assert_eq!(computer.names(), [".local/bin/roxctl"]);
    computer.run("uninstall").ends_with(0);
    assert!(computer.names().is_empty() && computer.receipts().is_empty());
}

#[test]
fn an_uninstall_or_a_switch_that_is_killed_is_done_or_not() {
    let mirror = mirror();
    let url = mirror.url();
    let wholes = wholes(&mirror);
    for delay in delays().step_by(4) {
        let computer = Computer::new();
        computer.run(&format!("install 4.8.3 --mirror {url}")).ends_with(0);
        computer.run(&format!("install 4.9.1 --side-by-side --mirror {url}")).ends_with(0);
        kill_after(&mut spawn(&computer, "use 4.9.1"), delay);
        let present = computer.files().remove(".local/bin/roxctl").expect("one is there");
        assert!(wholes.contains(&present), "killed after {delay:?}");
        kill_after(&mut spawn(&computer, "uninstall"), delay);
        for (name, content) in computer.files() {
            assert!(wholes.contains(&content), "killed after {delay:?}: {name} is whole");
        }
        computer.run("uninstall").ends_with(0);
        assert!(computer.names().is_empty(), "{:?}", computer.names());
        assert!(computer.receipts().is_empty());
    }
}

#[test]
fn ctrl_c_leaves_nothing_unfinished() {
    let (computer, mirror) = (Computer::new(), mirror());
    let url = mirror.url();
    computer.run(&format!("install 4.8.3 --mirror {url}")).ends_with(0);
    let before = computer.files();
    mirror.add(MirrorFault::Stall { after: 40_000, times: 1 });
    let mut child = spawn(&computer, &format!("install 4.9.1 --mirror {url}"));
    let part = computer.bin().join("roxctl.part");
    wait_for(|| std::fs::metadata(&part).is_ok_and(|part| part.len() == 40_000));
    let interrupt =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.expect("kill").success());
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    assert_eq!(computer.files(), before);
}
