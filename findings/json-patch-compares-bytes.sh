#!/usr/bin/env bash
# A JSON patch "test" compares how a value is written, not what it is.
#
# Guess:  `{"op":"test","path":P,"value":V}` guards a write: it passes when the field holds V (RFC 6902: numbers by
#         value, strings by their characters).
# Seen:   the library the API server applies patches with compares the text of scalars. Kubernetes' JSON encoder
#         writes & < > as \u0026 \u003c \u003e; a client that sends them as they are is told "test failed" although
#         the field holds exactly that. Likewise 1 against 1.0 and 100 against 1e2. Both can be read in one patch:
#         escaped, the same test passes.
# Since:  gopkg.in/evanphx/json-patch.v4 v4.13.0, as in k8s.io/apimachinery v0.37.2.
# So:     a guard on an annotation, an argument or a URL with & refuses for ever on an unchanged object. Guard by
#         resourceVersion, or write the values of "test" as Go's encoder writes them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	gopkg.in/evanphx/json-patch.v4 v4.13.0
	k8s.io/api v0.37.2
	k8s.io/apimachinery v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
)

func main() {
	config := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings", Generation: 100},
		Data:       map[string]string{"plain": "a", "url": "https://central/?a=1&b=2"},
	}
	document, err := runtime.Encode(json.NewSerializerWithOptions(json.DefaultMetaFactory, nil, nil, json.SerializerOptions{}), config)
	if err != nil {
		panic(err)
	}
	for _, test := range []string{
		`"path":"/data/plain","value":"a"`,
		`"path":"/data/url","value":"https://central/?a=1&b=2"`,
		`"path":"/data/url","value":"https://central/?a=1\u0026b=2"`,
		`"path":"/metadata/generation","value":100`,
		`"path":"/metadata/generation","value":100.0`,
		`"path":"/metadata/generation","value":1e2`,
	} {
		patch, err := jsonpatch.DecodePatch([]byte(`[{"op":"test",` + test + `}]`))
		if err != nil {
			panic(err)
		}
		_, err = patch.Apply(document)
		fmt.Println(test, "passes:", err == nil)
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
"path":"/data/plain","value":"a" passes: true
"path":"/data/url","value":"https://central/?a=1&b=2" passes: false
"path":"/data/url","value":"https://central/?a=1\u0026b=2" passes: true
"path":"/metadata/generation","value":100 passes: true
"path":"/metadata/generation","value":100.0 passes: false
"path":"/metadata/generation","value":1e2 passes: false
EXPECTED
echo "as stated: a value equal to the field's is refused when it is written differently"
