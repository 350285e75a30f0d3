//! Every word reaches its program with arguments, signals and exit code intact.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::support::Suite;

#[test]
fn a_word_reaches_its_program_with_every_argument() {
    let suite = Suite::new().with_echo("kubectl-rhacs-upgrade");
    for (typed, got) in [
        (&["upgrade", "--to", "3.69.2"][..], &["[--to]", "[3.69.2]"][..]),
        (&["-n", "x", "upgrade", "plan", ""], &["[-n]", "[x]", "[plan]", "[]"]),
        (&["--context=a b", "upgrade", "*"], &["[--context=a b]", "[*]"]),
        (&["help", "upgrade", "plan"], &["[plan]", "[--help]"]),
    ] {
        let run = suite.rhacs(typed);
        assert_eq!(run.code, Some(0), "{typed:?}: {}", run.stderr);
        assert_eq!(run.lines()[0], "kubectl-rhacs-upgrade");
        assert_eq!(&run.lines()[1..], got, "{typed:?}");
    }
}

#[test]
fn kubectl_reaches_every_word_the_way_a_person_types_it() {
    // As krew installs it: only the front door is on the PATH, by a link.
    let suite = Suite::new().with_echo("kubectl-rhacs-upgrade").with_echo("kubectl-rhacs-scc");
    let links = suite.root().join("links");
    std::fs::create_dir(&links).unwrap();
    symlink(suite.bin().join("kubectl-rhacs"), links.join("kubectl-rhacs")).unwrap();
    for (typed, program, got) in [
        (&["rhacs", "upgrade", "--help"][..], "kubectl-rhacs-upgrade", &["[--help]"][..]),
        (&["rhacs", "-n", "x", "scc"], "kubectl-rhacs-scc", &["[-n]", "[x]"]),
    ] {
        let mut command = suite.command("kubectl", typed);
        let system = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{system}", links.display()));
        let Ok(output) = command.output() else {
            return eprintln!("skipped: there is no kubectl on this computer");
        };
        let stdout = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = stdout.lines().collect();
        assert_eq!(lines.first(), Some(&program), "{typed:?}: {lines:?}");
        assert_eq!(&lines[1..], got, "{typed:?}");
    }
}

#[test]
fn exit_codes_pass_through() {
    let suite = Suite::new().with_script("kubectl-rhacs-upgrade", "exit $1");
    for code in [0, 4, 10, 130, 255] {
        assert_eq!(suite.rhacs(&["upgrade", &code.to_string()]).code, Some(code));
    }
}

#[test]
fn a_signal_reaches_the_program_itself() {
    let script = "trap 'echo caught; exit 7' TERM; echo $$; while :; do sleep 0.01; done";
    let suite = Suite::new().with_script("kubectl-rhacs-upgrade", script);
    let program = suite.bin().join("kubectl-rhacs");
    let mut command = suite.command(program.to_str().unwrap(), &["upgrade"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let pid = lines.next().unwrap().unwrap();
    assert_eq!(pid, child.id().to_string(), "the program is the process that was started");
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(lines.next().unwrap().unwrap(), "caught");
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn dying_of_a_signal_is_told_as_such() {
    let suite = Suite::new().with_script("kubectl-rhacs-scc", "kill -KILL $$");
    let program = suite.bin().join("kubectl-rhacs");
    let status = suite.command(program.to_str().unwrap(), &["scc"]).status().unwrap();
    assert_eq!(status.signal(), Some(9));
}

#[test]
fn a_program_of_a_colleague_is_found_too() {
    let suite = Suite::new().with_echo("kubectl-rhacs-report");
    assert_eq!(suite.rhacs(&["report", "x"]).lines(), ["kubectl-rhacs-report", "[x]"]);
}

#[test]
fn a_missing_program_is_told_with_what_brings_it() {
    let run = Suite::new().rhacs(&["rollback"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("error: `kubectl-rhacs-rollback` is not installed"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("hint: unpack the whole release archive"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn a_program_that_does_not_start_is_told_as_such() {
    let suite = Suite::new().with_echo("kubectl-rhacs-scc");
    let program = suite.bin().join("kubectl-rhacs-scc");
    std::fs::write(program, "#!/no/such/interpreter\n").unwrap();
    let run = suite.rhacs(&["scc"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.starts_with("error: cannot start `"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: kubectl rhacs doctor"), "{}", run.stderr);
}

#[test]
fn an_unknown_word_gets_a_suggestion() {
    let run = Suite::new().rhacs(&["-n", "acs", "upgade"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(
        run.stderr,
        "error: there is no word `upgade`\nhint: did you mean kubectl rhacs upgrade?\n"
    );
    assert_eq!(Suite::new().rhacs(&["../../bin/sh"]).code, Some(2));
}
