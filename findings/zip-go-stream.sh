#!/usr/bin/env bash
# A zip that Go wrote cannot be read as a stream by the zip crate, not even its uncompressed entries.
#
# Guess:  a local header comes before the data, so an archive can be looked at while it arrives; reading the entries one
#         after the other is what `read_zipfile_from_stream` is for.
# Seen:   Go's archive/zip puts sizes and sums *behind* each entry (a data descriptor), always, and the crate refuses
#         the first one: "The file length is not available in the local header". Opened as a file the same archive is
#         fine. Go itself offers no reading from a stream.
# Since:  zip 9.4.1; archive/zip of Go 1.26.
# So:     a backup that a Go server streams has to be on disk before it can be verified, or read with an own parser of
#         the descriptors.
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
use std::io::Cursor;

fn main() {
    let archive = std::fs::read("go.zip").expect("the archive");
    println!("as a file: {} entries", zip::ZipArchive::new(Cursor::new(&archive)).expect("an archive").len());
    match zip::read::read_zipfile_from_stream(&mut Cursor::new(&archive)) {
        Ok(_) => println!("as a stream: read"),
        Err(error) => println!("as a stream: {error}"),
    }
}
RUST
cat > main.go <<'GO'
package main

import (
	"archive/zip"
	"os"
)

func main() {
	archive := zip.NewWriter(os.Stdout)
	entry, err := archive.CreateHeader(&zip.FileHeader{Name: "ca.pem", Method: zip.Store})
	if err == nil {
		_, err = entry.Write([]byte("a certificate"))
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		panic(err)
	}
}
GO
go run main.go > go.zip
cargo run --quiet > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
as a file: 1 entries
as a stream: unsupported Zip archive: The file length is not available in the local header
EXPECTED
echo "as stated: no reading while it arrives"
