#!/usr/bin/env bash
# A JSON patch "replace" of a field that is not there adds it, and "test" with null passes where nothing is.
#
# Guess:  RFC 6902: "replace" and "remove" need the target to exist, "test" too, and list indices are digits
#         without a sign or a leading zero.
# Seen:   the library the API server uses takes a "replace" of an absent member of an object as an "add", passes a
#         "test" for null (or without any value) on an absent member, counts /-1 from the end of the list, and
#         reads /01 and /+1 as 1. "remove" of an absent member alone is refused, as the RFC says.
# Since:  gopkg.in/evanphx/json-patch.v4 v4.13.0 (k8s.io/apiserver v0.37.2 requires it).
# So:     "replace" is no guard that a field was there: put a "test" with its old value before it. A stand-in that
#         applies patches by the letter of the RFC refuses what a real server accepts.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require gopkg.in/evanphx/json-patch.v4 v4.13.0
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
)

func main() {
	const document = `{"args":["a","b","c"],"labels":{}}`
	for _, operation := range []string{
		`{"op":"replace","path":"/labels/owner","value":"x"}`,
		`{"op":"test","path":"/labels/owner","value":null}`,
		`{"op":"test","path":"/labels/owner"}`,
		`{"op":"replace","path":"/args/-1","value":"x"}`,
		`{"op":"remove","path":"/args/-2"}`,
		`{"op":"replace","path":"/args/01","value":"x"}`,
		`{"op":"replace","path":"/args/+1","value":"x"}`,
		`{"op":"remove","path":"/labels/owner"}`,
	} {
		patch, err := jsonpatch.DecodePatch([]byte("[" + operation + "]"))
		if err != nil {
			panic(err)
		}
		result, err := patch.Apply([]byte(document))
		if err != nil {
			result = []byte("refused")
		}
		fmt.Printf("%s\n  %s\n", operation, result)
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
{"op":"replace","path":"/labels/owner","value":"x"}
  {"args":["a","b","c"],"labels":{"owner":"x"}}
{"op":"test","path":"/labels/owner","value":null}
  {"args":["a","b","c"],"labels":{}}
{"op":"test","path":"/labels/owner"}
  {"args":["a","b","c"],"labels":{}}
{"op":"replace","path":"/args/-1","value":"x"}
  {"args":["a","b","x"],"labels":{}}
{"op":"remove","path":"/args/-2"}
  {"args":["a","c"],"labels":{}}
{"op":"replace","path":"/args/01","value":"x"}
  {"args":["a","x","c"],"labels":{}}
{"op":"replace","path":"/args/+1","value":"x"}
  {"args":["a","x","c"],"labels":{}}
{"op":"remove","path":"/labels/owner"}
  refused
EXPECTED
echo "as stated: replace adds what is absent, test for null passes there, negative indices count"
