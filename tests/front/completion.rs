//! TAB, as kubectl asks, as shells ask, and as the programs answer.

use std::fs;
use std::time::Instant;

use crate::support::Suite;

const KUBECONFIG: &str = "\
current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: u, namespace: acs}}
- {name: dev}
";

fn suite() -> Suite {
    let suite = Suite::new()
        .with_echo("kubectl-rhacs-upgrade")
        .with_script("kubectl-sf_token", "echo \"sf-token: $*\"");
    fs::write(suite.root().join("kubeconfig"), KUBECONFIG).unwrap();
    suite
}

#[test]
fn words_that_are_installed_are_offered() {
    let suite = suite();
    let run = suite.rhacs(&["__complete", ""]);
    let mut words: Vec<&str> =
        run.lines().iter().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(words.pop(), Some(":4"));
    words.sort_unstable();
    assert_eq!(words, ["completion", "doctor", "help", "schema", "upgrade", "version"]);
    assert_eq!(suite.rhacs(&["__complete", "-n", "x", "up"]).lines().len(), 2);
    assert!(suite.rhacs(&["__complete", "--con"]).stdout.contains("--context"));
    assert!(suite.rhacs(&["__complete", "doctor", "--f"]).stdout.starts_with("--fix\t"));
}

#[test]
fn what_stands_behind_a_word_is_the_programs_to_complete() {
    let suite = suite();
    let run = suite.rhacs(&["__complete", "-n", "x", "upgrade", "plan", "--to", ""]);
    let asked = ["kubectl-rhacs-upgrade", "[__complete]", "[-n]", "[x]", "[plan]", "[--to]", "[]"];
    assert_eq!(run.lines(), asked);
    let run = suite.rhacs(&["__complete", "--context", "p"]);
    assert_eq!(run.lines()[1..], ["[__complete]", "[--context]", "[p]"]);
}

#[test]
fn kubectl_asks_and_gets_answers() {
    let suite = suite();
    assert_eq!(suite.rhacs(&["completion", "install"]).code, Some(0));
    let again = suite.rhacs(&["completion", "install"]);
    assert!(again.stderr.contains("is there already") && !again.stderr.contains("linked"));
    let Some(run) = suite.kubectl(&["__complete", "rhacs", "upgrade", "plan", "--to", "3"]) else {
        return;
    };
    let asked = ["kubectl-rhacs-upgrade", "[__complete]", "[plan]", "[--to]", "[3]"];
    assert_eq!(&run.lines()[..5], asked, "{}", run.stderr);
    let words = suite.kubectl(&["__complete", "rhacs", "do"]).unwrap();
    assert!(words.stdout.starts_with("doctor\t"), "{}", words.stdout);
    let token = suite.kubectl(&["__complete", "sf-token", "rotate", ""]).unwrap();
    assert!(token.stdout.starts_with("sf-token: __complete rotate"), "{}", token.stdout);
    assert_eq!(suite.rhacs(&["completion", "uninstall"]).code, Some(0));
    assert!(!suite.bin().join("kubectl_complete-rhacs").is_symlink());
}

#[test]
fn the_real_upgrade_completes_in_milliseconds_without_a_cluster() {
    let Some(suite) = Suite::new().with_real("kubectl-rhacs-upgrade") else { return };
    fs::write(suite.root().join("kubeconfig"), KUBECONFIG).unwrap();
    let values = |words: &[&str]| {
        let words: Vec<&str> = ["__complete", "upgrade"].iter().chain(words).copied().collect();
        let started = Instant::now();
        let run = suite.rhacs(&words);
        eprintln!("{words:?}: {:?}", started.elapsed());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.stderr, "");
        let lines = run.lines();
        let value = |line: &&str| line.split('\t').next().unwrap().to_owned();
        lines.iter().map(value).collect::<Vec<_>>()
    };
    assert_eq!(values(&["--context", ""]), ["dev", "prod", ":4"]);
    assert_eq!(values(&["--rollb"]), ["--rollback-on-failure", ":4"]);
    assert_eq!(values(&["pl"]), ["plan", ":4"]);
    assert_eq!(values(&["--to", "3.74"]), ["3.74.", ":6"]);
    assert_eq!(values(&["--accept", "RHACS-BACKUP-SK"]), ["RHACS-BACKUP-SKIPPED", ":4"]);
    assert_eq!(
        values(&["--components", "central,s"]),
        ["central,scanner", "central,secured", ":4"]
    );
    assert_eq!(values(&["-o", "j"]), ["json", ":4"]);
    assert_eq!(values(&["apply", ""]), [":0"]);
    for flag in kubectl_rhacs::words::FLAGS {
        let long = format!("--{}", flag.long);
        assert!(values(&[&long]).contains(&long), "the front door knows a flag too many");
    }
}

#[test]
fn bash_completes_programs_called_directly() {
    let suite = suite();
    let complete = |words: &[&str]| {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let script = format!(
            "source <(kubectl-rhacs completion bash); COMP_WORDS=({}); COMP_CWORD={}; \
             __rhacs_complete; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            quoted.join(" "),
            words.len() - 1
        );
        suite.run("bash", &["--norc", "-c", &script]).map(|run| {
            assert_eq!(run.stderr, "");
            run.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
        })
    };
    let Some(words) = complete(&["kubectl-rhacs", "do"]) else { return };
    assert_eq!(words, ["doctor"]);
    assert_eq!(complete(&["kubectl-rhacs", "doctor", "--output", "=", "j"]).unwrap(), ["json"]);
    assert_eq!(complete(&["kubectl-rhacs", "version", "-o", "y"]).unwrap(), ["yaml"]);
}

#[test]
fn zsh_and_fish_take_their_scripts() {
    let suite = suite();
    if let Some(run) = suite.run(
        "fish",
        &[
            "--no-config",
            "-c",
            "kubectl-rhacs completion fish | source; complete -C 'kubectl-rhacs doc'",
        ],
    ) {
        assert_eq!(run.stdout.split('\t').next(), Some("doctor"), "{}", run.stderr);
    }
    let script = "autoload -Uz compinit && compinit -D -u; source <(kubectl-rhacs completion zsh); \
                  print -r -- $_comps[kubectl-rhacs]";
    if let Some(run) = suite.run("zsh", &["-f", "-c", script]) {
        assert_eq!(run.stdout, "__rhacs_complete\n", "{}", run.stderr);
    }
}
