#!/usr/bin/env bash
# serde-saphyr reads `yes` as YAML 1.1 does and `0640` as neither YAML 1.1 nor an integer at all.
#
# Guess:  a reader follows YAML 1.1 (yes is true, 0640 is 416) or 1.2 (yes is text, 0640 is 640).
# Seen:   into an untyped value yes is true, and 0640 is the *floating point* number 640.0, so is 0123456; into an i32
#         0640 is an error while 0o640 is 416 and 1_000 is 1000; the quoted '5' is taken as an i32, the quoted 'true' as a
#         bool. The library of kubectl reads 0640 as 416 in both.
# Since:  serde-saphyr 2.1.1 (the YAML reader of kube 5.0).
# So:     every manifest with `defaultMode: 0640` is refused or, untyped, sent to the server as 640.0; scan plain scalars
#         and convert octals before anything else looks at the file.
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
serde = { version = "1", features = ["derive"] }
serde-saphyr = "=2.1.1"
serde_json = "1"

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Debug, Deserialize)]
struct Field<T> {
    x: T,
}

fn read<T: DeserializeOwned + std::fmt::Debug>(scalar: &str) -> String {
    let document = format!("x: {scalar}");
    serde_saphyr::from_str::<Field<T>>(&document).map_or("refused".to_owned(), |field| format!("{:?}", field.x))
}

fn main() {
    for scalar in ["0640", "0o640", "0123456", "1_000", "0x1F", "1e3", "'5'"] {
        println!("{scalar}: untyped {}, i32 {}", read::<serde_json::Value>(scalar), read::<i32>(scalar));
    }
    for scalar in ["yes", "on", "'true'"] {
        let (value, boolean, text) = (read::<serde_json::Value>(scalar), read::<bool>(scalar), read::<String>(scalar));
        println!("{scalar}: untyped {value}, bool {boolean}, String {text}");
    }
}
RUST
cargo run --quiet > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
0640: untyped Number(640.0), i32 refused
0o640: untyped Number(416), i32 416
0123456: untyped Number(123456.0), i32 refused
1_000: untyped Number(1000), i32 1000
0x1F: untyped Number(31), i32 31
1e3: untyped Number(1000.0), i32 refused
'5': untyped String("5"), i32 5
yes: untyped Bool(true), bool true, String "yes"
on: untyped Bool(true), bool true, String "on"
'true': untyped String("true"), bool true, String "true"
EXPECTED
echo "as stated: octal numbers become floating point or an error"
