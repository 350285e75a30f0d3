#!/usr/bin/env bash
# Text after the end of a zip is ignored up to some 64 KiB and makes the archive unreadable beyond.
#
# Guess:  either trailing bytes are an error (the end record tells how long its comment is, and nothing follows), or
#         they are ignored. All libraries agree.
# Seen:   the zip crate and Python's zipfile open an archive with 16 bytes of an error message behind it without a
#         word; with 70,000 bytes both say that there is no archive. Go's archive/zip does the same.
# Since:  zip 9.4.1, archive/zip of Go 1.26, zipfile of Python 3.
# So:     a server that appends its error to a finished archive (status 200) has delivered a "valid" file, or, with a
#         longer error, one that looks truncated. Compare the end of the end record with the length of the file.
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
zip = { version = "=9.4.1", default-features = false, features = ["deflate"] }

[profile.dev]
debug = 0
TOML
cat > src/main.rs <<'RUST'
fn main() {
    let file = std::fs::File::open(std::env::args().nth(1).expect("a path")).expect("the archive");
    println!("{}", zip::ZipArchive::new(file).map_or("refused".to_owned(), |archive| format!("{} entries", archive.len())));
}
RUST
cat > main.go <<'GO'
package main

import (
	"archive/zip"
	"fmt"
	"os"
)

func main() {
	archive, err := zip.OpenReader(os.Args[1])
	if err != nil {
		fmt.Println("refused")
		return
	}
	fmt.Println(len(archive.File), "entries")
}
GO
cat > by-python.py <<'PYTHON'
import sys, zipfile

try:
    print(len(zipfile.ZipFile(sys.argv[1]).namelist()), "entries")
except zipfile.BadZipFile:
    print("refused")
PYTHON
cargo build --quiet
go build -o by-go main.go
for bytes in 0 16 70000; do
  python3 -c '
import sys, zipfile
zipfile.ZipFile("x.zip", "w").writestr("ca.pem", "a certificate")
open("x.zip", "ab").write(b"e" * int(sys.argv[1]))' $bytes
  echo "$bytes bytes behind: crate $("$CARGO_TARGET_DIR/debug/finding" x.zip), Go $(./by-go x.zip), Python $(python3 by-python.py x.zip)" >> seen
done
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
0 bytes behind: crate 1 entries, Go 1 entries, Python 1 entries
16 bytes behind: crate 1 entries, Go 1 entries, Python 1 entries
70000 bytes behind: crate refused, Go refused, Python refused
EXPECTED
echo "as stated: a short tail is ignored, a long one hides the archive"
