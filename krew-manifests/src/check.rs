//! What must be true of krew's manifests before anybody publishes them.

use std::path::Path;

use serde::Deserialize;

use crate::Problem;
use crate::manifest::{no_sum, sum};
use crate::plugins::{PLACEHOLDER, PLATFORMS, PLUGINS, Plugin};

/// Refuses manifests in `directory` that krew could not install a plugin from: sums of no archive,
/// the placeholder in place of a repository, another version, a platform that is missing. With
/// `archives` the sums have to be those of the files there, too.
///
/// # Errors
/// Everything that is wrong with the first manifest that is not as it should be.
pub fn check(directory: &Path, version: &str, archives: Option<&Path>) -> Result<(), Problem> {
    for plugin in PLUGINS {
        let path = directory.join(format!("{}.yaml", plugin.name));
        let text =
            std::fs::read_to_string(&path).map_err(|error| Problem::with(&path, "read", &error))?;
        let manifest: Manifest =
            serde_saphyr::from_str(&text).map_err(|error| Problem::with(&path, "read", &error))?;
        let faults = faults(&plugin, &manifest.spec, version, archives)?;
        if !faults.is_empty() {
            let faults = faults.join("; ");
            return Err(Problem(format!("`{}` must not be published: {faults}", path.display())));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Manifest {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    version: String,
    homepage: String,
    platforms: Vec<Built>,
}

#[derive(Deserialize)]
struct Built {
    uri: String,
    sha256: String,
}

fn faults(
    plugin: &Plugin,
    spec: &Spec,
    version: &str,
    archives: Option<&Path>,
) -> Result<Vec<String>, Problem> {
    let mut faults = Vec::new();
    if spec.version != format!("v{version}") {
        faults.push(format!("it is of {}, not of v{version}", spec.version));
    }
    if spec.homepage.starts_with(PLACEHOLDER) {
        faults.push(format!("its homepage is the placeholder `{}`", spec.homepage));
    }
    for platform in PLATFORMS {
        let archive = plugin.archive(version, platform);
        let Some(built) = spec.platforms.iter().find(|built| built.uri.ends_with(&archive)) else {
            faults.push(format!("it has no `{archive}`"));
            continue;
        };
        if built.uri.starts_with(PLACEHOLDER) {
            faults.push(format!("`{archive}` is at the placeholder"));
        }
        if built.sha256 == no_sum() {
            faults.push(format!("`{archive}` has the sum of no archive"));
        } else if let Some(archives) = archives
            && sum(&archives.join(&archive))? != built.sha256
        {
            faults.push(format!("`{archive}` has another sum"));
        }
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Release, default_base_url, manifest};

    /// Manifests of a release whose archives are in the same directory.
    fn release(repository: &str, is_released: bool) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let base_url = default_base_url(repository, "1.2.3");
        for plugin in PLUGINS {
            for platform in PLATFORMS {
                let archive = directory.path().join(plugin.archive("1.2.3", platform));
                std::fs::write(archive, platform.to_string()).unwrap();
            }
            let archives = is_released.then_some(directory.path());
            let release = Release { version: "1.2.3", repository, base_url: &base_url, archives };
            let path = directory.path().join(format!("{}.yaml", plugin.name));
            std::fs::write(path, manifest(&plugin, release).unwrap()).unwrap();
        }
        directory
    }

    fn refused(directory: &Path, version: &str) -> String {
        check(directory, version, Some(directory)).unwrap_err().to_string()
    }

    #[test]
    fn the_manifests_of_a_release_may_be_published() {
        let directory = release("https://forge.example/ours", true);
        check(directory.path(), "1.2.3", Some(directory.path())).unwrap();
        check(directory.path(), "1.2.3", None).unwrap();
    }

    #[test]
    fn sums_of_no_archive_and_a_placeholder_are_not_published() {
        let unreleased = release("https://forge.example/ours", false);
        assert!(refused(unreleased.path(), "1.2.3").contains("has the sum of no archive"));
        let nowhere = release(PLACEHOLDER, true);
        let refused = refused(nowhere.path(), "1.2.3");
        assert!(refused.contains("its homepage is the placeholder"), "{refused}");
        assert!(refused.contains("linux-amd64.tar.gz` is at the placeholder"), "{refused}");
    }

    #[test]
    fn manifests_of_other_archives_are_not_published() {
        let directory = release("https://forge.example/ours", true);
        let refused_as = refused(directory.path(), "1.2.4");
        assert!(refused_as.contains("it is of v1.2.3, not of v1.2.4"), "{refused_as}");
        assert!(refused_as.contains("it has no `kubectl-rhacs-v1.2.4-linux-amd64"), "{refused_as}");
        let archive = PLUGINS[0].archive("1.2.3", PLATFORMS[4]);
        std::fs::write(directory.path().join(&archive), "tampered").unwrap();
        let refused_as = refused(directory.path(), "1.2.3");
        assert!(refused_as.ends_with(&format!("`{archive}` has another sum")), "{refused_as}");
    }
}
