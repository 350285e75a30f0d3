//! What a run achieved, as a person reads it.

use super::human::{bytes, count, duration};
use super::look::{Look, Role};
use super::output::Output;
use super::table::{Cell, Header, Table};
use crate::exit::Exit;
use crate::plan::Operation;
use crate::rhacs::Component;
use crate::rhacs::parity::{Difference, Reason};
use crate::run::{ClusterReport, ComponentReport, Report};

/// The report as tables and lines; with [`Output::Name`] only the workloads.
#[must_use]
pub fn report_text(report: &Report, output: Output, look: Look) -> String {
    if output == Output::Name {
        let mut names: Vec<String> = Vec::new();
        for name in report.components.iter().map(|part| part.object.qualified() + "\n") {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        return names.concat();
    }
    let wide = output.is_wide();
    let mut text = format!("{}\n\n", headline(report, look));
    text.push_str(&components(&report.components, wide).render(look, wide));
    if !report.clusters.is_empty() {
        text.push('\n');
        text.push_str(&clusters(&report.clusters).render(look, wide));
    }
    text.push('\n');
    for line in facts(report) {
        text.push_str(&look.text(&line));
        text.push('\n');
    }
    for warning in &report.warnings {
        text.push_str(&look.paint(Role::Warning, "warning:"));
        text.push_str(&format!(" {}\n", look.text(warning)));
    }
    for (index, command) in report.next.iter().enumerate() {
        let word = if index == 0 { "\nNext:" } else { "     " };
        text.push_str(&format!("{word} {}\n", look.paint(Role::Literal, command)));
    }
    text
}

fn headline(report: &Report, look: Look) -> String {
    let done = match report.operation {
        Operation::Upgrade => format!("✓ {} is done", report.to),
        Operation::Rollback => format!("✓ back at {}", report.to),
        Operation::Scc => format!("✓ the SCCs are those of {}", report.to),
    };
    let (role, words) = match report.exit {
        Exit::Done => (Role::Success, format!("{done}{}", verified(report))),
        Exit::Unverified => {
            (Role::Warning, format!("{} is applied, but not everything is verified", report.to))
        }
        Exit::Interrupted => (Role::Warning, format!("{} is interrupted", report.to)),
        _ => (Role::Error, format!("✗ {} has failed", report.to)),
    };
    look.paint(role, &words)
}

/// What of it was verified, no more than that.
fn verified(report: &Report) -> String {
    let parts: Vec<String> = report.limited_to.iter().map(ToString::to_string).collect();
    let parts = match parts.is_empty() {
        true => String::new(),
        false => format!(" for {}", parts.join(", ")),
    };
    let is_sccs = report.operation == Operation::Scc;
    let others = report.clusters.iter().filter(|cluster| !cluster.part_of_run);
    let others = others.filter(|cluster| !cluster.verified).count();
    let is_all = others == 0 && report.components.iter().all(|part| part.healthy);
    match (report.central_asked || is_sccs, parts.is_empty()) {
        (true, true) if is_all => ": everything is verified".to_owned(),
        (true, true) if others > 0 => {
            let (clusters, verb) =
                (count(others, "cluster"), if others == 1 { "is" } else { "are" });
            format!(": what this run changes is verified; {clusters} {verb} not part of it")
        }
        (true, true) => ": what this run changes is verified".to_owned(),
        (true, false) => format!("{parts}: verified; the rest was left as it is"),
        (false, _) => format!("{parts}: its workloads are ready; Central did not say what it runs"),
    }
}

fn components(parts: &[ComponentReport], wide: bool) -> Table {
    let mut table = Table::new([
        Header::new("COMPONENT"),
        Header::new("OBJECT"),
        Header::new("CONTAINER"),
        Header::new("WAS"),
        Header::new("IS"),
        Header::new("HEALTHY"),
        Header::new("NOTE").wrapping(),
    ]);
    for part in parts {
        let image = |reference: &str| match reference {
            "" => "-".to_owned(),
            _ if wide => reference.to_owned(),
            _ => tag(reference).to_owned(),
        };
        table.row([
            part.component.to_string().into(),
            part.object.to_string().into(),
            part.container.as_str().into(),
            image(&part.was).into(),
            image(&part.is).into(),
            yes_or_no(part.healthy),
            part.note.as_str().into(),
        ]);
    }
    table
}

fn clusters(clusters: &[ClusterReport]) -> Table {
    let mut table = Table::new([
        Header::new("CLUSTER"),
        Header::new("SENSOR"),
        Header::new("HEALTH"),
        Header::new("VERIFIED"),
        Header::new("NOTE").wrapping(),
    ]);
    for cluster in clusters {
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        table.row([
            cluster.name.as_str().into(),
            or_dash(&cluster.version).into(),
            or_dash(&cluster.health).into(),
            match cluster.part_of_run || cluster.verified {
                true => yes_or_no(cluster.verified),
                false => "-".into(),
            },
            match cluster.part_of_run || cluster.verified {
                true => cluster.note.as_str().into(),
                false => format!("not part of this run: {}", cluster.note).into(),
            },
        ]);
    }
    table
}

fn facts(report: &Report) -> Vec<String> {
    let mut lines = vec![format!("Run:     {}", report.run)];
    let of_parts = match report.parts {
        0 | 1 => String::new(),
        parts => format!(", the last of {parts} parts"),
    };
    lines.push(format!("Took:    {}{of_parts}", duration(report.elapsed_seconds)));
    lines.extend(outage(report));
    if let Some(backup) = &report.backup {
        lines.push(format!("Backup:  {} ({})", backup.path, bytes(backup.size)));
        lines.push(format!("         SHA-256 {}", backup.sha256));
    }
    if let Some(parity) = &report.parity {
        lines.push(format!("Parity:  {}", parity_text(parity)));
    }
    if !report.warnings.is_empty() {
        lines.push(format!("Look at: {}", count(report.warnings.len(), "warning")));
    }
    lines
}

/// How long Central was away, no more than was measured.
fn outage(report: &Report) -> Option<String> {
    const GAP: &str = "nobody measured between the parts of the run";
    let is_central =
        |part: &ComponentReport| part.component == Component::Central && part.part_of_run;
    match (report.outage_seconds.map(duration), report.outage_whole) {
        (Some(outage), true) => Some(format!("Outage:  Central did not answer for {outage}")),
        (Some(outage), false) => Some(format!("Outage:  at least {outage}: {GAP}")),
        (None, false) if report.components.iter().any(is_central) => {
            Some(format!("Outage:  not known: {GAP}"))
        }
        (None, _) => None,
    }
}

fn yes_or_no(yes: bool) -> Cell {
    if yes { "yes".into() } else { Cell::painted(Role::Error, "no") }
}

/// The tag of an image reference, or its digest shortened; the whole of it when it has neither.
fn tag(reference: &str) -> &str {
    if let Some((_, digest)) = reference.split_once('@') {
        return digest.get(..19).unwrap_or(digest);
    }
    let name = reference.rfind('/').map_or(0, |slash| slash + 1);
    reference[name..].split_once(':').map_or(reference, |(_, tag)| tag)
}

/// How many fields differ, and for which reasons.
fn parity_text(differences: &[Difference]) -> String {
    let unexplained =
        differences.iter().filter(|difference| difference.reason == Reason::Unexplained).count();
    format!(
        "{} otherwise than in a new installation, {unexplained} of them unexplained",
        count(differences.len(), "field")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(components: Vec<ComponentReport>) -> Report {
        Report {
            exit: Exit::Done,
            operation: Operation::Upgrade,
            run: "r".to_owned(),
            from: crate::rhacs::Version::release(3, 68, 1),
            to: crate::rhacs::Version::release(3, 69, 2),
            components,
            limited_to: Vec::new(),
            central_asked: true,
            backup: None,
            outage_seconds: None,
            outage_whole: true,
            parts: 1,
            elapsed_seconds: 0.0,
            clusters: Vec::new(),
            parity: None,
            warnings: Vec::new(),
            next: Vec::new(),
        }
    }

    #[test]
    fn an_outage_that_nobody_measured_is_not_known() {
        let central = ComponentReport {
            component: Component::Central,
            object: crate::rhacs::ObjectRef::deployment("stackrox", "central"),
            container: "central".to_owned(),
            was: "main:1".to_owned(),
            is: "main:2".to_owned(),
            wanted: "main:2".to_owned(),
            part_of_run: true,
            healthy: true,
            note: String::new(),
        };
        let whole = report(vec![central]);
        assert_eq!(outage(&whole), None);
        let mut parts = Report { outage_whole: false, ..whole };
        let unknown = "Outage:  not known: nobody measured between the parts of the run";
        assert_eq!(outage(&parts).as_deref(), Some(unknown));
        parts.outage_seconds = Some(3.0);
        assert!(outage(&parts).unwrap().starts_with("Outage:  at least 3s"));
        parts.components[0].part_of_run = false;
        parts.outage_seconds = None;
        assert_eq!(outage(&parts), None, "Central was left as it is");
    }

    #[test]
    fn everything_is_verified_only_when_every_row_says_so() {
        let part = |healthy| ComponentReport {
            component: Component::Secured,
            object: crate::rhacs::ObjectRef::deployment("stackrox", "sensor"),
            container: "sensor".to_owned(),
            was: "main:1".to_owned(),
            is: "main:2".to_owned(),
            wanted: "main:2".to_owned(),
            part_of_run: true,
            healthy,
            note: String::new(),
        };
        let cluster = |part_of_run| ClusterReport {
            name: "edge".to_owned(),
            version: "1".to_owned(),
            health: "HEALTHY".to_owned(),
            verified: false,
            part_of_run,
            note: "old".to_owned(),
        };
        let mut report = report(vec![part(true)]);
        assert_eq!(verified(&report), ": everything is verified");
        report.clusters = vec![cluster(false)];
        let later = ": what this run changes is verified; 1 cluster is not part of it";
        assert_eq!(verified(&report), later);
        assert!(report.faults().is_empty(), "others are not this run's");
        report.clusters = vec![cluster(true)];
        report.components = vec![part(false)];
        assert_eq!(report.faults(), ["`deploy/sensor` is not healthy", "cluster `edge`: old"]);
        report.components[0].is = "main:1".to_owned();
        assert_eq!(report.faults()[0], "`deploy/sensor` runs main:1 instead of main:2");
    }

    #[test]
    fn a_tag_is_told_from_a_port() {
        for (reference, shown) in [
            ("quay.io/stackrox-io/main:3.69.2", "3.69.2"),
            ("mirror:5000/main", "mirror:5000/main"),
            ("mirror:5000/main:3.69.2", "3.69.2"),
            ("a/main:1@sha256:0123456789abcdef0123", "sha256:0123456789ab"),
        ] {
            assert_eq!(tag(reference), shown);
        }
    }
}
