#!/usr/bin/env bash
# `helm rollback` without a number goes back to the revision before, also when that one failed.
#
# Guess:  it returns to the last revision that worked.
# Seen:   it takes the newest number minus one. After two failed upgrades that is the first failed one: it is put
#         in place again and recorded as "deployed". And an upgrade after a failed *installation* is an upgrade:
#         .Release.IsInstall is false, so whatever the chart generates at installation only (authorities, passwords)
#         is never made, with exit 0.
# Since:  helm.sh/helm/v3 v3.22.0.
# So:     give `helm rollback` the number from one's own record; uninstall a failed installation before trying again.
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
	"errors"
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

var demo = &chart.Chart{
	Metadata:  &chart.Metadata{APIVersion: "v2", Name: "demo", Version: "1.0.0"},
	Templates: []*chart.File{{Name: "templates/x.yaml", Data: []byte("installs: {{ .Release.IsInstall }}\n")}},
}

func start() (*action.Configuration, *fake.FailingKubeClient) {
	cluster := &fake.FailingKubeClient{PrintingKubeClient: fake.PrintingKubeClient{Out: io.Discard}}
	return &action.Configuration{
		Releases:     storage.Init(driver.NewMemory()),
		KubeClient:   cluster,
		Capabilities: chartutil.DefaultCapabilities,
		Log:          func(string, ...any) {},
	}, cluster
}

func install(configuration *action.Configuration) error {
	command := action.NewInstall(configuration)
	command.ReleaseName, command.Namespace, command.Wait = "demo", "demo", true
	_, err := command.Run(demo, map[string]any{"image": 1})
	return err
}

func main() {
	configuration, cluster := start()
	if err := install(configuration); err != nil {
		panic(err)
	}
	cluster.WaitError = errors.New("not ready")
	for image := 2; image <= 3; image++ {
		command := action.NewUpgrade(configuration)
		command.Wait = true
		_, err := command.Run("demo", demo, map[string]any{"image": image})
		fmt.Println("upgrade to image", image, "fails:", err != nil)
	}
	cluster.WaitError = nil
	if err := action.NewRollback(configuration).Run("demo"); err != nil {
		panic(err)
	}
	history, err := configuration.Releases.History("demo")
	if err != nil {
		panic(err)
	}
	for _, release := range history {
		fmt.Println("revision", release.Version, "image", release.Config["image"], release.Info.Status)
	}

	configuration, cluster = start()
	cluster.WaitError = errors.New("not ready")
	fmt.Println("installation fails:", install(configuration) != nil)
	cluster.WaitError = nil
	release, err := action.NewUpgrade(configuration).Run("demo", demo, nil)
	if err != nil {
		panic(err)
	}
	lines := strings.Split(strings.TrimSpace(release.Manifest), "\n")
	fmt.Println("then an upgrade", lines[len(lines)-1])
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
upgrade to image 2 fails: true
upgrade to image 3 fails: true
revision 1 image 1 superseded
revision 2 image 2 failed
revision 3 image 3 failed
revision 4 image 2 deployed
installation fails: true
then an upgrade installs: false
EXPECTED
echo "as stated: back to a failed revision, which is then called deployed"
