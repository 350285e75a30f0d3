//! What the records of runs say: never more than was so.

use rhacs_tests::{Installation, documents};
use serde_json::Value;
use sim::faults::ClusterFault;

use crate::upgrade;

const UNVERIFIED: &str = "--to 3.69.2 --timeout 12s --yes";

/// An upgrade of which everything is applied, and whose sensor stays away: it ends with 5.
fn unverified() -> Installation {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().add(ClusterFault::sensor_stays_away("*"));
    upgrade(&installation, UNVERIFIED).ends_with(5);
    installation
}

fn newest(installation: &Installation) -> Value {
    upgrade(installation, "history -o json").ends_with(0).json()["runs"][0].clone()
}

fn id(run: &Value) -> &str {
    run["run"].as_str().expect("a run")
}

#[test]
fn what_was_not_verified_stays_so_in_the_record_until_it_is() {
    let installation = unverified();
    let run = newest(&installation);
    assert_eq!((&run["exit"], &run["code"]), (&"unverified".into(), &5.into()), "{run}");
    let missing = run["unverified"].as_array().expect("a list");
    assert!(missing.iter().any(|it| it.to_string().contains("its sensor runs 3.66.1")), "{run}");
    let listed = upgrade(&installation, "history").ends_with(0);
    assert!(listed.stdout.contains("not verified") && listed.stdout.contains("its sensor runs"));

    let shown = upgrade(&installation, &format!("history {}", id(&run))).ends_with(0);
    let shown = shown.says("Result: not verified (exit code 5)").says("Not verified: cluster");
    assert!(!shown.stdout.contains("everything was looked at"), "{}", shown.stdout);
    let resumed = format!("resume {} --yes", id(&run));
    upgrade(&installation, &resumed).ends_with(5).says("upgrade verify");

    // Looking again changes nothing as long as the sensor is away.
    let again = upgrade(&installation, "verify --timeout 2s -o json").ends_with(5).json();
    documents::is_described("verify", &again);
    assert_eq!(again["recorded"], true, "{again}");
    assert_eq!(newest(&installation)["code"], 5);

    installation.simulation().faults().clear();
    installation.replace_pods();
    upgrade(&installation, "verify --timeout 60s").ends_with(0).says("everything is verified");
    let run = newest(&installation);
    assert_eq!((&run["exit"], &run["unverified"]), (&"done".into(), &serde_json::json!([])));
    let details = &run["details"];
    assert_eq!(details["verifications"].as_array().map(Vec::len), Some(2), "{details}");
    let then = details["unverifiedAtEnd"].to_string();
    assert!(then.contains("its sensor runs 3.66.1"), "what was so at the end stays: {then}");
}

#[test]
fn a_run_that_somebody_changed_since_is_not_verified() {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    upgrade(&installation, "verify").ends_with(0);
    installation.change("Deployment", "scanner", |scanner| {
        scanner["spec"]["template"]["spec"]["containers"][0]["image"] =
            "elsewhere/scanner:1".into();
    });
    let verified = upgrade(&installation, "verify --timeout 5s").ends_with(5);
    verified.says("`deploy/scanner` is not as this run left it");
}

#[test]
fn without_credentials_nothing_is_said_to_be_verified() {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    let verified = installation.run_with(crate::UPGRADE, &["verify"], |command| {
        command.env_remove("ROX_API_TOKEN");
    });
    verified.ends_with(5).says("Central was not asked");
}

#[test]
fn a_run_that_will_never_be_resumed_is_closed_and_nobody_is_warned_again() {
    let installation = Installation::at("3.66.1").start();
    installation.simulation().faults().add(ClusterFault::broken_pull("*scanner*:3.69.2"));
    upgrade(&installation, "--to 3.69.2 --timeout 60s --yes").ends_with(4);
    installation.simulation().faults().clear();
    let warned = |installation: &Installation| {
        let check = upgrade(installation, "check --to 3.69.2 -o json").json();
        check["findings"].to_string().contains("RHACS-RUN-UNFINISHED")
    };
    assert!(warned(&installation));
    let run = newest(&installation);
    let run = id(&run);
    upgrade(&installation, &format!("verify {run}")).ends_with(2).says(&format!("resume {run}"));

    upgrade(&installation, &format!("history close {run}")).ends_with(2);
    let close = format!("history close {run} --reason by_hand -o json");
    let closed = upgrade(&installation, &close).ends_with(0).json();
    documents::is_described("close", &closed);
    assert_eq!(
        (&closed["changed"], &closed["closed"]["reason"]),
        (&true.into(), &"by_hand".into())
    );
    assert_eq!(upgrade(&installation, &close).ends_with(0).json()["changed"], false);

    assert!(!warned(&installation), "nobody is warned of it any more");
    upgrade(&installation, "resume --yes").ends_with(2).says("no run to resume");
    upgrade(&installation, &format!("resume {run} --yes")).ends_with(2).says("by_hand");
    assert_eq!(newest(&installation)["state"], "closed");
    upgrade(&installation, &format!("history {run}")).ends_with(0).says("by_hand");
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    let done = newest(&installation);
    let close = format!("history close {} --reason x", id(&done));
    upgrade(&installation, &close).ends_with(2).says("nothing to close");
}

