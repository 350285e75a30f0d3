//! `rotate` and `sync` without clusters: once, with the right words, to files and commands.

use jiff::SignedDuration;
use rhacs_tests::Stage;
use secrecy::ExposeSecret;
use sim::faults::{RequestAction, RequestRule};
use sim::splunk::{Splunk, Switches};

use crate::{OLD, SF_TOKEN, changes, my_token, rotations, sf, stage};

#[test]
fn a_rotation_is_sent_exactly_once_with_the_right_headers() {
    let stage = stage();
    let url = stage.splunk().url();
    let words = format!("rotate myToken --graceful 604800 --output-file token --ingest-url {url}");
    sf(&stage, &words).ends_with(0);
    assert_eq!(changes(&stage), ["POST /v2/token/myToken/rotate?graceful=604800"]);
    let sent = &rotations(&stage)[0];
    assert_eq!(sent.header("x-sf-token"), Some("(session of admin)"));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert!(sent.header("user-agent").is_some_and(|agent| agent.starts_with("sf-token/")));
    assert_eq!(sent.header("authorization"), None);
    // Without it some front ends answer 411, and so does the stand-in.
    assert_eq!(sent.header("content-length"), Some("0"));
    assert_eq!(sent.body, "");
    let new = stage.splunk().secret("myToken").expect("a secret");
    let written = std::fs::read_to_string(file(&stage, "token")).expect("a file");
    assert_eq!(written.trim_end(), new.expose_secret());
    assert!(stage.splunk().accepts(OLD) && stage.splunk().accepts(new.expose_secret()));
    let clock = stage.splunk().clock();
    clock.advance_to(clock.now() + SignedDuration::from_hours(24 * 7));
    assert!(!stage.splunk().accepts(OLD) && stage.splunk().accepts(new.expose_secret()));
}

fn file(stage: &Stage, name: &str) -> std::path::PathBuf {
    stage.directory().join("work").join(name)
}

#[test]
fn a_rotation_succeeds_whatever_the_documents_leave_open() {
    for switches in [Switches::default(), Switches::opposite()] {
        let stage = Stage::with(Splunk::builder().token(my_token()).switches(switches)).start();
        let url = stage.splunk().url();
        sf(&stage, &format!("rotate myToken --graceful 7d --output-file t --ingest-url {url}"))
            .ends_with(0);
        let new = stage.splunk().secret("myToken").expect("a secret");
        let written = std::fs::read_to_string(file(&stage, "t")).expect("a file");
        assert_eq!(written.trim_end(), new.expose_secret());
        assert_eq!(rotations(&stage).len(), 1);
    }
}

#[test]
fn a_shorter_life_is_shown_before_and_after() {
    let old = my_token().expires_in(SignedDuration::from_hours(24 * 1000));
    let stage = Stage::with(Splunk::builder().token(old)).start();
    sf(&stage, "rotate myToken --graceful 7d").ends_with(0).says("sooner").says("→");
}

#[test]
fn the_organizations_own_default_life_is_told() {
    let year = SignedDuration::from_hours(24 * 365);
    let old = my_token().expires_in(SignedDuration::from_hours(24 * 100));
    let stage = Stage::with(Splunk::builder().token(old).usual_life(year)).start();
    let words = "rotate myToken --graceful 60d --dry-run";
    let finished = sf(&stage, words).ends_with(0).says("(the organization's default)");
    for code in ["SF-EXPIRY-SHRINKS", "SF-GRACE-LONG"] {
        assert!(!finished.stdout.contains(code), "{}", finished.stdout);
    }
    // Where it is not told, it is guessed.
    let refuse = RequestRule::splunk(RequestAction::refuse(403)).path("/v2/organization");
    stage.splunk().faults().add_rule(refuse);
    sf(&stage, words).ends_with(0).says("unless the organization has another default");
}

