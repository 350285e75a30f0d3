//! What programs read: JSON wherever it is asked for, lines of a sane length, and an end when
//! nobody reads any more.

use rhacs_tests::Installation;

use crate::upgrade;

#[test]
fn wrong_usage_is_json_where_json_is_asked_for() {
    let installation = Installation::at("3.66.1").start();
    for (words, message) in [
        ("unlock -o json", "--reason"),
        ("--to latest -o json", "not an RHACS version"),
        ("--output=json frobnicate", "frobnicate"),
        ("plan -o json", "--to"),
    ] {
        let failure = upgrade(&installation, words).ends_with(2).json();
        assert_eq!(failure["exit"], "usage", "{words}: {failure}");
        assert!(failure.to_string().contains(message), "{words}: {failure}");
    }
    let plain = upgrade(&installation, "unlock").ends_with(2);
    assert_eq!(plain.stdout, "", "without -o json there are words only");
}

#[test]
fn unlock_tells_programs_what_it_removed() {
    let installation = Installation::at("3.66.1").start();
    let words = "unlock --reason dead --force --yes -o json";
    assert_eq!(upgrade(&installation, words).ends_with(0).json()["removed"], false);
    let lease = serde_json::json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "kubectl-rhacs", "namespace": "stackrox"},
        "spec": {"holderIdentity": "eve@laptop", "leaseDurationSeconds": 60,
            "renewTime": "2126-01-01T00:00:00.000000Z"},
    });
    let held = |objects: &mut Vec<serde_json::Value>| objects.push(lease);
    let installation = Installation::at("3.66.1").but(held).start();
    let refused = upgrade(&installation, "unlock --reason dead --yes -o json").ends_with(8).json();
    assert_eq!(refused["exit"], "locked", "{refused}");
    let done = upgrade(&installation, words).ends_with(0).json();
    assert_eq!(done["removed"], true, "{done}");
    assert_eq!(done["holder"], "eve@laptop", "{done}");
}

#[test]
fn tables_in_a_pipe_have_lines_of_a_sane_length() {
    let installation = Installation::at("3.62.1").on_openshift().start();
    let plan = upgrade(&installation, "plan --to 3.69.2").ends_with(0);
    for line in plan.stdout.lines().chain(plan.stderr.lines()) {
        assert!(line.chars().count() <= 160, "{line}");
    }
    let wide = upgrade(&installation, "plan --to 3.69.2 -o wide").ends_with(0);
    assert!(wide.stdout.lines().any(|line| line.chars().count() > 160), "{}", wide.stdout);
}

#[test]
fn a_reason_is_said_once() {
    let installation = Installation::at("3.66.1").start();
    std::fs::write(installation.directory().join("token"), "of-nobody").expect("written");
    let done = upgrade(&installation, "check --to 3.69.2 --token-file token -o json").ends_with(3);
    let findings = done.json()["findings"].clone();
    let whats =
        findings.as_array().into_iter().flatten().filter_map(|found| found["what"].as_str());
    for what in whats {
        assert!(what.matches("the credentials").count() < 2, "{what}");
    }
    done.says("Central refused the credentials");
}

/// As `status --watch | head -1`.
#[cfg(unix)]
#[test]
fn a_watch_ends_when_nobody_reads_it() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use crate::UPGRADE;

    let installation = Installation::at("3.66.1").start();
    let mut child = installation
        .command(UPGRADE, &["status", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    assert!(line.starts_with("COMPONENT"), "{line}");
    drop(reader);
    let began = Instant::now();
    while child.try_wait().expect("waited").is_none() {
        assert!(began.elapsed() < Duration::from_secs(120), "it goes on for nobody");
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "and quietly");
}
