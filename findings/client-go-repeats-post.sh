#!/usr/bin/env bash
# client-go sends a POST eleven times when the server answers 503 with Retry-After.
#
# Guess:  a client repeats what can be repeated (GET, PUT, DELETE); a create is sent once, its error returned.
# Seen:   with that header POST and PATCH are repeated ten times, without a word to the caller; without it they are
#         sent once.
# Since:  k8s.io/client-go v0.37.2.
# So:     a proxy that answers 503 after the server did its work turns one create with generateName into several
#         objects, and an Event or a SelfSubjectAccessReview is counted eleven times in an audit log. Creates need
#         fixed names, and "already exists" may mean oneself.
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
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

func main() {
	for _, header := range []string{"0", ""} {
		requests := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		group := corev1.SchemeGroupVersion
		client, err := rest.RESTClientFor(&rest.Config{Host: server.URL, APIPath: "/api", QPS: -1, ContentConfig: rest.ContentConfig{
			GroupVersion: &group, NegotiatedSerializer: scheme.Codecs.WithoutConversion()}})
		if err != nil {
			panic(err)
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{GenerateName: "token-"}}
		err = client.Post().Namespace("x").Resource("secrets").Body(secret).Do(context.Background()).Error()
		fmt.Printf("POST, Retry-After %q: %d requests, error %v\n", header, requests, err != nil)
		requests = 0
		err = client.Patch(types.MergePatchType).Namespace("x").Resource("secrets").Name("y").Body([]byte("{}")).Do(context.Background()).Error()
		fmt.Printf("PATCH, Retry-After %q: %d requests, error %v\n", header, requests, err != nil)
		server.Close()
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
POST, Retry-After "0": 11 requests, error true
PATCH, Retry-After "0": 11 requests, error true
POST, Retry-After "": 1 requests, error true
PATCH, Retry-After "": 1 requests, error true
EXPECTED
echo "as stated: creates are repeated"
