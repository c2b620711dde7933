// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"fmt"
	"strings"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// maxProof is how long one entry of evidence may be, in characters. An audit event takes 16 entries and says itself how many it
// had to leave out, so the entries that matter most come first.
const maxProof = 1024

// evidenceOf proves a removal: which key is destroyed, how much was removed and that nothing was found afterwards, and then
// every object with its versions, as far as there is room.
func evidenceOf(bucket string, keys []string, removed []objectstore.RemovedVersion, prefixes []string) []string {
	var evidence []string
	if len(keys) > 0 {
		evidence = append(evidence, "data key destroyed, wrapped by key "+strings.Join(keys, ", "))
	}
	markers := 0
	for _, version := range removed {
		if version.DeleteMarker {
			markers++
		}
	}
	places := strings.Join(prefixes, ", ")
	if len(removed) == 0 {
		return append(evidence, fmt.Sprintf("nothing was found in bucket %s under %s: either nothing was there, or an earlier try that was interrupted has removed it", bucket, places))
	}
	evidence = append(evidence, fmt.Sprintf("removed %d versions and %d delete markers from bucket %s; a listing of all versions afterwards found nothing under %s",
		len(removed)-markers, markers, bucket, places))
	return append(evidence, byObject(bucket, removed)...)
}

// byObject lists the versions of each object in one entry.
func byObject(bucket string, removed []objectstore.RemovedVersion) []string {
	var order []string
	versions := map[string][]string{}
	for _, version := range removed {
		if _, known := versions[version.Key]; !known {
			order = append(order, version.Key)
		}
		versions[version.Key] = append(versions[version.Key], nameOf(version))
	}
	var entries []string
	for _, key := range order {
		entries = append(entries, fit(fmt.Sprintf("removed %s/%s: ", bucket, key), versions[key]))
	}
	return entries
}

func nameOf(version objectstore.RemovedVersion) string {
	name := "version " + version.VersionID
	if version.VersionID == "" {
		name = "the object, of which the bucket keeps no versions"
	}
	if version.DeleteMarker {
		name = "delete marker " + version.VersionID
	}
	return name
}

// fit joins as many names as an entry has room for, and says how many it leaves out.
func fit(start string, names []string) string {
	const rest = len(", … and 1000000 more")
	text := start
	for i, name := range names {
		if i > 0 {
			name = ", " + name
		}
		if len(text)+len(name)+rest > maxProof {
			return text + fmt.Sprintf(", … and %d more", len(names)-i)
		}
		text += name
	}
	return text
}
