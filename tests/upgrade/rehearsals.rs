//! `--rehearse`: on samples, on real manifests, on the live cluster.

use common::rhacs::official::on_a_claim;
use rhacs_tests::{Finished, Installation, shared_file};
use serde_json::{Value, json};

use crate::{UPGRADE, upgrade};

fn rehearse(source: &str, to: &str) -> Finished {
    let nowhere = Installation::of(Vec::new()).start();
    let words = ["--rehearse", source, "--to", to, "-o", "json"];
    nowhere.run_with(UPGRADE, &words, |command| {
        command.env_remove("KUBECONFIG").env_remove("ROX_API_TOKEN");
    })
}

/// Every difference from a new installation is explained, and none is of a kind that the guide's
/// steps bring about.
pub fn assert_parity(report: &Value) {
    let differences = report["parity"].as_array().expect("a comparison");
    for difference in differences {
        assert_ne!(difference["reason"], "unexplained", "{difference}");
        let path = difference["path"].as_str().unwrap_or_default();
        let guided = path.ends_with(".image")
            || path.contains("readinessProbe.httpGet.path")
            || path.contains("securityContext")
            || path.contains("env[ROX_NAMESPACE]")
            || path.contains("env[ROX_SCANNER_DB_INIT]")
            || path.contains("env[POSTGRES_PASSWORD_FILE]");
        let slim_or_full = difference["reason"] == "collector-variant";
        assert!(!guided || slim_or_full, "{difference}");
        let object = difference["object"].as_str().unwrap_or_default();
        assert!(
            !object.starts_with("SecurityContextConstraints/") || difference["reason"] == "labels",
            "{difference}"
        );
    }
}

#[test]
fn the_ways_of_the_guide_end_at_the_official_objects() {
    let directory = tempfile::tempdir().expect("a directory");
    for platform in ["kubernetes", "openshift"] {
        for (from, to) in [
            ("3.0.58.1", "3.69.2"),
            ("3.0.62.1", "3.69.2"),
            ("3.63.0", "3.66.1"),
            ("3.66.1", "3.74.9"),
            ("3.69.2", "3.74.9"),
        ] {
            let Some(file) = shared_file(&format!("manifests/{from}-{platform}.yaml")) else {
                return;
            };
            let text = std::fs::read_to_string(file).expect("readable");
            let objects = on_a_claim(serde_saphyr::from_multiple(&text).expect("YAML"), "stackrox");
            let file = directory.path().join(format!("{from}-{platform}.json"));
            let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
            std::fs::write(&file, list.to_string()).expect("writable");
            let done = rehearse(&file.display().to_string(), to).ends_with(0);
            assert_parity(&done.json());
        }
    }
}

#[test]
fn a_sample_needs_no_cluster_at_all() {
    let done = rehearse("sample:3.70.2:openshift", "3.73.5").ends_with(0);
    assert_parity(&done.json());
}

#[test]
fn a_live_rehearsal_only_reads() {
    let installation = Installation::at("3.66.1").start();
    let before = installation.essences();
    upgrade(&installation, "--rehearse --to 3.69.2").ends_with(0).says("nothing real is changed");
    assert_eq!(installation.essences(), before);
    let requests = installation.simulation().requests();
    let ours = requests.iter().filter(|request| request.user_agent.starts_with("kubectl-rhacs"));
    let written: Vec<_> = ours.filter(|request| request.method != "GET").collect();
    assert!(written.is_empty(), "{written:?}");
}

#[test]
fn a_source_that_is_none_is_said() {
    for source in ["sample:9.9.9", "sample:3.62.1:windows", "missing.yaml"] {
        rehearse(source, "3.69.2").ends_with(2).says(source);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_rehearsal_ends_with_its_embedded_cluster() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    let directory = tempfile::tempdir().expect("a directory");
    let mut child = Command::new(UPGRADE)
        .args(["--rehearse", "sample:3.66.1", "--to", "3.69.2", "--yes"])
        .env("HOME", directory.path())
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut told = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.starts_with("[2/") {
        line.clear();
        assert!(told.read_line(&mut line).expect("text") > 0, "it ended before");
    }
    // The kernel lists children by the thread that started them.
    let threads = std::fs::read_dir(format!("/proc/{}/task", child.id())).expect("its threads");
    let children = threads.flatten().filter_map(|thread| {
        std::fs::read_to_string(thread.path().join("children")).ok().filter(|it| !it.is_empty())
    });
    let cluster: String = children.collect();
    let killed = Command::new("kill").arg("-9").arg(cluster.trim()).status().expect("it starts");
    assert!(killed.success(), "{cluster}");
    let mut rest = String::new();
    told.read_to_string(&mut rest).expect("text");
    assert_eq!(child.wait().expect("ended").code(), Some(1), "{rest}");
    assert!(rest.contains("the embedded cluster has ended"), "{rest}");
    assert!(rest.contains("nothing real was changed"), "{rest}");
}
