#!/usr/bin/env bash
# A forced apply of `valueFrom` does not take the place of a `value` that somebody else set.
#
# Guess:  applying {name: A, valueFrom: …} with force makes the variable what was applied; force is there to win.
# Seen:   force settles conflicts about the same field only. `value` is another field, its writer still holds it,
#         and so both are there: no conflict, no warning, and an object that the API server's validation refuses
#         ("may not be specified when `value` is not empty"). Applying the entry again without A's valueFrom leaves
#         the value: an applier cannot take away what it never owned.
# Since:  k8s.io/apimachinery v0.37.2.
# So:     before turning a literal into a reference (a token into a Secret, say) the literal has to be removed by an
#         update or a patch; a dry run shows the refusal, a comparison of applied fields does not.
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
	sigs.k8s.io/yaml v1.6.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

func pod(env string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: main, env: [" + env + "]}]}\n"
}

func main() {
	cluster := managedfieldstest.NewTestFieldManager(applyconfigurations.NewTypeConverter(scheme.Scheme), corev1.SchemeGroupVersion.WithKind("Pod"))
	created := &corev1.Pod{}
	if err := yaml.Unmarshal([]byte(pod("{name: A, value: literal}")), created); err != nil {
		panic(err)
	}
	if err := cluster.Update(created, "creator"); err != nil {
		panic(err)
	}
	for _, env := range []string{"{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}", "{name: B, value: b}"} {
		text, err := yaml.YAMLToJSON([]byte(pod(env)))
		if err != nil {
			panic(err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			panic(err)
		}
		err = cluster.Apply(object, "tool", true)
		live := &corev1.Pod{}
		text, _ = json.Marshal(cluster.Live())
		if err := json.Unmarshal(text, live); err != nil {
			panic(err)
		}
		text, _ = json.Marshal(live.Spec.Containers[0].Env)
		fmt.Printf("apply %s: %v\n  %s\n", env, err, text)
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
apply {name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}: <nil>
  [{"name":"A","value":"literal","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]
apply {name: B, value: b}: <nil>
  [{"name":"A","value":"literal"},{"name":"B","value":"b"}]
EXPECTED
echo "as stated: value and valueFrom side by side"
