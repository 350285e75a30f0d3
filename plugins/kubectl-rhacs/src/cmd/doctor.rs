//! `kubectl rhacs doctor`: look around, say what is wrong, mend what can be mended.

use common::env::Env;
use common::exit::Exit;
use common::failure::Failure;
use common::plan::{Finding, Severity};
use common::ui::{Look, Output, Role, Ui, findings_table};
use serde::Serialize;
use std::path::PathBuf;

use crate::doctor::{Facts, Origin, diagnose};

/// What `doctor -o json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: &'static str,
    path: PathBuf,
    installed_by: &'static str,
    kubectl: Option<String>,
    findings: Vec<Finding>,
    /// What `--fix` did.
    mended: Vec<String>,
    exit: Exit,
    code: u8,
}

/// Prints what is wrong; with `fix`, what still is.
///
/// # Errors
/// A standard output that cannot be written.
pub fn run(env: &Env, ui: &Ui, fix: bool) -> Result<Exit, Failure> {
    let mut facts = Facts::gather(env);
    let mut mended = Vec::new();
    if fix {
        // A repair may bring another finding to light, such as a link behind a removed one.
        for _ in 0..3 {
            let done = repair(env, ui, &facts);
            if done.is_empty() {
                break;
            }
            mended.extend(done);
            facts = Facts::gather(env);
        }
    }
    let findings: Vec<Finding> =
        diagnose(&facts).into_iter().map(|diagnosis| diagnosis.finding).collect();
    let blocked = findings.iter().any(|finding| finding.severity == Severity::Block);
    let exit = if blocked { Exit::Blocked } else { Exit::Done };
    let report = Report {
        version: common::SUITE_VERSION,
        path: facts.own.clone(),
        installed_by: match facts.origin(&facts.own) {
            Origin::Krew => "krew",
            Origin::Cargo => "cargo",
            Origin::Other => "hand",
        },
        kubectl: facts.kubectl.as_ref().map(|kubectl| match kubectl.version {
            Some((major, minor)) => format!("{major}.{minor} ({})", kubectl.path.display()),
            None => kubectl.path.display().to_string(),
        }),
        findings,
        mended,
        exit,
        code: exit.code(),
    };
    ui.print(&report, |output, look| text(&report, output, look))?;
    Ok(exit)
}

/// Mends what can be mended, and returns what was done.
fn repair(env: &Env, ui: &Ui, facts: &Facts) -> Vec<String> {
    let repairs = diagnose(facts).into_iter().filter_map(|diagnosis| diagnosis.repair);
    let mut done = Vec::new();
    for repair in repairs {
        match repair.apply(env) {
            Ok(what) => done.push(what),
            // What cannot be mended stays among the findings.
            Err(failure) => ui.warn(failure.render().trim_start_matches("error: ")),
        }
    }
    done
}

fn text(report: &Report, output: Output, look: Look) -> String {
    if output == Output::Name {
        return report.findings.iter().map(|finding| format!("{}\n", finding.code)).collect();
    }
    let kubectl = report.kubectl.as_deref().unwrap_or("none");
    let mut text = format!(
        "kubectl-rhacs {} at {}, installed by {}; kubectl {kubectl}\n\n",
        report.version,
        report.path.display(),
        report.installed_by,
    );
    for mended in &report.mended {
        text.push_str(&format!("{} {mended}\n", look.paint(Role::Success, "✓")));
    }
    if !report.mended.is_empty() {
        text.push('\n');
    }
    text.push_str(&findings_table(&report.findings).render(look, output.is_wide()));
    let verdict = match report.findings.first() {
        None => look.paint(Role::Success, "Everything is in its place."),
        Some(_) if report.exit == Exit::Done => "Nothing keeps the suite from working.".to_owned(),
        Some(_) => look.paint(Role::Error, "The suite does not work as it should."),
    };
    format!("{text}{verdict}\n")
}
