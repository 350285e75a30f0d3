#!/usr/bin/env bash
# The YAML library of Kubernetes turns an unquoted scalar into another string when the target is a string.
#
# Guess:  `value: yes` or `value: 010` in a string field is either kept as written or refused ("cannot unmarshal
#         number into string").
# Seen:   decoded into a Go type it is neither: YAML 1.1 reads a boolean or a number first, and that is written out
#         as text: yes -> "true", 010 -> "8", 0x10 -> "16", 1.10 -> "1.1", 1E10 -> "1e+10", 0123456 -> "42798".
#         Decoded without a type (what `kubectl apply -f` does) the same line is a number or boolean, which the API
#         server refuses. 1:30, a base-60 number in YAML 1.1, stays text in both.
# Since:  sigs.k8s.io/yaml v1.6.0.
# So:     one file means three things: kubectl refuses it, a tool with typed objects deploys "8", a YAML 1.2 reader
#         deploys "010". Read manifests without types first, and refuse what kubectl refuses.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require sigs.k8s.io/yaml v1.6.0
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

func main() {
	for _, scalar := range []string{"yes", "y", "010", "0o10", "0x10", "1.10", "1E10", "0123456", "1_000", "1:30", "2026-01-01", "~"} {
		var typed struct{ Value string }
		if err := yaml.Unmarshal([]byte("value: "+scalar), &typed); err != nil {
			panic(err)
		}
		untyped, err := yaml.YAMLToJSON([]byte("value: " + scalar))
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: typed %q, untyped %s\n", scalar, typed.Value, untyped)
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
yes: typed "true", untyped {"value":true}
y: typed "true", untyped {"value":true}
010: typed "8", untyped {"value":8}
0o10: typed "8", untyped {"value":8}
0x10: typed "16", untyped {"value":16}
1.10: typed "1.1", untyped {"value":1.1}
1E10: typed "1e+10", untyped {"value":10000000000}
0123456: typed "42798", untyped {"value":42798}
1_000: typed "1000", untyped {"value":1000}
1:30: typed "1:30", untyped {"value":"1:30"}
2026-01-01: typed "2026-01-01", untyped {"value":"2026-01-01"}
~: typed "", untyped {"value":null}
EXPECTED
echo "as stated: scalars become other strings where the type is a string"
