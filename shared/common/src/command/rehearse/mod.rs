//! `--rehearse`: the same run on an embedded copy, which a program of its own serves.

mod database;
mod grants;
mod live;
mod past;
mod program;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::Notify;

use self::database::Kept;
use self::past::Past;
use self::program::Program;
use super::Flags;
use crate::central::{CentralOptions, Credentials};
use crate::cluster::{ConnectionArgs, Options};
use crate::env::{Clock, Env};
use crate::failure::Failure;
use crate::rehearsal::{Order, Serves};
use crate::rhacs::hops::is_known_line;
use crate::rhacs::{ObjectRef, Platform, Version, official};

/// How much faster than the real thing the embedded cluster lives.
const SPEED: f64 = 60.0;

/// A running embedded cluster, and the files it needs.
pub(super) struct Rehearsal {
    description: String,
    kept: Option<Kept>,
    token: SecretString,
    clock: Clock,
    // Ends with this.
    _program: Program,
    /// Holds the kubeconfig and the backup until the end.
    directory: tempfile::TempDir,
}

/// Where the objects come from.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Source {
    Live,
    Sample(Version, Platform),
    File(PathBuf),
}

impl Rehearsal {
    /// Starts an embedded copy of `source` and points the flags at it; `lost` is told when it ends
    /// before its time.
    ///
    /// # Errors
    /// When there is no such source, it cannot be read, or what it describes cannot be started.
    pub(super) async fn start(
        source: &str,
        flags: &mut Flags,
        env: &Env,
        options: &Options,
        lost: Arc<Notify>,
    ) -> Result<Self, Failure> {
        let source = Source::parse(source)?;
        let namespace = flags.connection.namespace().to_owned();
        let mut past = Past::default();
        let mut server = None;
        let mut live_platform = None;
        let (objects, description) = match &source {
            Source::Live => {
                let copied = live::copy(flags, options).await?;
                live_platform = Some(copied.is_openshift());
                past = copied.past;
                server = Some(copied.server);
                (copied.objects, "a copy of the live cluster".to_owned())
            }
            Source::Sample(version, platform) => (
                official::sample(version, *platform, &namespace),
                format!("a sample installation of {version} on {platform}"),
            ),
            Source::File(path) => {
                (read(&env.resolve(path), path)?, format!("the objects of {}", path.display()))
            }
        };
        let kept = database::kept(&objects, &past.records(), flags.to.as_ref());
        let openshift = live_platform.unwrap_or_else(|| {
            objects.iter().any(|object| {
                let version = object["apiVersion"].as_str();
                version.is_some_and(|version| version.contains("openshift.io"))
            })
        });
        let built_in_constraints = live_platform.is_none();
        let version = crate::SUITE_VERSION.to_owned();
        let database_copy = kept.as_ref().map(|kept| kept.version.clone());
        let home = Some(namespace.clone());
        let sample = matches!(source, Source::Sample(..));
        let order = Order {
            version,
            objects,
            namespace: home,
            sample,
            openshift,
            built_in_constraints,
            server,
            database_copy,
            speed: SPEED,
        };
        let (program, serves) = Program::start(env, order, &description, lost).await?;
        let Serves { kubeconfig, central_token, now } = serves;
        let directory = tempfile::tempdir().map_err(|error| {
            Failure::unexpected("cannot make a temporary directory").caused_by(&error)
        })?;
        let file = directory.path().join("kubeconfig");
        crate::fs::write_private(&file, kubeconfig.as_bytes())
            .map_err(|error| Failure::unexpected("cannot write a kubeconfig").caused_by(&error))?;
        flags.connection = ConnectionArgs {
            kubeconfig: Some(file),
            namespace,
            request_timeout: flags.connection.request_timeout,
            verbosity: flags.connection.verbosity,
            ..ConnectionArgs::default()
        };
        flags.backup_directory = Some(directory.path().to_owned());
        past.write(&flags.connection, options).await?;
        Ok(Self {
            description,
            kept,
            token: central_token.into(),
            clock: Clock::scaled(now, SPEED),
            _program: program,
            directory,
        })
    }

