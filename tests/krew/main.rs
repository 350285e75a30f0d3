//! Real krew and real kubectl: its validator accepts the manifests, and what it installs works.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers fail and speak as tests do")]

mod cluster;
mod index;
mod releases;
mod server;
mod sums;
mod tools;
mod world;

use releases::Releases;
use world::World;

/// A computer, and a release 0.1.0 of what is built.
fn world() -> Option<(World, &'static Releases)> {
    let world = World::new()?;
    let releases = Releases::all();
    releases.make("0.1.0");
    Some((world, releases))
}

#[test]
fn krew_accepts_the_manifests_and_installs_them_on_every_platform() {
    let Some((world, releases)) = world() else { return };
    for plugin in releases.plugins() {
        let manifest = releases.manifest(plugin.name, "0.1.0");
        let run = world.run("validate-krew-manifest", &["-manifest", manifest.to_str().unwrap()]);
        assert!(run.succeeded, "{}: {}", plugin.name, run.stderr);
        assert!(run.stderr.contains("all 5 spec.platforms installed fine"), "{}", run.stderr);
    }
}

#[test]
fn krew_accepts_the_manifests_of_the_repository() {
    let Some(world) = World::new() else { return };
    for plugin in ["rhacs", "sf-token"] {
        let manifest = tools::repository().join(format!("krew-manifests/{plugin}.yaml"));
        let manifest = manifest.to_str().unwrap();
        let run = world.run("validate-krew-manifest", &["-skip-install", "-manifest", manifest]);
        assert!(run.succeeded, "{plugin}: {}", run.stderr);
    }
}

#[test]
fn a_suite_installed_by_krew_runs_every_word_through_kubectl() {
    let Some((world, releases)) = world() else { return };
    for plugin in releases.plugins().map(|plugin| plugin.name) {
        let archive = releases.archive(plugin, "0.1.0");
        let run = world.install(&releases.manifest(plugin, "0.1.0"), &archive);
        assert!(run.succeeded, "{plugin}: {}", run.stderr);
        assert!(run.stderr.contains("Caveats"), "{}", run.stderr);
    }
    for word in ["upgrade", "rollback", "scc", "roxctl"] {
        if !releases.has(&format!("kubectl-rhacs-{word}")) {
            eprintln!("skipped: `kubectl-rhacs-{word}` is not built");
            continue;
        }
        for typed in [&["rhacs", word, "--help"][..], &["rhacs", "-n", "x", word, "--help"]] {
            let run = world.kubectl(typed);
            assert!(run.succeeded, "{typed:?}: {}", run.stderr);
            assert!(run.stdout.contains(&format!("kubectl rhacs {word}")), "{}", run.stdout);
        }
    }
    if releases.has("sf-token") {
        let run = world.kubectl(&["sf-token", "--help"]);
        assert!(run.succeeded && run.stdout.contains("kubectl sf-token"), "{}", run.stdout);
    }
    for word in ["completion", "doctor", "schema", "version", "help"] {
        let about = format!("kubectl rhacs {word}");
        for typed in [&["rhacs", word, "--help"][..], &["rhacs", "help", word]] {
            let run = world.kubectl(typed);
            assert!(run.succeeded && run.stdout.contains(&about), "{typed:?}: {}", run.stdout);
        }
    }
    for (typed, expected) in [
        (&["rhacs"][..], "kubectl rhacs doctor"),
        (&["rhacs", "help"], "kubectl rhacs doctor"),
        (&["rhacs", "completion", "bash"], "complete -"),
        (&["rhacs", "upgrade", "help"], "kubectl rhacs upgrade"),
    ] {
        let run = world.kubectl(typed);
        assert!(run.succeeded && run.stdout.contains(expected), "{typed:?}: {}", run.stdout);
    }
    let versions = world.json(&["rhacs", "version", "-o", "json"]);
    assert_eq!(versions["programs"][1]["installed"], true, "{versions}");
    let doctor = world.json(&["rhacs", "doctor", "--fix", "-o", "json"]);
    assert_eq!(doctor["installedBy"], "krew", "{doctor}");
    assert_eq!(doctor["exit"], "done", "{doctor}");
    let tab = world.kubectl(&["__complete", "rhacs", "upgrade", "--rollback-on"]);
    assert!(tab.stdout.starts_with("--rollback-on-failure\t"), "{}{}", tab.stdout, tab.stderr);
    let manual = world.installed("rhacs", "0.1.0").join("man/man1/kubectl-rhacs-upgrade.1");
    assert!(manual.is_file(), "{}", manual.display());
}