#[test]
fn rotations_right_after_the_creation_need_to_be_meant_from_the_second_on() {
    let stage = Stage::with(Splunk::builder()).start();
    let clock = stage.splunk().clock();
    let later = |milliseconds| {
        clock.advance_to(clock.now() + SignedDuration::from_millis(milliseconds));
    };
    sf(&stage, "create fresh --scope ingest").ends_with(0);
    later(1000);
    sf(&stage, "rotate fresh --graceful 7d").ends_with(0);
    later(500);
    sf(&stage, "rotate fresh --graceful 7d").ends_with(3).says("SF-RECENT");
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn a_dry_run_only_reads() {
    let stage = stage();
    for words in ["--dry-run", "--dry-run=server"] {
        sf(&stage, &format!("rotate myToken --graceful 7d --output-file t {words}")).ends_with(0);
        sf(&stage, &format!("sync myToken --output-file t {words}")).ends_with(0);
    }
    assert!(changes(&stage).is_empty());
    assert!(!file(&stage, "t").exists());
}

#[test]
fn the_secret_goes_to_every_local_destination() {
    let stage = stage();
    let words = [
        "rotate",
        "myToken",
        "--graceful",
        "7d",
        "--output-file",
        "t",
        "--exec",
        "cat > from-exec",
        "--stdout",
    ];
    let finished = stage.run_that_shows(SF_TOKEN, &words).ends_with(0);
    let new = stage.splunk().secret("myToken").expect("a secret");
    assert_eq!(finished.stdout.trim_end(), new.expose_secret());
    for name in ["t", "from-exec"] {
        let written = std::fs::read_to_string(file(&stage, name)).expect("a file");
        assert_eq!(written.trim_end(), new.expose_secret(), "{name}");
    }
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn a_failed_command_leaves_a_rotation_that_sync_delivers() {
    let stage = stage();
    let words = ["rotate", "myToken", "--graceful", "7d", "--exec", "cat >/dev/null; exit 7"];
    stage.run(SF_TOKEN, &words).ends_with(4).says("sync");
    let words = ["sync", "myToken", "--exec", "cat > out"];
    stage.run(SF_TOKEN, &words).ends_with(0);
    let new = stage.splunk().secret("myToken").expect("a secret");
    let written = std::fs::read_to_string(file(&stage, "out")).expect("a file");
    assert_eq!(written, new.expose_secret());
    assert_eq!(rotations(&stage).len(), 1);
}

#[test]
fn a_file_that_cannot_be_written_is_found_before_anything_is_changed() {
    let stage = stage();
    std::fs::create_dir(file(&stage, "directory")).expect("made");
    for path in ["nowhere/token", "directory"] {
        sf(&stage, &format!("rotate myToken --graceful 7d --output-file {path}")).ends_with(3);
    }
    assert!(rotations(&stage).is_empty());
}

#[cfg(unix)]
#[test]
fn a_link_is_never_followed() {
    let stage = stage();
    std::fs::write(file(&stage, "precious"), "precious").expect("written");
    std::os::unix::fs::symlink("precious", file(&stage, "link")).expect("linked");
    sf(&stage, "rotate myToken --graceful 7d --output-file link").ends_with(3);
    assert!(rotations(&stage).is_empty());
    let kept = std::fs::read_to_string(file(&stage, "precious")).expect("a file");
    assert_eq!(kept, "precious");
}

#[cfg(unix)]
#[test]
fn a_written_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let stage = stage();
    std::fs::write(file(&stage, "t"), "open to all").expect("written");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(file(&stage, "t"), open).expect("changed");
    sf(&stage, "rotate myToken --graceful 7d --output-file t").ends_with(0);
    let mode = std::fs::metadata(file(&stage, "t")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_second_rotation_right_after_the_first_needs_to_be_meant() {
    let stage = stage();
    sf(&stage, "rotate myToken --graceful 7d").ends_with(0);
    sf(&stage, "rotate myToken --graceful 7d").ends_with(3).says("SF-RECENT");
    assert_eq!(rotations(&stage).len(), 1);
    sf(&stage, "rotate myToken --graceful 7d --accept SF-RECENT").ends_with(0);
    assert_eq!(rotations(&stage).len(), 2);
}

#[test]
fn the_report_for_programs_has_no_secret_and_says_how_it_ended() {
    let stage = stage();
    let report = sf(&stage, "rotate myToken --graceful 7d --output-file t -o json").ends_with(0);
    let report = report.json();
    assert_eq!((&report["code"], &report["rotated"]), (&0.into(), &true.into()));
    assert_eq!(report["destinations"].as_array().map(Vec::len), Some(1));
}
