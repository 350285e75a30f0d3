//! The checks: pure functions of the facts.

use std::path::Path;

use common::SUITE_VERSION;
use common::plan::{Finding, Severity};

use super::facts::{Facts, Origin, Program};
use super::{Diagnosis, Repair};
use crate::programs::File;
use crate::siblings::install_hint;
use crate::words::{self, FRONT, SIMULATION};

/// Everything that is wrong, in no particular order.
#[must_use]
pub fn diagnose(facts: &Facts) -> Vec<Diagnosis> {
    let checks: [fn(&Facts) -> Vec<Diagnosis>; 9] = [
        front_door,
        shadowed,
        two_origins,
        programs,
        unusable_files,
        surprising_words,
        open_directories,
        kubectl,
        completion,
    ];
    checks.iter().flat_map(|check| check(facts)).collect()
}

/// kubectl finds a front door at all.
fn front_door(facts: &Facts) -> Vec<Diagnosis> {
    if facts.plugins().any(|file| file.program == FRONT) {
        return Vec::new();
    }
    let directory = match (&facts.krew_bin, facts.origin(&facts.own)) {
        (Some(bin), Origin::Krew) => bin.as_path(),
        _ => facts.own.parent().unwrap_or_else(|| Path::new(".")),
    };
    let what = format!("{FRONT} is not on the PATH");
    let fix = format!("add {} to the PATH", directory.display());
    vec![diagnosis("RHACS-NOT-ON-PATH", Severity::Block, what, fix)]
}

/// The programs on the PATH are those that this front door starts.
fn shadowed(facts: &Facts) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for program in &facts.programs {
        let Some(used) = program.path.as_deref().and_then(|path| path.canonicalize().ok()) else {
            continue;
        };
        let same_name = facts.plugins().filter(|file| file.program == program.name);
        let others: Vec<&File> =
            same_name.filter(|file| file.resolved.as_deref() != Some(&used)).collect();
        let first = facts.plugins().find(|file| file.program == program.name);
        for other in others {
            let wins = first.is_some_and(|first| first.path == other.path);
            let (path, used) = (other.path.display(), used.display());
            let what = if wins {
                format!("kubectl starts {path}, not {used}")
            } else {
                format!("{path} is another copy of {used}")
            };
            let severity = if wins { Severity::Warn } else { Severity::Info };
            let fix = match other.resolved.as_deref().map(|path| facts.origin(path)) {
                Some(Origin::Krew) => {
                    "kubectl krew uninstall rhacs, or remove the others".to_owned()
                }
                Some(Origin::Cargo) => format!("cargo uninstall {}", program.name),
                _ => format!("remove {path} if it is not needed"),
            };
            found.push(diagnosis("RHACS-SHADOWED", severity, what, fix));
        }
    }
    found
}

/// krew's copy and another one grow apart.
fn two_origins(facts: &Facts) -> Vec<Diagnosis> {
    let origins = |wanted: bool| {
        facts.plugins().find(|file| {
            let origin = file.resolved.as_deref().map(|path| facts.origin(path));
            file.program.starts_with(FRONT) && (origin == Some(Origin::Krew)) == wanted
        })
    };
    let (Some(krew), Some(other)) = (origins(true), origins(false)) else { return Vec::new() };
    let what = format!(
        "{} came with krew, {} did not: an upgrade of one leaves the other behind",
        krew.path.display(),
        other.path.display()
    );
    let fix = format!("keep one: kubectl krew uninstall rhacs, or remove {}", other.path.display());
    vec![diagnosis("RHACS-TWO-INSTALLATIONS", Severity::Warn, what, fix)]
}

/// Every program is there, starts, and is of this version.
fn programs(facts: &Facts) -> Vec<Diagnosis> {
    let hint = || install_hint(Some(&facts.own));
    let diagnose = |program: &Program| {
        let name = &program.name;
        let path = program.path.as_deref().map(Path::display);
        match (&program.version, path) {
            (None, _) | (_, None) => {
                // Rehearsals carry a cluster of their own; this one is for people to look at.
                let severity = if name == SIMULATION { Severity::Info } else { Severity::Warn };
                let what = format!("{name} is not installed");
                Some(diagnosis("RHACS-PROGRAM-MISSING", severity, what, hint()))
            }
            (Some(Err(why)), Some(path)) => {
                let what = format!("{path} cannot be used: {why}");
                Some(diagnosis("RHACS-PROGRAM-BROKEN", Severity::Block, what, hint()))
            }
            (Some(Ok(version)), Some(path)) if version != SUITE_VERSION => {
                let what = format!("{path} is {version}, {FRONT} is {SUITE_VERSION}");
                Some(diagnosis("RHACS-VERSION-SKEW", Severity::Block, what, hint()))
            }
            _ => None,
        }
    };
    facts.programs.iter().filter_map(diagnose).collect()
}

/// Links lead somewhere, and files can be started.
fn unusable_files(facts: &Facts) -> Vec<Diagnosis> {
    let diagnose = |file: &File| {
        let path = &file.path;
        if file.resolved.is_none() {
            let what = format!("{} is a link to nothing", path.display());
            let fix = format!("rm {}", path.display());
            let found = diagnosis("RHACS-DANGLING-LINK", Severity::Warn, what, fix);
            return Some(found.mended_by(Repair::RemoveLink(path.clone())));
        }
        if !file.executable && path.is_file() {
            let what = format!("{} is there and cannot be started", path.display());
            let fix = format!("chmod +x {}", path.display());
            let found = diagnosis("RHACS-NOT-EXECUTABLE", Severity::Warn, what, fix);
            return Some(found.mended_by(Repair::MakeExecutable(path.clone())));
        }
        None
    };
    facts.files.iter().filter_map(diagnose).collect()
}

