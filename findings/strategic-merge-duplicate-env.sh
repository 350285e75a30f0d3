#!/usr/bin/env bash
# A strategic merge patch of a variable that stands twice in a container changes the one that does not count.
#
# Guess:  lists of containers' variables merge by name, so patching A sets A: in all entries, or in the last, which
#         is the one a container gets.
# Seen:   only the first entry of that name is changed, the second one stays behind it (and still wins), and the
#         entries of one name are moved together. A patch that deletes A removes both.
# Since:  k8s.io/apimachinery v0.37.2 (util/strategicpatch; the API server and `kubectl apply` use it).
# So:     the write succeeds, the generation moves, the rollout ends, and the container runs with the old value.
#         Look for names that stand twice before patching them, and compare the last one afterwards.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	k8s.io/api v0.37.2
	k8s.io/apimachinery v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

const twice = `{"containers":[{"env":[{"name":"A","value":"1"},{"name":"B","value":"b"},{"name":"A","value":"2"}],"name":"main"}]}`

func apply(title string, patch []byte) {
	result, err := strategicpatch.StrategicMergePatch([]byte(twice), patch, corev1.PodSpec{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s: %s\n", title, result)
}

func main() {
	apply("set", []byte(`{"containers":[{"name":"main","env":[{"name":"A","value":"3"}]}]}`))
	apply("delete", []byte(`{"containers":[{"name":"main","env":[{"name":"A","$patch":"delete"}]}]}`))
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
set: {"containers":[{"env":[{"name":"A","value":"3"},{"name":"A","value":"2"},{"name":"B","value":"b"}],"name":"main"}]}
delete: {"containers":[{"env":[{"name":"B","value":"b"}],"name":"main"}]}
EXPECTED
echo "as stated: the patch changes the first of two entries, the second one still counts"
