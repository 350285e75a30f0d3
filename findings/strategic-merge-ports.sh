#!/usr/bin/env bash
# A strategic merge patch of one of two ports with the same number hits the other and leaves a duplicate.
#
# Guess:  the lists are keyed by port and protocol: that is what server-side apply uses (x-kubernetes-list-map-keys)
#         and what the API server's uniqueness check looks at.
# Seen:   a strategic merge patch knows only `port` (Services) or `containerPort`. A patch for 53/TCP changes the
#         *first* entry with 53, the UDP one, into TCP: two TCP entries, UDP is gone. Its name stays: "dns" is TCP now.
# Since:  k8s.io/api and k8s.io/apimachinery v0.37.2.
# So:     the same partial object gives different results as strategic merge patch and as apply; for ports use apply,
#         a JSON patch with a test, or send the list whole with `$patch: replace`.
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

func apply(object, patch string, kind any) {
	result, err := strategicpatch.StrategicMergePatch([]byte(object), []byte(patch), kind)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n", result)
}

func main() {
	apply(
		`{"ports":[{"name":"dns","port":53,"protocol":"UDP"},{"name":"dns-tcp","port":53,"protocol":"TCP"}]}`,
		`{"ports":[{"port":53,"protocol":"TCP","targetPort":5353}]}`,
		corev1.ServiceSpec{})
	apply(
		`{"containers":[{"name":"main","ports":[{"containerPort":8443,"protocol":"TCP"},{"containerPort":8443,"protocol":"UDP"}]}]}`,
		`{"containers":[{"name":"main","ports":[{"containerPort":8443,"name":"quic","protocol":"UDP"}]}]}`,
		corev1.PodSpec{})
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
{"ports":[{"name":"dns","port":53,"protocol":"TCP","targetPort":5353},{"name":"dns-tcp","port":53,"protocol":"TCP"}]}
{"containers":[{"name":"main","ports":[{"containerPort":8443,"name":"quic","protocol":"UDP"},{"containerPort":8443,"protocol":"UDP"}]}]}
EXPECTED
echo "as stated: the protocol is no part of the key"
