// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

// Duration is a length of time as people say it: days, hours, minutes and seconds in that order, such as 90d, 12h30m
// or 45s. A day is 24 hours; a month or a year has no fixed length and cannot be said.
//
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=24
// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}d)?([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,8}s)?$')",message="write days, hours, minutes and seconds in that order, such as 90d or 12h30m"
type Duration string

// DurationOrNever is a Duration, or Never for no end.
//
// +kubebuilder:validation:MinLength=2
// +kubebuilder:validation:MaxLength=24
// +kubebuilder:validation:XValidation:rule="self.matches('^(Never|([0-9]{1,5}d)?([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,8}s)?)$')",message="write days, hours, minutes and seconds in that order, such as 90d or 12h30m, or Never"
type DurationOrNever string

// Never is the DurationOrNever that has no end.
const Never DurationOrNever = "Never"

// Forever is what Never parses to: longer than any date that a Kubernetes object can hold.
const Forever = time.Duration(math.MaxInt64)

var durationPattern = regexp.MustCompile(`^(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,8})s)?$`)

// Parse returns the length of d; Forever for one that is longer than the 292 years that a time.Duration can hold. It
// fails for text that the schema would have refused.
func (d Duration) Parse() (time.Duration, error) {
	groups := durationPattern.FindStringSubmatch(string(d))
	if d == "" || groups == nil {
		return 0, fmt.Errorf("%q is not a duration: write days, hours, minutes and seconds in that order, such as 90d or 12h30m", string(d))
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if groups[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(groups[i+1])
		if err != nil {
			return 0, err
		}
		if total += time.Duration(n) * unit; total < 0 {
			return Forever, nil
		}
	}
	return total, nil
}

// Parse returns the length of d, Forever for Never.
func (d DurationOrNever) Parse() (time.Duration, error) {
	if d == Never {
		return Forever, nil
	}
	return Duration(d).Parse()
}