    /// What is rehearsed on, for people.
    pub(super) fn description(&self) -> &str {
        &self.description
    }

    /// What Central's copy of its database is taken to be, for people; none when it has none.
    pub(super) fn database_copy(&self) -> Option<String> {
        self.kept.as_ref().map(ToString::to_string)
    }

    /// Where everything goes that a run leaves on this computer; it is gone at the end.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The embedded cluster's time.
    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// How to reach the embedded Central: through the embedded API server, as its administrator.
    pub(super) fn central_options(&self) -> CentralOptions {
        let credentials = Some(Credentials::Token(self.token.clone()));
        CentralOptions { credentials, ..CentralOptions::default() }
    }
}

impl Source {
    fn parse(text: &str) -> Result<Self, Failure> {
        if text == "live" {
            return Ok(Self::Live);
        }
        let Some(sample) = text.strip_prefix("sample:") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let (version, platform) = match sample.split_once(':') {
            Some((version, platform)) => (version, platform.parse()),
            None => (sample, Ok(Platform::Kubernetes)),
        };
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("cannot rehearse on `{text}`"))
                .because(error.to_string())
                .hint("a sample is written sample:3.62.1 or sample:3.62.1:openshift")
        };
        let version: Version = version.parse().map_err(|error| wrong(&error))?;
        if !is_known_line(&version) {
            return Err(wrong(&format!("there is no release {version}")));
        }
        Ok(Self::Sample(version, platform.map_err(|error| wrong(&error))?))
    }
}

/// The objects of a file with YAML or JSON documents; lists are taken apart.
fn read(path: &Path, name: &Path) -> Result<Vec<Value>, Failure> {
    let name = name.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("cannot read `{name}`"))
            .caused_by(&error)
            .hint("--rehearse takes `live`, a YAML file, or sample:VERSION[:openshift]")
    })?;
    let documents: Vec<Value> = crate::yaml::documents(&text)
        .map_err(|error| Failure::usage(format!("`{name}` is not valid YAML")).caused_by(&error))?;
    let objects: Vec<Value> = documents.into_iter().flat_map(flatten).collect();
    if let Some(other) = objects.iter().find(|object| ObjectRef::of(object).is_none()) {
        return Err(Failure::usage(format!("`{name}` has a document that is no object"))
            .because(format!("kind {}, name {}", other["kind"], other["metadata"]["name"])));
    }
    if objects.is_empty() {
        return Err(Failure::usage(format!("`{name}` has no objects")));
    }
    Ok(objects)
}

fn flatten(document: Value) -> Vec<Value> {
    match document {
        Value::Null => Vec::new(),
        Value::Object(mut list) if list.get("items").is_some_and(Value::is_array) => {
            match list.remove("items") {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            }
        }
        object => vec![object],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart() {
        let sample = |platform| Source::Sample(Version::release(3, 62, 1), platform);
        assert_eq!(Source::parse("live").expect("live"), Source::Live);
        assert_eq!(Source::parse("sample:3.62.1").expect("sample"), sample(Platform::Kubernetes));
        let openshift = Source::parse("sample:3.0.62.1:openshift").expect("sample");
        assert_eq!(openshift, sample(Platform::OpenShift));
        assert_eq!(Source::parse("x.yaml").expect("file"), Source::File("x.yaml".into()));
        for text in ["sample:", "sample:x", "sample:3.62.1:windows", "sample:9.9.9"] {
            assert!(Source::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_is_read_document_by_document() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("objects.yaml");
        let write = |text: &str| std::fs::write(&path, text).expect("written");
        write(
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
        );
        assert_eq!(read(&path, &path).expect("objects").len(), 2);
        for text in ["", "a: [", "kind: Pod\n"] {
            write(text);
            assert!(read(&path, &path).is_err(), "{text}");
        }
        assert!(read(&directory.path().join("missing"), Path::new("missing")).is_err());
    }
}
