//! The words that the front door answers itself.

use std::os::unix::fs::symlink;

use rhacs_tests::documents;

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
fn help_behind_a_word_is_help_too() {
    let suite = Suite::new().with_echo("kubectl-rhacs-upgrade").with_echo("kubectl-rhacs-report");
    let asked = |typed: &[&str]| {
        let run = suite.rhacs(typed);
        assert_eq!(run.code, Some(0), "{typed:?}: {}", run.stderr);
        run.stdout.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(asked(&["upgrade", "help"]), ["[--help]"]);
    assert_eq!(
        asked(&["-n", "x", "upgrade", "help", "plan"]),
        ["[-n]", "[x]", "[plan]", "[--help]"]
    );
    assert_eq!(asked(&["report", "help"]), ["[help]"], "it may have such a word");
    assert!(suite.rhacs(&["doctor", "help"]).stdout.contains("--fix"));
    assert!(suite.rhacs(&["completion", "install", "help"]).stdout.contains("--bin-dir"));
    let nonsense = suite.rhacs(&["help", "nonsense"]);
    assert_eq!(nonsense.code, Some(2), "{}", nonsense.stderr);
}

#[test]
fn wrong_words_are_told_programs_as_well() {
    let suite = Suite::new();
    for (typed, expected) in [
        (&["upgade", "-o", "json"][..], "did you mean kubectl rhacs upgrade?"),
        (&["doctor", "--fixx", "-ojson"], "--fix"),
        (&["completion", "tcsh", "--output=json"], "tcsh"),
        (&["help", "upgade", "--output=json"], "did you mean kubectl rhacs upgrade?"),
    ] {
        let run = suite.rhacs(typed);
        assert_eq!(run.code, Some(2), "{typed:?}: {}", run.stderr);
        let value: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&value["exit"], &value["code"]), (&"usage".into(), &2.into()), "{typed:?}");
        assert!(value.to_string().contains(expected), "{typed:?}: {value}");
        assert!(run.stderr.contains(expected), "{typed:?}: {}", run.stderr);
    }
}

#[test]
fn every_document_has_a_schema() {
    let suite = Suite::new();
    let listed = suite.rhacs(&["schema", "-o", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    documents::is_described("schema", &listed);
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    for name in ["check", "history", "run", "status", "verify", "plan", "failure", "doctor"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    for name in names {
        let run = suite.rhacs(&["schema", name]);
        assert_eq!(run.code, Some(0), "{name}: {}", run.stderr);
        let schema: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
        assert_eq!(schema["title"], name);
    }
    assert!(suite.rhacs(&["schema"]).stdout.contains("All recorded runs"));
    let unknown = suite.rhacs(&["schema", "histry", "-o", "json"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    for (name, typed) in [
        ("version", &["version", "-o", "json"][..]),
        ("doctor", &["doctor", "-o", "json"]),
        ("failure", &["schema", "histry", "-o", "json"]),
    ] {
        let run = suite.rhacs(typed);
        documents::is_described(name, &serde_json::from_str(&run.stdout).unwrap());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let suite = Suite::new();
    let program = suite.bin().join("kubectl-rhacs");
    for typed in [&["--help"][..], &["--version"], &["help"], &["doctor", "--help"], &["version"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = suite.command(program.to_str().unwrap(), typed);
        let output = command.stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{typed:?}: {stderr}");
        assert!(stderr.contains("No space left"), "{typed:?}: {stderr}");
    }
    // Whoever closes a pipe has read enough.
    let pipe = "{ kubectl-rhacs --help; echo $? >code; } | :; cat code";
    assert_eq!(suite.run("sh", &["-c", pipe]).unwrap().stdout, "0\n");
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
fn the_kubectl_that_started_it_goes_before_the_one_on_the_path() {
    let says = |minor: &str| {
        format!("echo '{{\"clientVersion\": {{\"major\": \"1\", \"minor\": \"{minor}\"}}}}'")
    };
    let suite = Suite::new().with_script("kubectl", &says("31")).with_script("own", &says("37+"));
    let program = suite.bin().join("kubectl-rhacs");
    let found = |told: Option<&str>| -> String {
        let mut command = suite.command(program.to_str().unwrap(), &["doctor", "-o", "json"]);
        command.envs(told.map(|name| ("KUBECTL_PATH", suite.bin().join(name))));
        let told: serde_json::Value =
            serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        told["kubectl"].as_str().unwrap().to_owned()
    };
    let said =
        |version: &str, name: &str| format!("{version} ({})", suite.bin().join(name).display());
    assert_eq!(found(None), said("1.31", "kubectl"));
    assert_eq!(found(Some("own")), said("1.37", "own"));
    assert_eq!(found(Some("gone")), said("1.31", "kubectl"), "what is not there is not believed");
}

#[test]
fn the_doctor_ends_with_3_when_versions_differ() {
    let suite = Suite::new().with_script("kubectl-rhacs-upgrade", "echo program 0.0.1");
    let run = suite.rhacs(&["doctor"]);
    assert_eq!(run.code, Some(3));
    assert!(run.stdout.contains("RHACS-VERSION-SKEW"), "{}", run.stdout);
}
