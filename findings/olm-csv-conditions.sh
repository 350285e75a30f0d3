#!/usr/bin/env bash
# `kubectl wait --for=condition=Succeeded csv/NAME` can never end: a ClusterServiceVersion's conditions have no type.
#
# Guess:  status.conditions is the list every Kubernetes kind has: type, status, reason, message.
# Seen:   a condition of a ClusterServiceVersion holds phase, reason and times; neither type nor status. What waits
#         for a condition, or reads `.status.conditions[?(@.type=="Succeeded")]`, sees nothing, whatever the state.
#         Besides, a Subscription made from the Go type always carries a status with lastUpdated null.
# Since:  github.com/operator-framework/api v0.45.0 (as OLM v0.46.0 requires it).
# So:     wait with --for=jsonpath='{.status.phase}'=Succeeded, and remember that phase belongs to the operator, not to
#         what it operates.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	github.com/operator-framework/api v0.45.0
	k8s.io/api v0.37.2
	k8s.io/apiextensions-apiserver v0.37.2
	k8s.io/apimachinery v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
)

func main() {
	version := v1alpha1.ClusterServiceVersion{}
	version.Status.Phase = v1alpha1.CSVPhaseSucceeded
	version.Status.Conditions = []v1alpha1.ClusterServiceVersionCondition{{Phase: v1alpha1.CSVPhaseSucceeded, Reason: v1alpha1.CSVReasonInstallSuccessful}}
	text, err := json.Marshal(version.Status.Conditions)
	if err != nil {
		panic(err)
	}
	fmt.Println("conditions", string(text))
	// What a generic client reads.
	var conditions []struct{ Type, Status string }
	if err := json.Unmarshal(text, &conditions); err != nil {
		panic(err)
	}
	fmt.Printf("type %q status %q\n", conditions[0].Type, conditions[0].Status)
	subscription, err := json.Marshal(v1alpha1.Subscription{}.Status)
	if err != nil {
		panic(err)
	}
	fmt.Println("empty status of a Subscription", string(subscription))
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
conditions [{"phase":"Succeeded","reason":"InstallSucceeded"}]
type "" status ""
empty status of a Subscription {"lastUpdated":null}
EXPECTED
echo "as stated: there is no type to wait for"
