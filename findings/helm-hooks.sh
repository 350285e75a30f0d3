#!/usr/bin/env bash
# Helm runs hooks of one weight by name, whatever their kind, and `helm.sh/resource-policy: keep` does not keep them.
#
# Guess:  as the documentation says: by weight, then kind, then name, so that a ConfigMap and a ServiceAccount exist
#         before the Job that uses them; and an object marked "keep" is never deleted by Helm.
# Seen:   Job a-migrate runs before ConfigMap b-settings and ServiceAccount c-account of the same weight: the last
#         sort is by name alone. Every hook without a delete policy is deleted before it is made, "keep" or not, at
#         each upgrade: for a moment the Secret is gone, and the new one is another object. Any delete policy, even
#         an unknown word such as "never", switches that off (the next create then meets the old object).
# Since:  helm.sh/helm/v3 v3.22.0.
# So:     weights, not kinds, decide the order; Secrets that are hooks change identity on upgrade, so remember their
#         uid and data before, and look whether they are back afterwards.
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
	"bytes"
	"fmt"
	"io"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/kube/fake"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/cli-runtime/pkg/resource"
	"sigs.k8s.io/yaml"
)

// A cluster that tells what it is asked.
type cluster struct{ fake.PrintingKubeClient }

func (c *cluster) Build(manifest io.Reader, _ bool) (kube.ResourceList, error) {
	text, err := io.ReadAll(manifest)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return nil, err
	}
	var object struct {
		Kind     string
		Metadata struct{ Name string }
	}
	err = yaml.Unmarshal(text, &object)
	return kube.ResourceList{&resource.Info{Name: object.Kind + " " + object.Metadata.Name}}, err
}

func (c *cluster) Create(list kube.ResourceList) (*kube.Result, error) {
	fmt.Println("create", list[0].Name)
	return &kube.Result{Created: list}, nil
}

func (c *cluster) Delete(list kube.ResourceList) (*kube.Result, []error) {
	fmt.Println("delete", list[0].Name)
	return &kube.Result{Deleted: list}, nil
}

func hook(kind, name, annotation string) *chart.File {
	text := fmt.Sprintf("apiVersion: v1\nkind: %s\nmetadata:\n  name: %s\n  annotations:\n    helm.sh/hook: pre-install\n%s", kind, name, annotation)
	return &chart.File{Name: "templates/" + name + ".yaml", Data: []byte(text)}
}

func main() {
	installation := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: "v2", Name: "demo", Version: "1.0.0"},
		Templates: []*chart.File{
			hook("Job", "a-migrate", ""),
			hook("ConfigMap", "b-settings", ""),
			hook("ServiceAccount", "c-account", ""),
			hook("Secret", "d-keep", "    helm.sh/resource-policy: keep\n"),
			hook("Secret", "e-never", "    helm.sh/hook-delete-policy: never\n"),
		},
	}
	configuration := &action.Configuration{
		Releases:     storage.Init(driver.NewMemory()),
		KubeClient:   &cluster{fake.PrintingKubeClient{Out: io.Discard}},
		Capabilities: chartutil.DefaultCapabilities,
		Log:          func(string, ...any) {},
	}
	install := action.NewInstall(configuration)
	install.ReleaseName, install.Namespace = "demo", "demo"
	if _, err := install.Run(installation, nil); err != nil {
		panic(err)
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
delete Job a-migrate
create Job a-migrate
delete ConfigMap b-settings
create ConfigMap b-settings
delete ServiceAccount c-account
create ServiceAccount c-account
delete Secret d-keep
create Secret d-keep
create Secret e-never
EXPECTED
echo "as stated: by name, and each one deleted first"
