#!/usr/bin/env bash
# `kubectl rollout status` says "successfully rolled out" of workloads that run nothing, or are being deleted.
#
# Guess:  success means that pods of the new template serve.
# Seen:   it compares numbers of the status, and nothing with nothing is success: a DaemonSet that no node suits, a
#         Deployment scaled to 0. A Deployment that is being deleted is "successfully rolled out" for as long as its
#         status says so. A StatefulSet whose partition is its number of replicas is "partitioned roll out complete" with
#         0 new pods. Of OnDelete sets it says nothing but an error, which is an exit code of 1 like any failure.
# Since:  k8s.io/kubectl v0.37.2.
# So:     after the wait look at desired numbers, deletionTimestamp, partition, and at the image of the pods that serve.
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
	k8s.io/client-go v0.37.2
	k8s.io/kubectl v0.37.2
	sigs.k8s.io/yaml v1.6.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubectl/pkg/polymorphichelpers"
	"sigs.k8s.io/yaml"
)

func ask(title, kind, metadata, spec, status string) {
	text := fmt.Sprintf("{apiVersion: apps/v1, kind: %s, metadata: {name: x, generation: 3%s}, spec: {%s}, status: {observedGeneration: 3%s}}", kind, metadata, spec, status)
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		panic(err)
	}
	viewer, err := polymorphichelpers.StatusViewerFor(schema.GroupKind{Group: "apps", Kind: kind})
	if err != nil {
		panic(err)
	}
	message, done, err := viewer.Status(object, 0)
	fmt.Printf("%s: done %v, %s %v\n", title, done, strings.TrimSpace(message), err)
}

func main() {
	rolling := "updateStrategy: {type: RollingUpdate}"
	serving := ", replicas: 1, updatedReplicas: 1, availableReplicas: 1"
	ask("no replicas", "Deployment", "", "replicas: 0", "")
	ask("being deleted", "Deployment", ", deletionTimestamp: '2026-01-01T00:00:00Z'", "replicas: 1", serving)
	ask("paused with old pods", "Deployment", "", "replicas: 1, paused: true", ", replicas: 1, availableReplicas: 1")
	ask("no node", "DaemonSet", "", rolling, ", desiredNumberScheduled: 0")
	ask("OnDelete", "DaemonSet", "", "updateStrategy: {type: OnDelete}", ", desiredNumberScheduled: 1")
	ask("partition", "StatefulSet", "", "replicas: 3, updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 3}}",
		", readyReplicas: 3, currentRevision: a, updateRevision: b")
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
no replicas: done true, deployment "x" successfully rolled out <nil>
being deleted: done true, deployment "x" successfully rolled out <nil>
paused with old pods: done false, Waiting for deployment "x" rollout to finish: 0 out of 1 new replicas have been updated... <nil>
no node: done true, daemon set "x" successfully rolled out <nil>
OnDelete: done true,  rollout status is only available for RollingUpdate strategy type
partition: done true, partitioned roll out complete: 0 new pods have been updated... <nil>
EXPECTED
echo "as stated: nothing is success"
