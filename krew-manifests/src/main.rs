//! The program: `archives` packs what was built, `manifests` writes what krew reads, `check` looks
//! at that once more, `manual` writes the manual pages.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use release::manifest::{Release, default_base_url, manifest};
use release::plugins::{PLACEHOLDER, PLUGINS, Platform};
use release::{Problem, archive, check, manual};

/// Build the archives, the manual pages and the krew manifests of a release
#[derive(Parser)]
#[command(name = "rhacs-release", version = common::SUITE_VERSION)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// The version of the release
    #[arg(long, global = true, value_name = "VERSION", default_value = common::SUITE_VERSION)]
    release: String,
}

#[derive(Subcommand)]
enum What {
    /// Pack the programs of a platform; the same input gives the same bytes
    Archives {
        /// The platform, such as linux-amd64
        #[arg(long, value_parser = platform)]
        platform: Platform,
        /// The directory of the built programs
        #[arg(long, value_name = "DIR")]
        binaries: PathBuf,
        /// Where the archives go
        #[arg(long, value_name = "DIR", default_value = "dist")]
        out: PathBuf,
        /// Leave out programs that are not built, for tests
        #[arg(long)]
        partial: bool,
    },
    /// Write the manifests, with the sums of the archives
    Manifests {
        /// The directory of the archives of all platforms
        #[arg(
            long,
            value_name = "DIR",
            required_unless_present = "unreleased",
            requires = "repository"
        )]
        archives: Option<PathBuf>,
        /// There is no archive yet: write sums that krew refuses
        #[arg(long, conflicts_with = "archives")]
        unreleased: bool,
        /// Where the project is at home
        #[arg(long, value_name = "URL")]
        repository: Option<String>,
        /// Where the archives are downloaded from [default: the release's page of the repository]
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
        /// Where the manifests go: `plugins` in the repository of a custom index
        #[arg(long, value_name = "DIR", default_value = "krew-manifests")]
        out: PathBuf,
    },
    /// Refuse manifests that must not be published
    ///
    /// Those with the sum of no archive, with the placeholder in place of a repository, of another
    /// version, or without a platform.
    Check {
        /// The directory of the manifests
        #[arg(long, value_name = "DIR", default_value = "krew-manifests")]
        manifests: PathBuf,
        /// The directory of the archives, whose sums have to be those of the manifests
        #[arg(long, value_name = "DIR")]
        archives: Option<PathBuf>,
    },
    /// Write the manual pages
    Manual {
        /// Where they go
        #[arg(long, value_name = "DIR", default_value = "dist/man/man1")]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Nothing is left to do if the terminal is gone too.
            let _ = writeln!(std::io::stderr(), "error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Problem> {
    let version = cli.release.strip_prefix('v').unwrap_or(&cli.release);
    match cli.what {
        What::Archives { platform, binaries, out, partial } => {
            directory(&out)?;
            for plugin in PLUGINS {
                // A test packs the plugins that are built.
                if partial && !binaries.join(platform.file_name(plugin.bin)).is_file() {
                    continue;
                }
                let entries = archive::entries(&plugin, platform, &binaries, root(), partial)?;
                wrote(&out.join(plugin.archive(version, platform)), |path| {
                    archive::write(path, &entries)
                })?;
            }
        }
        What::Manifests { archives, unreleased: _, repository, base_url, out } => {
            directory(&out)?;
            let repository = repository.as_deref().unwrap_or(PLACEHOLDER);
            let base_url = base_url.unwrap_or_else(|| default_base_url(repository, version));
            let (base_url, archives) = (base_url.as_str(), archives.as_deref());
            let release = Release { version, repository, base_url, archives };
            for plugin in PLUGINS {
                let text = manifest(&plugin, release)?;
                wrote(&out.join(format!("{}.yaml", plugin.name)), |path| {
                    put(path, text.as_bytes())
                })?;
            }
        }
        What::Check { manifests, archives } => {
            check::check(&manifests, version, archives.as_deref())?;
        }
        What::Manual { out } => {
            directory(&out)?;
            for plugin in PLUGINS {
                for page in manual::pages(&plugin)? {
                    wrote(&out.join(&page.name), |path| put(path, &page.text))?;
                }
            }
        }
    }
    Ok(())
}

fn platform(text: &str) -> Result<Platform, String> {
    Platform::parse(text).ok_or_else(|| {
        let known: Vec<String> =
            release::plugins::PLATFORMS.iter().map(ToString::to_string).collect();
        format!("there is no release for it; there is one for {}", known.join(", "))
    })
}

/// The repository: this program is run by cargo, from its checkout.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn directory(path: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(path).map_err(|error| Problem::with(path, "create", &error))
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    std::fs::write(path, bytes).map_err(|error| Problem::with(path, "write", &error))
}

/// Writes a file and says so.
fn wrote(path: &Path, write: impl FnOnce(&Path) -> Result<(), Problem>) -> Result<(), Problem> {
    write(path)?;
    // The file is there; saying so to nobody is no failure.
    let _ = writeln!(std::io::stdout(), "{}", path.display());
    Ok(())
}
