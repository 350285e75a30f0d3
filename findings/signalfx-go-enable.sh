#!/usr/bin/env bash
# signalfx-go can disable an org token, but the request that should enable it again says nothing.
#
# Guess:  UpdateOrgToken with Disabled: false sends "disabled": false.
# Seen:   the field is omitted when false (and an empty description or limit likewise), so the server is told only
#         the name and, by most readings of a PUT, leaves the token disabled. The call succeeds.
# Since:  github.com/signalfx/signalfx-go v1.66.0.
# So:     after enabling a token read it back; write the JSON by hand where false has to be said.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require github.com/signalfx/signalfx-go v1.66.0
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/signalfx/signalfx-go"
	"github.com/signalfx/signalfx-go/orgtoken"
)

func main() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Printf("%s %s\n", r.Method, body)
		w.Write([]byte(`{}`))
	}))
	defer server.Close()
	client, err := signalfx.NewClient("none", signalfx.APIUrl(server.URL))
	if err != nil {
		panic(err)
	}
	for _, disabled := range []bool{true, false} {
		request := &orgtoken.CreateUpdateTokenRequest{Name: "edge", Disabled: disabled}
		if _, err := client.UpdateOrgToken(context.Background(), "edge", request); err != nil {
			panic(err)
		}
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
PUT {"name":"edge","disabled":true}
PUT {"name":"edge"}
EXPECTED
echo "as stated: false is not sent"
