#!/usr/bin/env bash
# Server-side apply of a variable that stands twice: a live duplicate is replaced as a whole, an applied one refused.
#
# Guess:  either apply refuses an object whose list of variables holds a name twice (its list is keyed by name), or
#         it changes one of the entries and leaves the other, as a strategic merge patch does.
# Seen:   a *live* duplicate is accepted. Applying A is a conflict about the whole entry, not about its value as
#         usual; with force all entries of that name become one, and the creator loses A. A duplicate in what is
#         *applied* is refused, forced or not: "duplicate entries for key".
# Since:  k8s.io/apimachinery v0.37.2, structured-merge-diff as it requires.
# So:     a rehearsal that treats both alike is wrong for one of them; the way back cannot restore such an object by
#         apply, only by an update or a JSON patch.
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
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

func deployment(env string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {template: {spec: {containers: [{name: main, env: [" + env + "]}]}}}\n"
}

func apply(cluster managedfieldstest.TestFieldManager, env string, force bool) {
	text, err := yaml.YAMLToJSON([]byte(deployment(env)))
	if err != nil {
		panic(err)
	}
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		panic(err)
	}
	err = cluster.Apply(object, "tool", force)
	answer := "accepted"
	if err != nil {
		answer = "refused, ..." + err.Error()[strings.LastIndex(err.Error(), ".env"):]
	}
	live := &appsv1.Deployment{}
	text, _ = json.Marshal(cluster.Live())
	if err := json.Unmarshal(text, live); err != nil {
		panic(err)
	}
	left, _ := json.Marshal(live.Spec.Template.Spec.Containers[0].Env)
	fmt.Printf("apply [%s]: %s\n  live %s\n", env, answer, left)
	for _, entry := range cluster.ManagedFields() {
		fmt.Printf("  %s holds A: %v\n", entry.Manager, strings.Contains(string(entry.FieldsV1.Raw), `\"A\"`))
	}
}

func main() {
	kind := appsv1.SchemeGroupVersion.WithKind("Deployment")
	cluster := managedfieldstest.NewTestFieldManager(applyconfigurations.NewTypeConverter(scheme.Scheme), kind)
	created := &appsv1.Deployment{}
	const twice = "{name: A, value: '1'}, {name: B, value: b}, {name: A, value: '2'}"
	if err := yaml.Unmarshal([]byte(deployment(twice)), created); err != nil {
		panic(err)
	}
	if err := cluster.Update(created, "creator"); err != nil {
		panic(err)
	}
	apply(cluster, twice, true)
	apply(cluster, "{name: A, value: '3'}", false)
	apply(cluster, "{name: A, value: '3'}", true)
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
apply [{name: A, value: '1'}, {name: B, value: b}, {name: A, value: '2'}]: refused, ....env: duplicate entries for key [name="A"]
  live [{"name":"A","value":"1"},{"name":"B","value":"b"},{"name":"A","value":"2"}]
  creator holds A: true
apply [{name: A, value: '3'}]: refused, ....env[name="A"]
  live [{"name":"A","value":"1"},{"name":"B","value":"b"},{"name":"A","value":"2"}]
  creator holds A: true
apply [{name: A, value: '3'}]: accepted
  live [{"name":"A","value":"3"},{"name":"B","value":"b"}]
  tool holds A: true
  creator holds A: false
EXPECTED
echo "as stated: a live duplicate is replaced as a whole, an applied one is refused"
