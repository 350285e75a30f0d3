#!/usr/bin/env bash
# In Rust's semver crate the "-0" that lets pre-releases through elsewhere does not, and build metadata makes unequal.
#
# Guess:  ">=1.25.0-0" takes 1.30.2-gke.100, as it does in Helm's charts; 1.30.2+a equals 1.30.2+b, for the standard says
#         that build metadata is ignored.
# Seen:   a pre-release fits only if the range names the very same major.minor.patch: neither ">=1.25.0" nor
#         ">=1.25.0-0" takes 1.30.2-gke.100. == and < look at the build metadata; only cmp_precedence does not.
# Since:  semver 1.0.28.
# So:     a cluster's version is no input for VersionReq; compare major, minor, patch, and never two vendors' versions by ==.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export CARGO_TARGET_DIR=${FINDINGS_TARGET:-$dir/target}
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
semver = "=1.0.28"

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
use semver::{Version, VersionReq};

fn main() {
    for (range, version) in [
        (">=1.25.0", "1.30.2-gke.100"),
        (">=1.25.0-0", "1.30.2-gke.100"),
        (">=1.30.2-0", "1.30.2-gke.100"),
        (">=4.8.0-0, <4.9.0", "4.9.0-rc.1"),
        (">=1.25.0", "1.30.2+abc"),
    ] {
        let fits = VersionReq::parse(range).expect("a range").matches(&Version::parse(version).expect("a version"));
        println!("{version} in {range}: {fits}");
    }
    let (one, other) = (Version::parse("1.30.2+a").expect("a version"), Version::parse("1.30.2+b").expect("a version"));
    println!("equal {}, less {}, precedence {:?}", one == other, one < other, one.cmp_precedence(&other));
}
RUST
cargo run --quiet > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
1.30.2-gke.100 in >=1.25.0: false
1.30.2-gke.100 in >=1.25.0-0: false
1.30.2-gke.100 in >=1.30.2-0: true
4.9.0-rc.1 in >=4.8.0-0, <4.9.0: false
1.30.2+abc in >=1.25.0: true
equal false, less true, precedence Equal
EXPECTED
echo "as stated: no pre-release fits a range of another patch version"
