//! Disks that are full or cannot be written: real file systems of the command's own.
#![cfg(target_os = "linux")]

use sim::mirror::MirrorFault;

use crate::computer::Computer;
use crate::mirror;

/// With 4.8.3 on a file system that has room for one and a half, does `attempt`; prints what is
/// there then, and ends as the attempt has ended.
fn on_a_small_disk(attempt: &str) -> String {
    format!(
        "mkdir -p .local/bin; mount -t tmpfs -o size=148k tmpfs .local/bin
         \"$ROXCTL\" install 4.8.3 --mirror \"$RHACS_MIRROR\" >first
         code=0; {attempt} || code=$?
         ls -A .local/bin; .local/bin/roxctl version; exit $code"
    )
}

/// Runs a script with the mirror at hand.
fn run(
    computer: &Computer,
    mirror: &sim::mirror::Mirror,
    script: &str,
) -> Option<rhacs_tests::Finished> {
    computer.run_script(&format!("export RHACS_MIRROR={}; {script}", mirror.url()))
}

#[test]
fn a_disk_that_fills_up_in_the_middle_keeps_the_old_one() {
    let (computer, mirror) = (Computer::new(), mirror());
    // Nobody can know beforehand that it does not fit.
    mirror.add(MirrorFault::NoLength);
    let script = on_a_small_disk("\"$ROXCTL\" install 4.9.1");
    let Some(ended) = run(&computer, &mirror, &script) else { return };
    let ended = ended.ends_with(4).says("No space left").says("free some space");
    assert_eq!(ended.stdout, "roxctl\n4.8.3\n");
    assert_eq!(computer.receipts().len(), 1, "{:?}", computer.receipts());
    assert_eq!(computer.receipts()[0]["version"], "4.8.3");
}

#[test]
fn a_file_that_does_not_fit_is_not_begun() {
    let (computer, mirror) = (Computer::new(), mirror());
    let bytes = mirror.file("4.9.1", "Linux", "roxctl").expect("published");
    std::fs::write(computer.home().join("carried"), bytes).expect("written");
    let carried = "\"$ROXCTL\" install --file carried --sha256 $(sha256sum carried | cut -c-64)";
    for attempt in ["\"$ROXCTL\" install 4.9.1", carried] {
        let Some(ended) = run(&computer, &mirror, &on_a_small_disk(attempt)) else { return };
        let ended = ended.ends_with(3).says("no space in").says("98304 bytes are needed");
        assert_eq!(ended.stdout, "roxctl\n4.8.3\n", "{attempt}");
    }
}

#[test]
fn a_receipt_that_cannot_be_written_keeps_the_old_one() {
    let (computer, mirror) = (Computer::new(), mirror());
    // One page: a second one for the new receipt is not there.
    let script = "state=.local/state/kubectl-rhacs
        mkdir -p $state; mount -t tmpfs -o size=4k tmpfs $state
        \"$ROXCTL\" install 4.8.3 >first
        code=0; \"$ROXCTL\" install 4.9.1 || code=$?
        ls -A .local/bin $state; .local/bin/roxctl version; exit $code";
    let Some(ended) = run(&computer, &mirror, script) else { return };
    let ended = ended.ends_with(4).says("roxctl.json").says("No space left");
    let listed =
        ".local/bin:\nroxctl\n\n.local/state/kubectl-rhacs:\nroxctl.json\nroxctl.lock\n4.8.3\n";
    assert_eq!(ended.stdout, listed);
}

#[test]
fn on_a_disk_that_cannot_be_written_nothing_is_begun() {
    let (computer, mirror) = (Computer::new().with_path(&["tools"]), mirror());
    let prepare = "mkdir -p tools; mount -t tmpfs tmpfs tools
        \"$ROXCTL\" install 4.9.1 --bin-dir tools --side-by-side >first
        \"$ROXCTL\" install 4.8.3 --bin-dir tools >first; mount -o remount,ro tools";
    let asked = |words: &str| {
        let script = format!(
            "{prepare}; code=0; \"$ROXCTL\" {words} || code=$?
             ls -A tools; tools/roxctl version; exit $code"
        );
        Some(run(&computer, &mirror, &script)?.says("sudo kubectl rhacs roxctl"))
    };
    for words in ["install 4.9.1 --bin-dir tools", "use 4.9.1", "uninstall"] {
        let Some(ended) = asked(words) else { return };
        let ended = ended.ends_with(3).says("Read-only file system");
        assert_eq!(ended.stdout, "roxctl\nroxctl-4.9.1\n4.8.3\n", "{words}");
        assert_eq!(computer.receipts().len(), 2, "{words}");
        // The file system went with the script.
        computer.run("uninstall").ends_with(0);
    }
}
