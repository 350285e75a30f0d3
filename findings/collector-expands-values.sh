#!/usr/bin/env bash
# The OpenTelemetry collector expands the *value* of ${env:TOKEN} once more, and an unset variable is an empty token.
#
# Guess:  a variable's value goes into the configuration as it is; a variable that is not set ends the start.
# Seen:   what the value holds is expanded as well: "a$$b" arrives as "a$b"; one dollar is left alone. Not set, the field is
#         empty and there is no error. Into a field without a type the value goes as YAML 1.1 says: 0123456 as the number
#         42798, "#x" and "~" as nothing; into a string field all of them arrive unharmed.
# Since:  go.opentelemetry.io/collector/confmap v1.71.0 and its envprovider.
# So:     a token with two dollars in it works by curl and not in the collector; check that the variable is set and what it
#         looks like before the pods are restarted, for none of them will fail at the start.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	go.opentelemetry.io/collector/confmap v1.71.0
	go.opentelemetry.io/collector/confmap/provider/envprovider v1.71.0
	go.opentelemetry.io/collector/confmap/provider/yamlprovider v1.71.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
)

func read(title string) {
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:              []string{"yaml:token: ${env:TOKEN}", "yaml:untyped: ${env:TOKEN}"},
		ProviderFactories: []confmap.ProviderFactory{envprovider.NewFactory(), yamlprovider.NewFactory()},
	})
	if err != nil {
		panic(err)
	}
	resolved, err := resolver.Resolve(context.Background())
	if err != nil {
		panic(err)
	}
	var configuration struct {
		Token   string `mapstructure:"token"`
		Untyped any    `mapstructure:"untyped"`
	}
	err = resolved.Unmarshal(&configuration)
	fmt.Printf("%s: string %q, untyped %#v, error %v\n", title, configuration.Token, configuration.Untyped, err)
}

func main() {
	for _, value := range []string{"a$b", "a$$b", "0123456", "#x", "~"} {
		os.Setenv("TOKEN", value)
		read(value)
	}
	os.Unsetenv("TOKEN")
	read("not set")
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
a$b: string "a$b", untyped "a$b", error <nil>
a$$b: string "a$b", untyped "a$b", error <nil>
0123456: string "0123456", untyped 42798, error <nil>
#x: string "#x", untyped <nil>, error <nil>
~: string "~", untyped <nil>, error <nil>
not set: string "", untyped <nil>, error <nil>
EXPECTED
echo "as stated: values are expanded, unset is empty"