/// kubectl tries the longest name first: a file called `kubectl-rhacs-upgrade-4.8.1` would run
/// instead of the upgrade to 4.8.1.
fn surprising_words(facts: &Facts) -> Vec<Diagnosis> {
    let is_surprising = |file: &&File| {
        let word = file.program.strip_prefix("kubectl-rhacs-");
        word.is_some_and(|word| !words::is_known(word))
    };
    let diagnose = |file: &File| {
        let typed = file.program.trim_start_matches("kubectl-").replace('-', " ");
        let what = format!("{} runs when `kubectl {typed}` is typed", file.path.display());
        let fix = format!("remove {} if it is not meant", file.path.display());
        diagnosis("RHACS-UNKNOWN-PLUGIN", Severity::Warn, what, fix)
    };
    facts.plugins().filter(is_surprising).map(diagnose).collect()
}

/// Nobody else can put a plugin before ours.
fn open_directories(facts: &Facts) -> Vec<Diagnosis> {
    let first = facts.plugins().find(|file| file.program == FRONT);
    let ours = first.and_then(|file| file.path.parent());
    facts
        .directories
        .iter()
        .take_while(|directory| Some(directory.path.as_path()) != ours)
        .filter(|directory| directory.open_to_all)
        .map(|directory| {
            let path = directory.path.display();
            let what = format!("every user may put plugins into {path}, which is searched first");
            diagnosis("RHACS-OPEN-PATH", Severity::Warn, what, format!("chmod o-w {path}"))
        })
        .collect()
}

/// kubectl is there and knows plugins.
fn kubectl(facts: &Facts) -> Vec<Diagnosis> {
    let Some(kubectl) = &facts.kubectl else {
        let what = format!("there is no kubectl on the PATH; {FRONT} works without it");
        return vec![diagnosis("RHACS-NO-KUBECTL", Severity::Warn, what, "install kubectl")];
    };
    let path = kubectl.path.display();
    match kubectl.version {
        Some((major, minor)) if (major, minor) < OLDEST_KUBECTL => {
            let what = format!("{path} is {major}.{minor}: it completes no plugins");
            vec![diagnosis("RHACS-OLD-KUBECTL", Severity::Info, what, "kubectl 1.26 or newer does")]
        }
        Some(_) => Vec::new(),
        None => {
            let what = format!("{path} does not say its version");
            vec![diagnosis(
                "RHACS-KUBECTL-BROKEN",
                Severity::Warn,
                what,
                "kubectl version --client",
            )]
        }
    }
}

/// kubectl finds the completions.
fn completion(facts: &Facts) -> Vec<Diagnosis> {
    let Some(directory) = &facts.completion_directory else { return Vec::new() };
    let diagnose = |(name, right): &(String, Option<_>)| {
        if right.is_some() {
            return None;
        }
        let there = facts.files.iter().find(|file| file.rank.is_some() && &file.program == name);
        let what = match there {
            Some(file) if file.resolved.is_some() => {
                format!("{} is not this suite's: TAB asks it", file.path.display())
            }
            _ => format!("there is no {name} on the PATH: TAB completes nothing"),
        };
        let found = diagnosis(
            "RHACS-NO-COMPLETION",
            Severity::Info,
            what,
            "kubectl rhacs completion install",
        );
        let repair = Repair::Link { directory: directory.clone(), name: name.clone() };
        Some(found.mended_by(repair))
    };
    facts.completion.iter().filter_map(diagnose).collect()
}

/// Since 1.26 kubectl asks plugins for completions.
const OLDEST_KUBECTL: (u32, u32) = (1, 26);

/// A finding by its row in [`REASONS`].
fn diagnosis(
    code: &str,
    severity: Severity,
    what: impl Into<String>,
    fix: impl Into<String>,
) -> Diagnosis {
    let reason = REASONS.iter().find(|(known, _)| *known == code);
    let finding = Finding {
        code: code.to_owned(),
        severity,
        what: what.into(),
        why: reason.map(|(_, why)| (*why).to_owned()).unwrap_or_default(),
        fix: fix.into(),
        source: "this computer".to_owned(),
        accepted: false,
        fields: Vec::new(),
    };
    Diagnosis { finding, repair: None }
}

impl Diagnosis {
    fn mended_by(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self
    }
}

/// Every code with why it matters.
const REASONS: [(&str, &str); 14] = [
    ("RHACS-NOT-ON-PATH", "kubectl finds plugins on the PATH only"),
    ("RHACS-SHADOWED", "what runs depends on how it is called"),
    ("RHACS-TWO-INSTALLATIONS", "the copies come to differ in version"),
    ("RHACS-PROGRAM-MISSING", "its word does not work"),
    ("RHACS-PROGRAM-BROKEN", "its word does not work"),
    ("RHACS-VERSION-SKEW", "plans and records are written and read by programs of one version"),
    ("RHACS-DANGLING-LINK", "kubectl passes over it without a word"),
    ("RHACS-NOT-EXECUTABLE", "kubectl passes over it without a word"),
    ("RHACS-UNKNOWN-PLUGIN", "kubectl prefers the longest name over the words of this suite"),
    ("RHACS-OPEN-PATH", "a planted program would run with your rights"),
    ("RHACS-NO-KUBECTL", "the words are typed after kubectl rhacs"),
    ("RHACS-OLD-KUBECTL", "plugins complete their words since kubectl 1.26"),
    ("RHACS-NO-COMPLETION", "kubectl asks a program of this name for completions"),
    ("RHACS-KUBECTL-BROKEN", "the words are typed after kubectl rhacs"),
];
