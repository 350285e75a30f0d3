//! The completions of a command like the suite's own.

use clap::{Arg, ArgAction, Command, value_parser};

use super::*;

fn command() -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name);
    Command::new("kubectl-rhacs-upgrade")
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .subcommand(
            Command::new("plan")
                .about("Show the plan")
                .arg(flag("exit-code").action(ArgAction::SetTrue).help("End with 10")),
        )
        .subcommand(
            Command::new("apply")
                .about("Apply a plan")
                .arg(Arg::new("file").value_parser(value_parser!(std::path::PathBuf))),
        )
        .subcommand(Command::new("secret").hide(true))
        .arg(flag("to").value_name("VERSION").global(true))
        .arg(flag("output").short('o').value_parser(["json", "yaml"]).global(true))
        .arg(flag("components").value_delimiter(',').value_parser(["central", "scanner"]))
        .arg(flag("context").global(true))
        .arg(flag("kubeconfig").value_parser(value_parser!(std::path::PathBuf)).global(true))
        .arg(flag("backup-dir").value_name("DIR"))
        .arg(flag("rehearse").num_args(0..=1).value_parser(["live"]))
        .arg(flag("dry-run").num_args(0..=1).require_equals(true).value_parser(["client"]))
        .arg(flag("yes").short('y').action(ArgAction::SetTrue))
        .arg(flag("accept").action(ArgAction::Append).global(true))
}

fn asked_in(env: &Env, line: &str) -> Answer {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let accept = |slot: &Slot<'_>| {
        (slot.id() == "accept").then(|| Answer::only(vec![Candidate::new("RHACS-A", "a")]))
    };
    complete(env, &mut command(), &words, &accept)
}

fn values(line: &str) -> Vec<String> {
    let answer = asked_in(&Env::test(), line);
    answer.candidates.into_iter().map(|candidate| candidate.value).collect()
}

#[test]
fn verbs_are_offered_until_one_is_typed() {
    assert_eq!(values(""), ["plan", "apply"]);
    assert_eq!(values("--to 3.69.2 pl"), ["plan"]);
    assert_eq!(values("-y "), ["plan", "apply"]);
    assert_eq!(values("plan "), Vec::<String>::new());
    assert_eq!(values("-- "), Vec::<String>::new());
}

#[test]
fn flags_know_their_verb_and_are_offered_once() {
    assert_eq!(values("plan --exi"), ["--exit-code"]);
    assert_eq!(values("--exi"), Vec::<String>::new());
    assert!(values("plan --").contains(&"--to".to_owned()));
    assert!(!values("plan --to 3.69.2 --").contains(&"--to".to_owned()));
    assert!(values("plan --accept X --").contains(&"--accept".to_owned()));
    assert!(values("-").contains(&"-o".to_owned()));
    assert!(!values("--").contains(&"-o".to_owned()));
}

#[test]
fn values_are_offered_however_the_flag_is_written() {
    for line in ["-o ", "--output ", "--output=", "-yo ", "plan -o ", "--to 1 -o "] {
        assert_eq!(values(line), ["json", "yaml"], "{line}");
    }
    assert_eq!(values("--output=y"), ["yaml"]);
    assert_eq!(values("-ojson "), ["plan", "apply"]);
    assert_eq!(values("--components central,"), ["central,scanner"]);
    assert_eq!(values("--accept "), ["RHACS-A"]);
}

#[test]
fn an_optional_value_does_not_hide_the_verbs_after_it() {
    assert_eq!(values("--rehearse l"), ["live"]);
    assert_eq!(values("--rehearse live "), ["plan", "apply"]);
    assert!(values("--rehearse --y").contains(&"--yes".to_owned()));
    assert_eq!(values("--dry-run "), ["plan", "apply"]);
    assert_eq!(values("--dry-run="), ["client"]);
}

#[test]
fn files_are_the_shells_to_find() {
    let directive = |line: &str| asked_in(&Env::test(), line).directive;
    assert_eq!(directive("apply "), Directive::Files);
    assert_eq!(directive("--kubeconfig "), Directive::Files);
    assert_eq!(directive("--backup-dir "), Directive::Directories);
    assert_eq!(directive(""), Directive::Only);
}

#[test]
fn versions_come_as_lines_whose_patch_is_still_to_be_typed() {
    let answer = asked_in(&Env::test(), "--to 3.7");
    assert_eq!(answer.directive, Directive::Unfinished);
    assert_eq!(answer.candidates[0].value, "3.74.");
    assert!(answer.candidates.iter().all(|candidate| candidate.value.starts_with("3.7")));
}

#[test]
fn contexts_come_from_all_files_of_the_kubeconfig() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let one = write(
        "one",
        "current-context: prod\ncontexts:\n- name: prod\n  context: {cluster: c1, user: u, namespace: acs}\n",
    );
    let two = write("two", "contexts:\n- {name: dev}\n- {name: prod}\nusers: null\n");
    let broken = write("broken", "contexts: [");
    let env = Env::test().with_variable("KUBECONFIG", &format!("{one}:{broken}:/none:{two}"));
    let answer = asked_in(&env, "--context ");
    assert_eq!(answer.render(), "dev\nprod\tcluster c1, current\n:4\n");
    let named = asked_in(&env, &format!("--kubeconfig {two} --context p"));
    assert_eq!(named.render(), "prod\n:4\n");
}

#[test]
fn a_request_is_known_by_its_first_word_or_by_the_programs_name() {
    let asked = |args: &[&str]| requested(&Env::test().with_args(args));
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    assert_eq!(asked(&["kubectl-rhacs", "__complete", "a", ""]), words(&["a", ""]));
    assert_eq!(asked(&["/bin/kubectl_complete-rhacs", "up"]), words(&["up"]));
    assert_eq!(asked(&["/bin/kubectl_complete-rhacs"]), words(&[""]));
    assert_eq!(asked(&["kubectl-rhacs", "upgrade", "__complete"]), None);
    assert_eq!(link_name(OsStr::new("kubectl_complete-sf_token.exe")).as_deref(), Some("sf-token"));
}

#[test]
fn an_answer_is_one_line_a_candidate() {
    let candidates = vec![Candidate::new("a\nb", "x\ty\u{1b}[2J"), Candidate::new("c", "")];
    assert_eq!(Answer::only(candidates).render(), "ab\txy[2J\nc\n:4\n");
}

#[test]
fn every_script_names_its_programs() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Powershell] {
        let text = script(shell, "rhacs", &["kubectl-rhacs", "sf-token"]);
        assert!(text.contains("sf-token"));
        assert!(!text.contains("@NAME@") && !text.contains("@PROGRAMS@"), "{text}");
        assert!(text.contains("__complete"), "{text}");
    }
}
