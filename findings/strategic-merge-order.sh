#!/usr/bin/env bash
# What a strategic merge patch adds to a list stands at its head, so a new variable cannot use an old one.
#
# Guess:  new items are appended, as server-side apply does.
# Seen:   they go in front of what is there. For variables order has a meaning: `$(HOST)` is replaced only by a
#         variable that stands *before* it. A variable added by patch that refers to an existing one stays literal
#         text; the other way round it works by luck. Containers move as well: the one patched in becomes the first,
#         which is the one `kubectl logs` picks when nothing else is said.
# Since:  k8s.io/apimachinery v0.37.2.
# So:     send `$setElementOrder/env` with the patch (tools that compute the patch do), or set the reference's whole
#         value; compare lists with their order after the write.
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

func apply(patch string) {
	const pod = `{"containers":[{"env":[{"name":"HOST","value":"central"}],"name":"main"}]}`
	result, err := strategicpatch.StrategicMergePatch([]byte(pod), []byte(patch), corev1.PodSpec{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", result)
}

func main() {
	apply(`{"containers":[{"name":"main","env":[{"name":"URL","value":"https://$(HOST)"}]}]}`)
	apply(`{"containers":[{"name":"main","$setElementOrder/env":[{"name":"HOST"},{"name":"URL"}],"env":[{"name":"URL","value":"https://$(HOST)"}]}]}`)
	apply(`{"containers":[{"name":"helper"}]}`)
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
{"containers":[{"env":[{"name":"URL","value":"https://$(HOST)"},{"name":"HOST","value":"central"}],"name":"main"}]}
{"containers":[{"env":[{"name":"HOST","value":"central"},{"name":"URL","value":"https://$(HOST)"}],"name":"main"}]}
{"containers":[{"name":"helper"},{"env":[{"name":"HOST","value":"central"}],"name":"main"}]}
EXPECTED
echo "as stated: additions stand first"
