#!/usr/bin/env bash
# Open Cluster Management: maxConcurrency 0 rolls out everywhere at once, a generous maxFailures tolerates none.
#
# Guess:  maxConcurrency: 0 (or 0%) pauses a progressive rollout; maxFailures: 10 of 3 clusters means "never stop".
# Seen:   a number that is not within 1 and the count of clusters is replaced by the default, silently. The default
#         of maxConcurrency is all clusters, that of maxFailures is 0. So 0 starts all three, and with maxFailures
#         10 the first failure stops the rollout (3, the count itself, does not).
# Since:  open-cluster-management.io/sdk-go v1.3.0.
# So:     write maxFailures as a percentage (100%), never as a number larger than today's fleet, which may shrink;
#         a pause needs something else than 0.
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
	open-cluster-management.io/api v1.3.0
	open-cluster-management.io/sdk-go v1.3.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/sets"
	api "open-cluster-management.io/api/cluster/v1alpha1"
	rollout "open-cluster-management.io/sdk-go/pkg/apis/cluster/v1alpha1"
	placement "open-cluster-management.io/sdk-go/pkg/apis/cluster/v1beta1"
)

func next(title string, concurrency, failures intstr.IntOrString, statuses ...rollout.ClusterRolloutStatus) {
	clusters := placement.NewPlacementDecisionClustersTracker(nil, nil, sets.New("c1", "c2", "c3"))
	handler, err := rollout.NewRolloutHandler[int](clusters, nil)
	if err != nil {
		panic(err)
	}
	strategy := api.RolloutStrategy{Type: api.Progressive, Progressive: &api.RolloutProgressive{MaxConcurrency: concurrency}}
	strategy.Progressive.MaxFailures = failures
	strategy.Progressive.ProgressDeadline = "0s"
	_, result, err := handler.GetRolloutCluster(strategy, statuses)
	if err != nil {
		panic(err)
	}
	names := []string{}
	for _, cluster := range result.ClustersToRollout {
		names = append(names, cluster.ClusterName)
	}
	fmt.Printf("%s: next %v, stopped by failures: %v\n", title, names, result.MaxFailureBreach)
}

func main() {
	none := intstr.FromInt32(0)
	next("concurrency 1", intstr.FromInt32(1), none)
	next("concurrency 0", none, none)
	next("concurrency 0%", intstr.FromString("0%"), none)
	failed := rollout.ClusterRolloutStatus{ClusterName: "c1", Status: rollout.TimeOut}
	for _, failures := range []intstr.IntOrString{intstr.FromInt32(1), intstr.FromInt32(3), intstr.FromInt32(10), intstr.FromString("100%")} {
		next("c1 failed, maxFailures "+failures.String(), intstr.FromInt32(1), failures, failed)
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
concurrency 1: next [c1], stopped by failures: false
concurrency 0: next [c1 c2 c3], stopped by failures: false
concurrency 0%: next [c1 c2 c3], stopped by failures: false
c1 failed, maxFailures 1: next [c2], stopped by failures: false
c1 failed, maxFailures 3: next [c2], stopped by failures: false
c1 failed, maxFailures 10: next [], stopped by failures: true
c1 failed, maxFailures 100%: next [c2], stopped by failures: false
EXPECTED
echo "as stated: what is out of range becomes the default"
