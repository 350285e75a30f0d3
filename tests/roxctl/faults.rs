//! Everything a mirror can do wrong: the old roxctl stays, nothing unfinished is left.

use sim::mirror::MirrorFault;

use crate::computer::Computer;
use crate::mirror;

/// With 4.8.3 installed, an upgrade under `fault` ends with `code` and says `words`; afterwards
/// 4.8.3 is there as it was, and without the fault the upgrade succeeds.
fn is_refused(fault: MirrorFault, code: i32, words: &str) {
    let (computer, mirror) = (Computer::new(), mirror());
    let url = mirror.url();
    computer.run(&format!("install 4.8.3 --mirror {url}")).ends_with(0);
    let before = (computer.files(), computer.receipts());
    mirror.add(fault.clone());
    let upgrade = format!("install 4.9.1 --mirror {url}");
    // Only silence is waited for.
    let patience = if matches!(fault, MirrorFault::Stall { .. }) { "3s" } else { "60s" };
    let done = computer.run(&format!("{upgrade} --request-timeout {patience}"));
    assert_eq!(done.code, Some(code), "{fault:?}: {done:?}");
    done.says(words);
    assert_eq!((computer.files(), computer.receipts()), before, "{fault:?}");
    mirror.clear();
    computer.run(&upgrade).ends_with(0);
    assert_eq!(computer.version(), "4.9.1");
    assert_eq!(computer.names(), [".local/bin/roxctl"]);
}

#[test]
fn a_wrong_checksum_keeps_nothing() {
    is_refused(MirrorFault::WrongSum, 4, "checksum");
}

#[test]
fn a_truncated_file_keeps_nothing() {
    is_refused(MirrorFault::Truncated { bytes: 50_000 }, 4, "checksum");
}

#[test]
fn a_login_page_is_not_roxctl() {
    is_refused(MirrorFault::Page, 4, "web page");
}

#[test]
fn a_line_that_never_holds_is_given_up() {
    is_refused(MirrorFault::Cut { after: 0, times: 1000 }, 1, "attempt 5 of 5");
}

#[test]
fn a_mirror_that_falls_silent_is_given_up() {
    is_refused(MirrorFault::Stall { after: 0, times: 1000 }, 1, "nothing arrived within 3 s");
}

#[test]
fn a_mirror_that_is_down_is_given_up() {
    is_refused(MirrorFault::Status { status: 503, times: 1000 }, 1, "answered 503");
}

#[test]
fn a_refusal_is_not_repeated() {
    is_refused(MirrorFault::Status { status: 403, times: 1 }, 1, "answered 403");
}

#[test]
fn a_file_that_does_not_fit_is_not_begun() {
    is_refused(MirrorFault::Claims { bytes: 1 << 60 }, 3, "no space");
}

#[test]
fn a_program_of_another_version_is_refused() {
    is_refused(MirrorFault::OtherVersion, 4, "1.2.3");
}

#[test]
fn a_program_that_does_not_run_is_refused() {
    is_refused(MirrorFault::Broken, 4, "cannot start");
}

#[test]
fn a_mirror_without_lists_takes_a_checksum_of_the_user() {
    is_refused(MirrorFault::NoList, 2, "not published");
    let (computer, mirror) = (Computer::new(), mirror());
    let words = format!("install 4.8.3 --mirror {} -o json", mirror.url());
    let sum = computer.run(&words).ends_with(0).json()["sha256"].clone();
    let sum = sum.as_str().expect("a sum").to_owned();
    computer.run("uninstall").ends_with(0);
    mirror.add(MirrorFault::NoList);
    computer.run(&format!("{words} --sha256 {sum}")).ends_with(0);
    let wrong = "0".repeat(64);
    computer.run(&format!("{words} --sha256 {wrong} --force")).ends_with(4).says("checksum");
    assert_eq!(computer.version(), "4.8.3");
}

#[test]
fn a_break_is_resumed_where_it_was() {
    let (computer, mirror) = (Computer::new(), mirror());
    mirror.add(MirrorFault::Cut { after: 40_000, times: 2 });
    let done = computer.run(&format!("install 4.8.3 --mirror {}", mirror.url())).ends_with(0);
    done.says("retry:").says("40000 bytes");
    let ranges: Vec<Option<String>> = mirror
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/roxctl"))
        .map(|request| request.range)
        .collect();
    let resumed = |bytes: u32| Some(format!("bytes={bytes}-"));
    assert_eq!(ranges, [None, resumed(40_000), resumed(80_000)]);
    assert_eq!(computer.version(), "4.8.3");
}

#[test]
fn without_ranges_or_with_another_file_it_begins_again() {
    for fault in [MirrorFault::NoRange, MirrorFault::Changes] {
        let (computer, mirror) = (Computer::new(), mirror());
        mirror.add(fault.clone());
        mirror.add(MirrorFault::Cut { after: 40_000, times: 2 });
        let done = computer.run(&format!("install 4.8.3 --mirror {}", mirror.url()));
        assert_eq!(done.code, Some(0), "{fault:?} {done:?}");
        computer.run(&format!("verify --mirror {}", mirror.url())).ends_with(0);
    }
}

#[test]
fn silence_in_the_middle_is_a_break_too() {
    let (computer, mirror) = (Computer::new(), mirror());
    mirror.add(MirrorFault::Stall { after: 40_000, times: 1 });
    mirror.add(MirrorFault::Status { status: 503, times: 1 });
    let words = format!("install 4.8.3 --mirror {} --request-timeout 3s", mirror.url());
    computer.run(&words).ends_with(0).says("nothing arrived").says("503");
}

#[test]
fn redirects_are_followed() {
    let (computer, mirror) = (Computer::new(), mirror());
    mirror.add(MirrorFault::Redirects);
    computer.run(&format!("install 4.8.3 --mirror {}", mirror.url())).ends_with(0);
    assert!(mirror.requests().iter().any(|request| request.path.starts_with("/elsewhere/")));
}
