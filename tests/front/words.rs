//! The words that the front door answers itself.

use std::os::unix::fs::symlink;

use crate::support::Suite;

#[test]
fn without_a_word_it_helps() {
    let suite = Suite::new();
    for typed in [&[][..], &["help"], &["--help"], &["-h"]] {
        let run = suite.rhacs(typed);
        assert_eq!(run.code, Some(0), "{typed:?}");
        for word in ["upgrade", "rollback", "scc", "roxctl", "doctor", "completion", "version"] {
            assert!(
                run.stdout.contains(&format!("\n  {word}")),
                "{typed:?}: {word}: {}",
                run.stdout
            );
        }
        assert!(run.stdout.contains("kubectl rhacs"), "{}", run.stdout);
    }
    assert!(suite.rhacs(&["help", "doctor"]).stdout.contains("--fix"));
    assert!(suite.rhacs(&["help", "completion", "install"]).stdout.contains("--bin-dir"));
}

#[test]
fn its_own_version_is_one_line() {
    let run = Suite::new().rhacs(&["--version"]);
    assert_eq!(run.stdout, format!("kubectl rhacs {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_program_is_asked_for_its_version() {
    let suite = Suite::new()
        .with_script("kubectl-rhacs-upgrade", "echo kubectl rhacs upgrade 9.9.9")
        .with_script("kubectl-rhacs-scc", "echo broken; exit 3")
        .with_script("rhacs-sim", "exec sleep 60");
    let started = std::time::Instant::now();
    let run = suite.rhacs(&["version", "-o", "json"]);
    assert!(started.elapsed().as_secs() < 20, "a program that hangs is not waited for");
    let value: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
    let program = |name: &str| {
        let programs = value["programs"].as_array().unwrap();
        programs.iter().find(|program| program["program"] == name).unwrap().clone()
    };
    assert_eq!(program("kubectl-rhacs")["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(program("kubectl-rhacs-upgrade")["version"], "9.9.9");
    assert_eq!(program("kubectl-rhacs-rollback")["installed"], false);
    assert_eq!(program("kubectl-rhacs-scc")["problem"], "`--version` ended with 3");
    assert_eq!(program("rhacs-sim")["problem"], "it does not say its version");
    std::fs::remove_file(suite.bin().join("rhacs-sim")).unwrap();
    let yaml = suite.rhacs(&["version", "-o", "yaml"]).stdout;
    assert!(yaml.contains("- program: kubectl-rhacs-upgrade\n"), "{yaml}");
    let table = suite.rhacs(&["version"]).stdout;
    assert!(table.contains("kubectl-rhacs-rollback   not installed"), "{table}");
}

#[test]
fn the_doctor_says_what_is_wrong_and_mends_what_it_can() {
    let version = format!("echo program {}", env!("CARGO_PKG_VERSION"));
    let suite = Suite::new()
        .with_script("kubectl-rhacs-upgrade", &version)
        .with_script("kubectl-rhacs-rollback", &version)
        .with_script("kubectl-rhacs-scc", &version)
        .with_script("kubectl-rhacs-roxctl", &version)
        .with_script("rhacs-sim", &version)
        .with_script("kubectl", "echo '{\"clientVersion\":{\"major\":\"1\",\"minor\":\"33\"}}'");
    symlink("/nowhere", suite.bin().join("kubectl-rhacs_scc")).unwrap();
    let codes = |args: &[&str]| {
        let run = suite.rhacs(args);
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
        let value: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(value["exit"], "done");
        let codes = value["findings"].as_array().unwrap().iter();
        codes.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let found = codes(&["doctor", "-o", "json"]);
    assert!(found.contains(&"RHACS-DANGLING-LINK".to_owned()), "{found:?}");
    assert!(found.contains(&"RHACS-NO-COMPLETION".to_owned()), "{found:?}");
    assert_eq!(codes(&["doctor", "--fix", "-o", "json"]), Vec::<String>::new());
    assert!(!suite.bin().join("kubectl-rhacs_scc").is_symlink());
    assert!(suite.bin().join("kubectl_complete-rhacs-upgrade").exists());
    let again = suite.rhacs(&["doctor", "--fix"]);
    assert!(again.stdout.ends_with("Everything is in its place.\n"), "{}", again.stdout);
    assert!(!again.stdout.contains("linked"), "{}", again.stdout);
}

#[test]
fn the_doctor_ends_with_3_when_versions_differ() {
    let suite = Suite::new().with_script("kubectl-rhacs-upgrade", "echo program 0.0.1");
    let run = suite.rhacs(&["doctor"]);
    assert_eq!(run.code, Some(3));
    assert!(run.stdout.contains("RHACS-VERSION-SKEW"), "{}", run.stdout);
}
