#!/usr/bin/env bash
# Quantities: 10E is worth 0 as a number, 1E and 1E3 differ by fifteen zeros, and what prints alike is not equal.
#
# Guess:  `Value()` gives the number (capped where it does not fit), a suffix is a suffix, and two quantities that
#         are equal compare equal.
# Seen:   `10E` parses, prints as 10E and has the Value 0; 100Ei is cut to 2^63-1 as text and its MilliValue is
#         -1000. `1E` is an exa, `1E3` a thousand, `1K` an error (only `1k`), `1Ki` fine. 0.1n becomes 1n: rounded
#         away from zero. 1e3 and 1k print differently and are not == as structs; Cmp says equal.
# Since:  k8s.io/apimachinery v0.37.2.
# So:     compare by Cmp, never by text or by ==; take a zero or negative Value for "does not fit", and check the
#         size of a volume before doing sums with it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require k8s.io/apimachinery v0.37.2
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
)

func main() {
	for _, text := range []string{"9E", "10E", "100Ei", "1E", "1E3", "1k", "1K", "0.1n", "5.", ".5"} {
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			fmt.Println(text, "refused")
			continue
		}
		fmt.Println(text, "is", quantity.String(), "value", quantity.Value(), "milli", quantity.MilliValue())
	}
	one, other := resource.MustParse("1e3"), resource.MustParse("1k")
	fmt.Println("text", one.String() == other.String(), "struct", one == other, "Cmp", one.Cmp(other))
}
GO
GOFLAGS=-mod=mod go run . > seen
diff - seen <<'EXPECTED' || { echo "it behaves differently now" >&2; exit 1; }
9E is 9E value 9000000000000000000 milli 0
10E is 10E value 0 milli 0
100Ei is 9223372036854775807 value 9223372036854775807 milli -1000
1E is 1E value 1000000000000000000 milli 0
1E3 is 1E3 value 1000 milli 1000000
1k is 1k value 1000 milli 1000000
1K refused
0.1n is 1n value 1 milli 1
5. is 5. value 5 milli 5000
.5 is 500m value 1 milli 500
text false struct false Cmp 0
EXPECTED
echo "as stated: large quantities lose their value silently"
