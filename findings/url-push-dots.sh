#!/usr/bin/env bash
# Pushing a segment onto a URL's path drops ".." and ".", and removes tabs and line ends, without an error.
#
# Guess:  `path_segments_mut().push(name)` makes any name one percent-encoded segment; that is what it is for.
# Seen:   a name of two dots or one leaves no segment at all: the request for the token named ".." goes to
#         /v2/token/rotate. Tab and newline vanish from within a name, so that two names meet in one address. ";" stays
#         as it is (a matrix parameter for servers that know them). "%2e%2e" is encoded properly.
# Since:  url 2.5.8.
# So:     refuse such names, or encode everything but unreserved characters oneself; compare the number of segments.
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
url = "=2.5.8"

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
fn main() {
    for name in ["edge token", "a/b", "..", ".", "%2e%2e", "a\nb", "a\tb", ";v=1"] {
        let mut address = url::Url::parse("https://api.example.test/v2/token").expect("an address");
        address.path_segments_mut().expect("a path").push(name).push("rotate");
        println!("{name:?}: {}", address.path());
    }
}
RUST
cargo run --quiet > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
"edge token": /v2/token/edge%20token/rotate
"a/b": /v2/token/a%2Fb/rotate
"..": /v2/token/rotate
".": /v2/token/rotate
"%2e%2e": /v2/token/%252e%252e/rotate
"a\nb": /v2/token/ab/rotate
"a\tb": /v2/token/ab/rotate
";v=1": /v2/token/;v=1/rotate
EXPECTED
echo "as stated: dots and control characters vanish"
