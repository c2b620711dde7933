// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// deriveStatus says what findings mean for the status of a store. What could not be found out this time keeps its last
// value: capabilities and buckets while the server cannot be reached, and for ever the ID of the key that recordings are
// encrypted with.
func deriveStatus(store *v1alpha1.RecordingStore, found findings, now time.Time) v1alpha1.RecordingStoreStatus {
	status := store.Status.DeepCopy()
	status.ObservedGeneration = store.Generation
	if found.endpoint.verdict == good {
		status.Capabilities = found.capabilities
	}
	if found.keyset.verdict == good {
		status.KeyID = found.keyID
	}
	if found.buckets.verdict == good {
		status.Buckets = new(found.count)
	}
	if found.location.ID != "" {
		status.Location = found.location
	}
	if found.orphans != nil {
		status.Orphans = *found.orphans
	}
	wanted := []metav1.Condition{
		condition(v1alpha1.ConditionEndpointReachable, found.endpoint, "The endpoint takes the credentials and keeps what is written"),
		condition(v1alpha1.ConditionBucketsReady, found.buckets, bucketsWell(status.Capabilities)),
		condition(v1alpha1.ConditionKeysetReady, found.keyset, "The key-encryption keyset is there; back it up, it is every recording of the store"),
		readyCondition(found),
	}
	if len(store.Spec.S3.CORS.AllowedOrigins) > 0 {
		wanted = append(wanted, corsCondition(store, status.Capabilities))
	}
	if lone, are := consistentCondition(status.Orphans); are {
		wanted = append(wanted, lone)
	}
	if waits := found.unreadable; waits.Recordings > 0 {
		wanted = append(wanted, unreadableCondition(waits))
	}
	for i := range wanted {
		wanted[i].ObservedGeneration = store.Generation
		wanted[i] = settle(meta.FindStatusCondition(store.Status.Conditions, wanted[i].Type), wanted[i])
	}
	status.Conditions = kube.Transitions(store.Status.Conditions, wanted, now)
	return *status
}

func condition(kind string, f finding, allWell string) metav1.Condition {
	switch f.verdict {
	case good:
		return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable, Message: allWell}
	case bad:
		return metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: f.reason, Message: f.message}
	default:
		return metav1.Condition{Type: kind, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonPending, Message: "Not looked at: something else has to work first"}
	}
}

// bucketsWell says what the lack of conditional writes means where all is well.
func bucketsWell(seen []v1alpha1.StoreCapability) string {
	if len(seen) == 0 || slices.Contains(seen, v1alpha1.CapabilityConditionalWrites) {
		return "Every bucket is set up"
	}
	return "Every bucket is set up. The server has no conditional writes: nothing keeps another cluster from claiming the store in the same moment, which is noticed at the next look"
}

// unreadableCondition is there while deleted recordings wait for a key that is missing.
func unreadableCondition(waits Unreadable) metav1.Condition {
	return metav1.Condition{
		Type: v1alpha1.ConditionTrashReadable, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonKeyMissing,
		Message: fmt.Sprintf("%d deleted recordings are due and stay, %s for one: the keyset lacks the key that would tell whether they may go. "+
			"Restore the keyset's Secret from a backup that has it, or, if it is lost for good, remove their objects", waits.Recordings, waits.Example),
	}
}

// corsCondition does not concern readiness: without CORS, the gateway relays the bytes.
func corsCondition(store *v1alpha1.RecordingStore, seen []v1alpha1.StoreCapability) metav1.Condition {
	unable := finding{verdict: bad, reason: v1alpha1.ReasonNotSupported}
	switch {
	case stores.IsProvided(store):
		unable.message = "The bucket is its COSI driver's, who alone sets its CORS rules: have them set there, and leave spec.s3.cors away"
	case len(seen) == 0:
		unable = finding{}
	case !slices.Contains(seen, v1alpha1.CapabilityCORS):
		unable.message = "The server takes no CORS rules for buckets: set them in its own configuration, or in a proxy before it. Until then browsers get the bytes through the gateway"
	default:
		unable = finding{verdict: good}
	}
	return condition(v1alpha1.ConditionCORSReady, unable, "Browsers of the origins in spec.s3.cors may read from the buckets")
}

// readyCondition shows the first thing that is wrong, in the order in which somebody would mend it.
func readyCondition(found findings) metav1.Condition {
	all := []finding{found.endpoint, found.buckets, found.keyset}
	for _, verdict := range []verdict{bad, unknown} {
		if i := slices.IndexFunc(all, func(f finding) bool { return f.verdict == verdict }); i >= 0 {
			return condition(v1alpha1.ConditionReady, all[i], "")
		}
	}
	return condition(v1alpha1.ConditionReady, finding{verdict: good}, "The store can be used")
}

// settle keeps the message of a condition that says the same as before. What a server or the network said, in parentheses at
// the end, may hold port numbers or request IDs that differ at every try, and is no reason to write the status again.
func settle(current *metav1.Condition, wanted metav1.Condition) metav1.Condition {
	if current != nil && current.Status == wanted.Status && current.Reason == wanted.Reason && current.ObservedGeneration == wanted.ObservedGeneration {
		before, _, _ := strings.Cut(current.Message, " (")
		after, _, _ := strings.Cut(wanted.Message, " (")
		if before == after {
			wanted.Message = current.Message
		}
	}
	return wanted
}
