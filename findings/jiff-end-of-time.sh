#!/usr/bin/env bash
# jiff's Timestamp ends on the last but one day of 9999, so that one "never expires" loses a whole list of objects.
#
# Guess:  9999-12-31T23:59:59Z, which RFC 5280 gives certificates without an end and servers give sessions that never
#         expire, is a timestamp like any other: it is the last second of RFC 3339.
# Seen:   it does not parse; the last one is 9999-12-30T22:00:00.999999999Z, so that every offset still fits. k8s-openapi
#         takes its times as jiff's, so one object with such a time makes the list an error. Elsewhere the parser is
#         wide: second 60 becomes 59, an offset of 25 hours, a time without dashes or with "[UTC]" behind it pass.
# Since:  jiff 0.2.43, k8s-openapi 0.29.0.
# So:     read times of other systems as text first, and clamp what lies beyond.
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
jiff = "=0.2.43"
k8s-openapi = { version = "=0.29.0", features = ["v1_37"] }
serde_json = "1"

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
use jiff::Timestamp;
use k8s_openapi::List;
use k8s_openapi::api::coordination::v1::Lease;

fn main() {
    for text in [
        "9999-12-31T23:59:59Z",
        "9999-12-30T22:00:00Z",
        "9999-12-30T22:00:01Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+25:00",
        "2026-01-01 00:00:00,5Z",
        "20260101T000000Z",
        "2026-01-01T00:00:00Z[UTC]",
    ] {
        let read = text.parse::<Timestamp>().map_or("refused".to_owned(), |time| time.to_string());
        println!("{text}: {read}");
    }
    for year in ["2026", "9999"] {
        let text = format!(r#"{{"items":[{{"metadata":{{"name":"a"}}}},{{"metadata":{{"creationTimestamp":"{year}-12-31T23:59:59Z"}}}}]}}"#);
        let text = text.replacen('{', r#"{"apiVersion":"coordination.k8s.io/v1","kind":"LeaseList","metadata":{},"#, 1);
        let list = serde_json::from_str::<List<Lease>>(&text);
        println!("a list with the year {year}: {}", list.map_or("refused".to_owned(), |list| format!("{} items", list.items.len())));
    }
}
RUST
cargo run --quiet > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
9999-12-31T23:59:59Z: refused
9999-12-30T22:00:00Z: 9999-12-30T22:00:00Z
9999-12-30T22:00:01Z: refused
2026-01-01T00:00:60Z: 2026-01-01T00:00:59Z
2026-01-01T00:00:00+25:00: 2025-12-30T23:00:00Z
2026-01-01 00:00:00,5Z: 2026-01-01T00:00:00.5Z
20260101T000000Z: 2026-01-01T00:00:00Z
2026-01-01T00:00:00Z[UTC]: 2026-01-01T00:00:00Z
a list with the year 2026: 2 items
a list with the year 9999: refused
EXPECTED
echo "as stated: the last day of 9999 is out of range"
