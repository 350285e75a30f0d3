#!/usr/bin/env bash
# krew's validator refuses sums in capitals and platforms it has never heard of, and takes any word as home page.
#
# Guess:  sha256 is hexadecimal, in either case; a platform that kubectl is released for (linux/s390x) can be listed;
#         what the documentation calls required is checked.
# Seen:   only lower-case digits pass; a platform that selects s390x alone is "not supported", so that one more
#         archive makes the whole manifest invalid; an empty description and a home page that is no address pass; a
#         selector with a misspelt key is refused.
# Since:  sigs.k8s.io/krew v0.5.0 (validate-krew-manifest).
# So:     write sums as sha256sum prints them, and keep archives of other platforms out of the manifest.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	k8s.io/apimachinery v0.37.2
	sigs.k8s.io/krew v0.5.0
)
MOD
GOFLAGS=-mod=mod go build -o validate sigs.k8s.io/krew/cmd/validate-krew-manifest
sum=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
# check WHAT SUM SELECTOR ARCHITECTURE HOMEPAGE
check() {
  cat > demo.yaml <<YAML
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: demo
spec:
  version: v1.0.0
  homepage: $5
  shortDescription: Demonstrates
  platforms:
  - uri: https://example.test/demo.tar.gz
    sha256: $2
    bin: demo
    selector:
      matchLabels:
        os: linux
        $3: $4
YAML
  if ./validate -manifest demo.yaml -skip-install > log 2>&1; then echo "$1: valid"; else echo "$1: refused"; fi >> seen
}
check "as it should be" $sum arch amd64 https://example.test/
check "sum in capitals" ${sum^^} arch amd64 https://example.test/
check "linux/s390x" $sum arch s390x https://example.test/
check "home page a word, no description" $sum arch amd64 nowhere
check "misspelt key" $sum architecture amd64 https://example.test/
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
as it should be: valid
sum in capitals: refused
linux/s390x: refused
home page a word, no description: valid
misspelt key: refused
EXPECTED
echo "as stated: capitals and s390x are refused, a home page is any word"