#[test]
fn a_suite_installed_by_krew_works_on_a_cluster() {
    let Some((world, releases)) = world() else { return };
    let programs =
        ["scc", "upgrade", "rollback", "roxctl"].map(|word| format!("kubectl-rhacs-{word}"));
    if !releases.has("rhacs-sim") || !programs.iter().all(|program| releases.has(program)) {
        return eprintln!("skipped: the suite is not built whole");
    }
    let installed =
        world.install(&releases.manifest("rhacs", "0.1.0"), &releases.archive("rhacs", "0.1.0"));
    assert!(installed.succeeded, "{}", installed.stderr);
    let _cluster = cluster::Cluster::serve(&world, &world.installed("rhacs", "0.1.0"));
    for (typed, expected) in [
        (&["rhacs", "-n", "stackrox", "scc"][..], "stackrox-central"),
        (&["rhacs", "--namespace=stackrox", "scc", "status"], "deploy/central"),
        (&["rhacs", "upgrade", "status"], "3.66.1"),
        (&["rhacs", "upgrade", "history", "-o", "json"], "\"runs\": []"),
        (&["rhacs", "roxctl", "list", "--offline"], "no roxctl"),
    ] {
        let run = world.kubectl(typed);
        assert!(run.succeeded, "{typed:?}: {}", run.stderr);
        assert!(run.stdout.contains(expected), "{typed:?}: {}", run.stdout);
    }
    let elsewhere = world.kubectl(&["rhacs", "-n", "acs", "upgrade", "status"]);
    assert!(elsewhere.stderr.contains("`acs`"), "{}{}", elsewhere.stdout, elsewhere.stderr);
    let words = ["rhacs", "upgrade", "plan", "--rehearse", "sample:3.66.1", "--to", "3.69.2"];
    let rehearsed = world.kubectl(&words);
    assert!(rehearsed.succeeded, "{}", rehearsed.stderr);
    assert!(rehearsed.stdout.contains("3.69.2"), "{}", rehearsed.stdout);
}

#[test]
fn krew_upgrades_the_suite_from_a_custom_index_and_uninstalls_it() {
    let Some((world, releases)) = world() else { return };
    let Some(index) = index::Index::new(&world) else { return };
    index.publish(&world, "0.1.0");
    let added = world.kubectl(&["krew", "index", "add", "rhacs", index.path().to_str().unwrap()]);
    assert!(added.succeeded, "{}", added.stderr);
    let run = world.kubectl(&["krew", "install", "rhacs/rhacs"]);
    assert!(run.succeeded, "{}", run.stderr);
    assert!(world.kubectl(&["rhacs", "completion", "install"]).succeeded);

    releases.make("0.1.1");
    index.publish(&world, "0.1.1");
    let run = world.kubectl(&["krew", "upgrade", "rhacs"]);
    assert!(run.succeeded, "{}", run.stderr);
    assert!(world.installed("rhacs", "0.1.1").join("kubectl-rhacs-upgrade").is_file());
    assert!(!world.installed("rhacs", "0.1.0").exists(), "krew removes the old version");
    let tab = world.kubectl(&["__complete", "rhacs", "doc"]);
    assert!(tab.stdout.starts_with("doctor\t"), "completion outlives an upgrade: {}", tab.stderr);

    assert!(world.kubectl(&["rhacs", "completion", "uninstall"]).succeeded);
    let run = world.kubectl(&["krew", "uninstall", "rhacs"]);
    assert!(run.succeeded, "{}", run.stderr);
    let mut left = world.linked();
    left.retain(|name| name.contains("rhacs"));
    assert_eq!(left, Vec::<String>::new());
    assert!(!world.kubectl(&["rhacs", "version"]).succeeded);
}

#[test]
fn only_manifests_of_a_release_may_be_published() {
    let Some((_, releases)) = world() else { return };
    let check = |manifests: &std::path::Path, version: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rhacs-release"));
        command.args(["check", "--release", version, "--manifests"]).arg(manifests);
        let output = command.arg("--archives").arg(releases.dist()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (may, why) = check(releases.manifest("rhacs", "0.1.0").parent().unwrap(), "v0.1.0");
    assert!(may, "{why}");
    let (may, why) = check(&tools::repository().join("krew-manifests"), "0.1.0");
    assert!(!may && why.contains("sum of no archive") && why.contains("placeholder"), "{why}");
}

#[test]
fn an_archive_that_was_tampered_with_is_not_installed() {
    let Some((world, releases)) = world() else { return };
    let mut bytes = std::fs::read(releases.archive("rhacs", "0.1.0")).unwrap();
    bytes.push(0);
    let archive = world.root().join("tampered.tar.gz");
    std::fs::write(&archive, bytes).unwrap();
    let run = world.install(&releases.manifest("rhacs", "0.1.0"), &archive);
    assert!(!run.succeeded);
    assert!(run.stderr.contains("checksum"), "{}", run.stderr);
}

#[test]
fn the_same_programs_give_the_same_archives() {
    let Some((world, releases)) = world() else { return };
    let again = world.root().join("again");
    releases.pack("0.1.0", &again);
    let mut first = sums::of(&releases.dist());
    first.retain(|name, _| name.contains("-v0.1.0-"));
    assert_eq!(first, sums::of(&again));
    assert_eq!(first.len(), 5 * releases.plugins().count());
}
