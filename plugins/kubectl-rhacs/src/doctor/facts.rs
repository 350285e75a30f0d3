//! What is where on this computer, gathered once; nothing is changed.

use std::path::{Path, PathBuf};

use common::SUITE_VERSION;
use common::complete::LINK_PREFIX;
use common::env::Env;
use serde_json::Value;

use crate::os;
use crate::programs::{self, Asked, File};
use crate::siblings::Siblings;
use crate::words::FRONT;

/// Everything the checks look at.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The front door's own file.
    pub own: PathBuf,
    /// The suite's files, in the order they are found.
    pub files: Vec<File>,
    /// The programs that the front door would start, and itself.
    pub programs: Vec<Program>,
    /// The kubectl that is on the PATH.
    pub kubectl: Option<Kubectl>,
    /// The directories of the PATH, in order.
    pub directories: Vec<Directory>,
    /// krew's directory of links.
    pub krew_bin: Option<PathBuf>,
    /// The names of the links that kubectl's completion needs, and the file each leads to when it
    /// is right.
    pub completion: Vec<(String, Option<PathBuf>)>,
    /// Where such links belong.
    pub completion_directory: Option<PathBuf>,
}

/// A program of the suite as the front door finds it.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Where it is; none when it is not installed.
    pub path: Option<PathBuf>,
    /// Its version, or why it does not say one; none when it is not installed.
    pub version: Option<Asked>,
}

/// The kubectl that a person would start.
#[derive(Clone, Debug)]
pub struct Kubectl {
    /// Where it is.
    pub path: PathBuf,
    /// Its major and minor version, when it says them.
    pub version: Option<(u32, u32)>,
}

/// A directory of the PATH.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Its path, as the PATH has it.
    pub path: PathBuf,
    /// Whether every user may put programs there.
    pub open_to_all: bool,
}

/// How a file came to this computer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// By krew.
    Krew,
    /// By `cargo install`.
    Cargo,
    /// By hand, or by a package.
    Other,
}

impl Facts {
    /// Looks around on this computer.
    #[must_use]
    pub fn gather(env: &Env) -> Self {
        let files = programs::find(env);
        let directories = env.search_path();
        let needed = crate::links::needed(&files);
        let completion = needed.into_iter().map(|name| {
            let on_path = programs::on_path(&files);
            let first = on_path.into_iter().find(|file| file.program == name);
            let right = first.filter(|file| crate::links::is_right(&file.path));
            (name, right.map(|file| file.path.clone()))
        });
        let completion = completion.collect();
        Self {
            own: env.executable().unwrap_or_default(),
            programs: find_programs(env),
            kubectl: find_kubectl(env, &directories),
            krew_bin: krew_root(env).map(|root| root.join("bin")),
            completion,
            completion_directory: crate::links::directory(&files),
            directories: directories
                .into_iter()
                .map(|path| Directory { open_to_all: os::is_open_to_all(&path), path })
                .collect(),
            files,
        }
    }

    /// How the file at `path`, links resolved, came here.
    #[must_use]
    pub fn origin(&self, path: &Path) -> Origin {
        let krew_root = self.krew_bin.as_deref().and_then(Path::parent);
        let in_krew = krew_root.is_some_and(|root| {
            let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
            path.starts_with(root)
        });
        if in_krew {
            return Origin::Krew;
        }
        let in_cargo = path.parent().is_some_and(|parent| parent.ends_with(".cargo/bin"));
        if in_cargo { Origin::Cargo } else { Origin::Other }
    }

    /// The plugins on the PATH, in its order: files that kubectl would run, no completion links.
    pub fn plugins(&self) -> impl Iterator<Item = &File> {
        programs::on_path(&self.files)
            .into_iter()
            .filter(|file| file.executable && !file.program.starts_with(LINK_PREFIX))
    }
}

fn find_programs(env: &Env) -> Vec<Program> {
    let siblings = Siblings::of(env);
    let found: Vec<(&str, Option<PathBuf>)> =
        programs::names().into_iter().map(|name| (name, siblings.find(name))).collect();
    let versions = programs::versions(found.iter().filter_map(|(_, path)| path.as_deref()));
    let program = |(name, path): (&str, Option<PathBuf>)| match name {
        FRONT => Program {
            name: name.to_owned(),
            path: env.executable(),
            version: Some(Ok(SUITE_VERSION.to_owned())),
        },
        _ => {
            let version = path.as_ref().and_then(|path| versions.get(path)).cloned();
            Program { name: name.to_owned(), path, version }
        }
    };
    found.into_iter().map(program).collect()
}

/// kubectl tells its plugins where it is; else the PATH does.
fn find_kubectl(env: &Env, directories: &[PathBuf]) -> Option<Kubectl> {
    let name = os::file_name(env.machine().os, "kubectl");
    let told = env.variable("KUBECTL_PATH").map(PathBuf::from);
    let searched = directories.iter().map(|directory| directory.join(&name));
    let path = told.into_iter().chain(searched).find(|path| os::is_executable(path))?;
    let version = kubectl_version(&path);
    Some(Kubectl { path, version })
}

fn kubectl_version(kubectl: &Path) -> Option<(u32, u32)> {
    let (_, text) = programs::ask(kubectl, &["version", "--client", "-o", "json"]).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    let number = |name: &str| {
        let text = value["clientVersion"][name].as_str()?;
        // Builds of vendors write `27+`.
        text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
    };
    Some((number("major")?, number("minor")?))
}

fn krew_root(env: &Env) -> Option<PathBuf> {
    let told = env.variable("KREW_ROOT").map(PathBuf::from);
    told.or_else(|| env.home().map(|home| home.join(".krew")))
}
