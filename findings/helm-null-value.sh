#!/usr/bin/env bash
# `helm upgrade --reuse-values` with `key: null` says the key is gone and still renders it.
#
# Guess:  null removes a stored value, as in any other merge of values; `helm get values` shows whether it did.
# Seen:   with --reuse-values the new release's values no longer hold the key, and the manifest still has the old
#         value: it lives on as a default of the stored *chart*, so that even a later upgrade cannot see it.
#         --reset-then-reuse-values removes it truly. And one value given without either flag drops all the others,
#         while no value at all keeps them.
# Since:  helm.sh/helm/v3 v3.22.0.
# So:     decide what is configured by the manifest, never by the stored values; merge them oneself and pass them
#         with --reset-values.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	helm.sh/helm/v3 v3.22.0
	k8s.io/api v0.37.2
	k8s.io/apiextensions-apiserver v0.37.2
	k8s.io/apimachinery v0.37.2
	k8s.io/apiserver v0.37.2
	k8s.io/cli-runtime v0.37.2
	k8s.io/client-go v0.37.2
	k8s.io/component-base v0.37.2
	k8s.io/kubectl v0.37.2
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/kube/fake"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
)

func demo() *chart.Chart {
	return &chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "demo", Version: "1.0.0"},
		Values:    map[string]any{"memory": "1Gi", "host": "default"},
		Templates: []*chart.File{{Name: "templates/x.yaml", Data: []byte("data: {memory: {{ .Values.memory }}, host: {{ .Values.host }}}\n")}},
	}
}

func upgrade(title string, values map[string]any, mode func(*action.Upgrade)) {
	configuration := &action.Configuration{
		Releases:     storage.Init(driver.NewMemory()),
		KubeClient:   &fake.PrintingKubeClient{Out: io.Discard},
		Capabilities: chartutil.DefaultCapabilities,
		Log:          func(string, ...any) {},
	}
	install := action.NewInstall(configuration)
	install.ReleaseName, install.Namespace = "demo", "demo"
	if _, err := install.Run(demo(), map[string]any{"memory": "8Gi", "host": "mine"}); err != nil {
		panic(err)
	}
	command := action.NewUpgrade(configuration)
	mode(command)
	release, err := command.Run("demo", demo(), values)
	if err != nil {
		panic(err)
	}
	lines := strings.Split(strings.TrimSpace(release.Manifest), "\n")
	fmt.Printf("%s: stored %v, rendered %s\n", title, release.Config, lines[len(lines)-1])
}

func main() {
	upgrade("nothing given", map[string]any{}, func(*action.Upgrade) {})
	upgrade("another value given", map[string]any{"other": 1}, func(*action.Upgrade) {})
	null := func() map[string]any { return map[string]any{"host": nil} }
	upgrade("null, --reuse-values", null(), func(u *action.Upgrade) { u.ReuseValues = true })
	upgrade("null, --reset-then-reuse-values", null(), func(u *action.Upgrade) { u.ResetThenReuseValues = true })
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
nothing given: stored map[host:mine memory:8Gi], rendered data: {memory: 8Gi, host: mine}
another value given: stored map[other:1], rendered data: {memory: 1Gi, host: default}
null, --reuse-values: stored map[memory:8Gi], rendered data: {memory: 8Gi, host: mine}
null, --reset-then-reuse-values: stored map[memory:8Gi], rendered data: {memory: 8Gi, host: default}
EXPECTED
echo "as stated: the stored values and the manifest disagree"