#[test]
fn findings_are_recorded_with_who_accepted_them() {
    let installation = Installation::at("3.66.1").start();
    let words = "--to 3.69.2 --skip-backup --accept RHACS-BACKUP-SKIPPED --yes";
    upgrade(&installation, words).ends_with(0);
    let run = newest(&installation);
    let accepted = run["details"]["accepted"].as_array().expect("a list");
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    assert_eq!(accepted[0]["code"], "RHACS-BACKUP-SKIPPED");
    assert_eq!(accepted[0]["by"], run["who"]);
    let report = upgrade(&installation, "report").ends_with(0);
    assert!(report.stdout.contains("RHACS-BACKUP-SKIPPED"), "{}", report.stdout);
    assert!(report.stdout.contains("knows of no backup"), "{}", report.stdout);
}

#[test]
fn the_evidence_is_one_page_that_needs_nothing_else() {
    let installation = Installation::at("3.66.1").start();
    upgrade(&installation, "--to 3.69.2 --yes").ends_with(0);
    let run = newest(&installation);
    let page = upgrade(&installation, &format!("report {} -o html", id(&run))).ends_with(0).stdout;
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    for outside in ["<script", "<link", "<img", "@import", "url(", "src="] {
        assert!(!page.contains(outside), "it needs {outside}");
    }
    let backup = &run["details"]["report"]["backup"];
    let digest = run["details"]["plan"]["digest"].as_str().expect("a digest");
    let sum = backup["sha256"].as_str().expect("a sum");
    for told in [id(&run), digest, sum, "<svg", "3.69.2", "Central did not answer", "sensor"] {
        assert!(page.contains(told), "it does not tell {told}");
    }
    let text = upgrade(&installation, &format!("report {}", id(&run))).ends_with(0).stdout;
    assert!(text.starts_with("# Upgrade 3.66.1 → 3.69.2") && text.contains(sum), "{text}");
    upgrade(&installation, "report 20200101-000000-none -o html").ends_with(2);
    upgrade(&installation, "history -o html").ends_with(2);
}

#[cfg(unix)]
#[test]
fn the_outage_of_a_run_that_was_cut_off_is_not_said_to_be_none() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};
    let installation = Installation::at("3.66.1").start();
    let slow = ClusterFault::slow_readiness("deployment/central", Duration::from_secs(500));
    installation.simulation().clock().set_factor(60.0);
    installation.simulation().faults().add(slow);
    let mut command = installation.command(crate::UPGRADE, &["--to", "3.69.2", "--yes"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let began = Instant::now();
    while !installation.image("Deployment", "central", "central").ends_with(":3.69.2") {
        assert!(began.elapsed() < Duration::from_secs(180), "Central is never changed");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("it ends");
    installation.simulation().faults().clear();
    installation.simulation().clock().set_factor(2000.0);
    upgrade(&installation, "unlock --reason crashed --force --yes").ends_with(0);
    let resumed = upgrade(&installation, "resume --yes").ends_with(0);
    let resumed = resumed.says("the last of 2 parts");
    // Whether Central was away while this part ran is a matter of the moment it was taken up.
    let resumed = resumed.says("nobody measured between the parts");
    assert!(!resumed.stdout.contains("did not answer for 0s"), "{}", resumed.stdout);
    let run = newest(&installation);
    let parts = run["details"]["parts"].as_array().expect("a list");
    assert_eq!(parts.len(), 2);
    assert!(parts[0].get("ended").is_none() && parts[1]["ended"].is_string(), "{parts:?}");
    assert_eq!(run["details"]["report"]["outageWhole"], false);
}

#[test]
fn every_document_is_as_its_schema_says() {
    let installation = Installation::at("3.66.1").start();
    let answer = |words: &str, code: i32| {
        upgrade(&installation, &format!("{words} -o json")).ends_with(code).json()
    };
    let described = |name: &str, value: &Value| {
        documents::is_described(name, value);
        assert_eq!(value["schema"], 1, "{name}");
    };
    documents::is_described("failure", &answer("history 20200101-000000-none", 2));
    described("check", &answer("check --to 3.69.2", 0));
    described("plan", &answer("plan --to 3.69.2", 0));
    described("history", &answer("history", 0));
    described("report", &answer("--to 3.69.2 --yes", 0));
    described("report", &answer("--to 3.69.2 --yes", 0));
    described("history", &answer("history", 0));
    let run = newest(&installation);
    described("run", &answer(&format!("history {}", id(&run)), 0));
    described("run", &answer(&format!("report {}", id(&run)), 0));
    described("report", &answer(&format!("resume {}", id(&run)), 0));
    described("verify", &answer("verify", 0));
    described("history", &answer("history", 0));
    described("unlock", &answer("unlock --reason none --yes", 0));
    described("status", &answer("status", 0));
}
