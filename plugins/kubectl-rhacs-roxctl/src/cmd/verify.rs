//! `verify`: is what is installed what was installed, and what is published?

use common::env::Machine;
use common::exit::Exit;
use common::failure::Failure;
use common::rhacs::Version;
use common::roxctl::{Checksum, Found, Mirror, Receipts, Release, RoxctlError, Target, survey};
use common::ui::{Cell, Header, Look, Output, Role, Table};
use serde::Serialize;

use crate::cli::VerifyArgs;
use crate::session::Session;

/// What a comparison came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    /// The checksums are the same.
    Same,
    /// They differ.
    Differs,
    /// They differ, as they may: Central has builds of its own.
    OwnBuild,
    /// There is nothing to compare with.
    Unknown,
}

/// One line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    path: std::path::PathBuf,
    version: Option<String>,
    sha256: Checksum,
    receipt: Verdict,
    published: Verdict,
    /// Why there is no published checksum.
    reason: Option<String>,
}

/// Verifies them.
///
/// # Errors
/// When there is none, or a file cannot be read.
pub async fn run(session: &Session, args: &VerifyArgs) -> Result<Exit, Failure> {
    let failed = |error: RoxctlError| error.into_failure("cannot verify roxctl");
    let receipts = Receipts::read(&session.system).map_err(failed)?;
    let mut found = survey(&session.system, &receipts).await.map_err(failed)?;
    if let Some(wanted) = &args.version {
        found.retain(|found| version_of(found).as_ref() == Some(wanted));
    }
    if found.is_empty() {
        return Err(
            Failure::usage("there is no such roxctl to verify").hint("kubectl rhacs roxctl list")
        );
    }
    let mirror = if args.offline { None } else { Some(session.mirror(&args.mirror)?) };
    let mut lines = Vec::new();
    for found in &found {
        lines.push(compare(session, found, mirror.as_ref()).await.map_err(failed)?);
    }
    session.ui.print(&lines, |output, look| text(&lines, output, look))?;
    for line in &lines {
        if let Some(reason) = &line.reason {
            session.ui.warn(&format!("`{}`: {reason}", line.path.display()));
        }
    }
    Ok(verdict(&lines))
}

/// A wrong checksum is worse than one that cannot be told.
fn verdict(lines: &[Line]) -> Exit {
    let any = |wanted: Verdict| {
        lines.iter().any(|line| line.receipt == wanted || line.published == wanted)
    };
    let nothing =
        |line: &Line| line.receipt == Verdict::Unknown && line.published == Verdict::Unknown;
    if any(Verdict::Differs) {
        Exit::StepFailed
    } else if lines.iter().any(nothing) {
        Exit::Unverified
    } else {
        Exit::Done
    }
}

async fn compare(
    session: &Session,
    found: &Found,
    mirror: Option<&Mirror>,
) -> Result<Line, RoxctlError> {
    let sha256 = match found.sha256 {
        Some(sha256) => sha256,
        None => Checksum::of_file(&found.path).map_err(|error| RoxctlError::File {
            what: "read",
            path: found.path.clone(),
            error,
        })?,
    };
    let receipt = match (found.ours, found.changed) {
        (true, _) => Verdict::Same,
        (false, true) => Verdict::Differs,
        (false, false) => Verdict::Unknown,
    };
    let (published, reason) = published(session, found, sha256, mirror).await;
    let (path, version) = (found.path.clone(), found.version.clone());
    Ok(Line { path, version, sha256, receipt, published, reason })
}

async fn published(
    session: &Session,
    found: &Found,
    sha256: Checksum,
    mirror: Option<&Mirror>,
) -> (Verdict, Option<String>) {
    let Some(mirror) = mirror else { return (Verdict::Unknown, None) };
    let Some(version) = version_of(found) else {
        return (Verdict::Unknown, Some("its version is not known".to_owned()));
    };
    let receipt = found.receipt.as_ref().filter(|_| found.ours);
    let machine: Option<Target> = receipt.and_then(|receipt| receipt.machine.parse().ok());
    let machine: Machine = machine.map_or_else(|| session.env.machine(), |target| target.0);
    match mirror.published_checksum(&Release::Version(version), machine).await {
        Ok(listed) if listed == sha256 => (Verdict::Same, None),
        Ok(_) if receipt.is_some_and(|receipt| receipt.from_central) => (Verdict::OwnBuild, None),
        Ok(_) => (Verdict::Differs, None),
        Err(error) => (Verdict::Unknown, Some(error.to_string())),
    }
}

fn version_of(found: &Found) -> Option<Version> {
    found.version.as_ref()?.parse().ok()
}

fn text(lines: &[Line], output: Output, look: Look) -> String {
    if output == Output::Name {
        return lines.iter().map(|line| format!("{}\n", line.path.display())).collect();
    }
    let headers = ["PATH", "VERSION", "RECEIPT", "PUBLISHED"].map(Header::new);
    let mut headers = headers.to_vec();
    headers.push(Header::new("SHA256").wide());
    let mut table = Table::new(headers);
    for line in lines {
        table.row([
            line.path.display().to_string().into(),
            line.version.clone().unwrap_or_else(|| "unknown".to_owned()).into(),
            cell(line.receipt, "none"),
            cell(line.published, "not known"),
            line.sha256.to_string().into(),
        ]);
    }
    table.render(look, output.is_wide())
}

fn cell(verdict: Verdict, unknown: &str) -> Cell {
    match verdict {
        Verdict::Same => Cell::painted(Role::Success, "same"),
        Verdict::Differs => Cell::painted(Role::Error, "differs"),
        Verdict::OwnBuild => "Central's own build".into(),
        Verdict::Unknown => Cell::painted(Role::Warning, unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_checksum_counts_most() {
        let line = |receipt, published| Line {
            path: "roxctl".into(),
            version: None,
            sha256: "0".repeat(64).parse().unwrap(),
            receipt,
            published,
            reason: None,
        };
        let (same, unknown) = (Verdict::Same, Verdict::Unknown);
        assert_eq!(verdict(&[line(same, same)]), Exit::Done);
        assert_eq!(verdict(&[line(same, unknown)]), Exit::Done);
        assert_eq!(verdict(&[line(same, Verdict::OwnBuild)]), Exit::Done);
        assert_eq!(verdict(&[line(unknown, unknown), line(same, same)]), Exit::Unverified);
        let wrong = [line(unknown, unknown), line(Verdict::Differs, same)];
        assert_eq!(verdict(&wrong), Exit::StepFailed);
    }
}
