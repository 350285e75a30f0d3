#!/usr/bin/env bash
# `helm template --kube-version 1.37` renders for a cluster that still serves PodSecurityPolicies' API group.
#
# Guess:  the given version decides which APIs a chart finds in .Capabilities.APIVersions.
# Seen:   the list is that of the client library's compiled types, whatever the version: policy/v1beta1 (gone since
#         1.25), apiextensions.k8s.io/v1beta1 and batch/v1beta1 are there at 1.37, and nothing is of a cluster's
#         own (no route.openshift.io).
# Since:  helm.sh/helm/v3 v3.22.0.
# So:     charts that switch on `.Capabilities.APIVersions.Has "policy/v1beta1"` render objects a real cluster
#         refuses, and take OpenShift for plain Kubernetes. Pass every group with --api-versions, or render on the
#         server (--dry-run=server).
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

func main() {
	var template strings.Builder
	template.WriteString("version: {{ .Capabilities.KubeVersion.Version }}\n")
	for _, api := range []string{"policy/v1", "policy/v1beta1", "batch/v1beta1", "apiextensions.k8s.io/v1beta1", "autoscaling/v2beta2", "route.openshift.io/v1"} {
		fmt.Fprintf(&template, "%s: {{ .Capabilities.APIVersions.Has %q }}\n", api, api)
	}
	version, err := chartutil.ParseKubeVersion("1.37.2")
	if err != nil {
		panic(err)
	}
	render := action.NewInstall(&action.Configuration{
		Releases:     storage.Init(driver.NewMemory()),
		KubeClient:   &fake.PrintingKubeClient{Out: io.Discard},
		Capabilities: chartutil.DefaultCapabilities,
		Log:          func(string, ...any) {},
	})
	// What the command sets for `helm template`.
	render.DryRun, render.DryRunOption, render.ClientOnly, render.Replace = true, "client", true, true
	render.ReleaseName, render.KubeVersion = "demo", version
	release, err := render.Run(&chart.Chart{
		Metadata:  &chart.Metadata{APIVersion: "v2", Name: "demo", Version: "1.0.0"},
		Templates: []*chart.File{{Name: "templates/x.yaml", Data: []byte(template.String())}},
	}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Print(strings.SplitN(release.Manifest, "x.yaml\n", 2)[1])
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
version: v1.37.2
policy/v1: true
policy/v1beta1: true
batch/v1beta1: true
apiextensions.k8s.io/v1beta1: true
autoscaling/v2beta2: false
route.openshift.io/v1: false
EXPECTED
echo "as stated: the version given changes no API"
