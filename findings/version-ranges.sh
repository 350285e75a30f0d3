#!/usr/bin/env bash
# "4.9.0-rc.1 fits >=4.8.0 <4.9.0": yes for OLM's library, no for Helm's; and "1.30.2-gke.100 fits >=1.25.0" likewise.
#
# Guess:  semantic versions are a standard; a range means the same to the tools of one installation.
# Seen:   the library behind OLM's skipRange and minKubeVersion takes plain precedence: a pre-release of 4.9.0 lies
#         below 4.9.0 and so within. The one behind a chart's kubeVersion and semverCompare excludes all
#         pre-releases unless the range itself names one (-0): a Kubernetes whose vendor appends -gke.100 fails
#         ">=1.25.0". The vendor that appends +abc passes. Two-part ranges and a leading v are fine for one and an
#         error for the other.
# Since:  github.com/blang/semver/v4 v4.0.0, github.com/Masterminds/semver/v3 v3.5.0.
# So:     compare major, minor, patch by hand where a cluster's version is meant, and say which reading is used.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	github.com/Masterminds/semver/v3 v3.5.0
	github.com/blang/semver/v4 v4.0.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	helm "github.com/Masterminds/semver/v3"
	olm "github.com/blang/semver/v4"
)

func main() {
	for _, pair := range [][2]string{
		{">=4.8.0 <4.9.0", "4.9.0-rc.1"}, {">=4.8.0", "4.9.0-rc.1"}, {">=1.25.0", "1.30.2-gke.100"},
		{">=1.25.0-0", "1.30.2-gke.100"}, {">=1.25.0", "1.30.2+abc"}, {">=4.8", "4.9.0"}, {">=4.8.0", "v4.9.0"},
	} {
		byHelm, byOlm := "error", "error"
		if constraint, err := helm.NewConstraint(pair[0]); err == nil {
			if version, err := helm.NewVersion(pair[1]); err == nil {
				byHelm = fmt.Sprint(constraint.Check(version))
			}
		}
		if within, err := olm.ParseRange(pair[0]); err == nil {
			if version, err := olm.Parse(pair[1]); err == nil {
				byOlm = fmt.Sprint(within(version))
			}
		}
		fmt.Printf("%s in %s: Helm's %s, OLM's %s\n", pair[1], pair[0], byHelm, byOlm)
	}
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
4.9.0-rc.1 in >=4.8.0 <4.9.0: Helm's false, OLM's true
4.9.0-rc.1 in >=4.8.0: Helm's false, OLM's true
1.30.2-gke.100 in >=1.25.0: Helm's false, OLM's true
1.30.2-gke.100 in >=1.25.0-0: Helm's true, OLM's true
1.30.2+abc in >=1.25.0: Helm's true, OLM's true
4.9.0 in >=4.8: Helm's true, OLM's error
v4.9.0 in >=4.8.0: Helm's true, OLM's error
EXPECTED
echo "as stated: the same range, two answers"
