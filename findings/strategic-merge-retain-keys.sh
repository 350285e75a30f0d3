#!/usr/bin/env bash
# "retainKeys" in a type's patch strategy does nothing unless the patch carries the directive itself.
#
# Guess:  volumes and a Deployment's strategy are marked patchStrategy "retainKeys", so giving the volume another
#         source, or asking for Recreate, drops what belongs to the old choice.
# Seen:   a strategic merge patch without `$retainKeys` leaves both: a volume with two sources, Recreate beside the
#         parameters of a rolling update. The API server refuses such an object ("may not specify more than 1
#         volume type"). With the directive the old keys go. Tools that make the patch from two documents add it.
# Since:  k8s.io/api and k8s.io/apimachinery v0.37.2.
# So:     a patch written by hand names what stays, or sets the other source to null; a stand-in that drops the keys
#         by itself hides the mistake.
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

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

func apply(object, patch string, kind any) {
	result, err := strategicpatch.StrategicMergePatch([]byte(object), []byte(patch), kind)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s\n  %s\n", patch, result)
}

func main() {
	volumes := `{"volumes":[{"name":"db","emptyDir":{}}]}`
	apply(volumes, `{"volumes":[{"name":"db","persistentVolumeClaim":{"claimName":"db"}}]}`, corev1.PodSpec{})
	apply(volumes, `{"volumes":[{"$retainKeys":["name","persistentVolumeClaim"],"name":"db","persistentVolumeClaim":{"claimName":"db"}}]}`, corev1.PodSpec{})
	strategy := `{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}`
	apply(strategy, `{"strategy":{"type":"Recreate"}}`, appsv1.DeploymentSpec{})
	apply(strategy, `{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}`, appsv1.DeploymentSpec{})
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
{"volumes":[{"name":"db","persistentVolumeClaim":{"claimName":"db"}}]}
  {"volumes":[{"emptyDir":{},"name":"db","persistentVolumeClaim":{"claimName":"db"}}]}
{"volumes":[{"$retainKeys":["name","persistentVolumeClaim"],"name":"db","persistentVolumeClaim":{"claimName":"db"}}]}
  {"volumes":[{"name":"db","persistentVolumeClaim":{"claimName":"db"}}]}
{"strategy":{"type":"Recreate"}}
  {"strategy":{"rollingUpdate":{"maxSurge":1},"type":"Recreate"}}
{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}
  {"strategy":{"type":"Recreate"}}
EXPECTED
echo "as stated: without the directive the old keys stay"
