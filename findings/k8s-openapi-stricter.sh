#!/usr/bin/env bash
# k8s-openapi refuses Secrets and annotations that kubectl and the API server read without a word.
#
# Guess:  the generated types accept what Go's types accept.
# Seen:   base64 broken into lines (which is how `base64` prints it, and Go's decoder skips line ends) is an error, and
#         so is a null among labels or annotations, which a template leaves behind for an empty value and Go reads as
#         "". One such object makes a whole list an error. A null for a list or for an entry of data is fine in both.
# Since:  k8s-openapi 0.29.0; k8s.io/api v0.37.2 for Go.
# So:     read foreign objects as untyped JSON and decode the fields that are needed.
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
k8s-openapi = { version = "=0.29.0", features = ["v1_37"] }
serde_json = "1"

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
use k8s_openapi::List;
use k8s_openapi::api::core::v1::Secret;

fn main() {
    for line in std::io::stdin().lines() {
        let line = line.expect("a line");
        let list = format!(r#"{{"apiVersion":"v1","kind":"SecretList","metadata":{{}},"items":{line}}}"#);
        let read = serde_json::from_str::<List<Secret>>(&list);
        println!("{line}: Rust {}", if read.is_ok() { "read" } else { "refused" });
    }
}
RUST
cat > go.mod <<'MOD'
module finding

go 1.26.0

require k8s.io/api v0.37.2
MOD
cat > main.go <<'GO'
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var list corev1.SecretList
		err := json.Unmarshal([]byte(`{"items":`+lines.Text()+`}`), &list)
		answer := "read"
		if err != nil {
			answer = "refused"
		}
		fmt.Printf("%s: Go %s\n", lines.Text(), answer)
	}
}
GO
cat > lists <<'LISTS'
[{"data":{"a":"YWJjZGVm"}}]
[{"data":{"a":"YWJj\nZGVm\n"}}]
[{"data":{"a":null}}]
[{"metadata":{"annotations":{"a":null}}}]
null
LISTS
{ cargo run --quiet < lists; GOFLAGS=-mod=mod go run . < lists; } > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
[{"data":{"a":"YWJjZGVm"}}]: Rust read
[{"data":{"a":"YWJj\nZGVm\n"}}]: Rust refused
[{"data":{"a":null}}]: Rust read
[{"metadata":{"annotations":{"a":null}}}]: Rust refused
null: Rust read
[{"data":{"a":"YWJjZGVm"}}]: Go read
[{"data":{"a":"YWJj\nZGVm\n"}}]: Go read
[{"data":{"a":null}}]: Go read
[{"metadata":{"annotations":{"a":null}}}]: Go read
null: Go read
EXPECTED
echo "as stated: what Go forgives, the crate refuses"
