#!/usr/bin/env bash
# managedFields says who set what is there; who removed something, or wrote what was there already, it does not say.
#
# Guess:  the entry with the newest time names the last writer, and a field that somebody took away can be traced.
# Seen:   an update that only removes fields makes no entry for its writer and no new time: the fields just vanish
#         from the entry of who had set them. An update that writes what is already there leaves nothing either. A
#         value changed by bob and changed back by alice leaves no bob at all. And an update that sends
#         `managedFields: []` empties the record for everybody (`null` does not).
# Since:  k8s.io/apimachinery v0.37.2.
# So:     "who reverted it" has an answer only if the reverter wrote another value; after a removal the honest
#         sentence is "nobody is recorded". A missing entry is no proof that nobody wrote.
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
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	kind := corev1.SchemeGroupVersion.WithKind("ConfigMap")
	cluster := managedfieldstest.NewTestFieldManager(applyconfigurations.NewTypeConverter(scheme.Scheme), kind)
	update := func(who, what string, change func(*corev1.ConfigMap)) {
		object := &corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: metav1.ObjectMeta{Name: "x"}}
		if live, found := cluster.Live().(*corev1.ConfigMap); found {
			live.DeepCopyInto(object)
		}
		change(object)
		if err := cluster.Update(object, who); err != nil {
			panic(err)
		}
		fmt.Printf("%s %s\n", who, what)
		for _, entry := range cluster.ManagedFields() {
			fmt.Printf("  %s: %s\n", entry.Manager, entry.FieldsV1.Raw)
		}
	}
	update("alice", "creates", func(o *corev1.ConfigMap) { o.Data = map[string]string{"a": "1", "b": "1"} })
	update("bob", "changes a", func(o *corev1.ConfigMap) { o.Data["a"] = "2" })
	update("alice", "changes a back", func(o *corev1.ConfigMap) { o.Data["a"] = "1" })
	update("carol", "writes a as it is", func(o *corev1.ConfigMap) { o.Data["a"] = "1" })
	update("mallory", "removes b", func(o *corev1.ConfigMap) { delete(o.Data, "b") })
	update("eve", "sends managedFields: null", func(o *corev1.ConfigMap) { o.ManagedFields = nil })
	update("eve", "sends managedFields: []", func(o *corev1.ConfigMap) { o.ManagedFields = []metav1.ManagedFieldsEntry{} })
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
alice creates
  alice: {"f:data":{".":{},"f:a":{},"f:b":{}}}
bob changes a
  alice: {"f:data":{".":{},"f:b":{}}}
  bob: {"f:data":{"f:a":{}}}
alice changes a back
  alice: {"f:data":{".":{},"f:a":{},"f:b":{}}}
carol writes a as it is
  alice: {"f:data":{".":{},"f:a":{},"f:b":{}}}
mallory removes b
  alice: {"f:data":{".":{},"f:a":{}}}
eve sends managedFields: null
  alice: {"f:data":{".":{},"f:a":{}}}
eve sends managedFields: []
EXPECTED
echo "as stated: removals, repeated values and changes taken back leave no writer behind"
