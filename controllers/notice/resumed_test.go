// SPDX-License-Identifier: Apache-2.0

//go:build unix

package notice

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// recorded is an AuditEvent of a download as the manager's cache has it.
type recorded struct {
	name     string
	action   v1alpha1.AuditAction
	outcome  v1alpha1.AuditOutcome
	download string
	resumed  bool
	at       time.Duration
}

func (r recorded) metadata() *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.Name = r.name
	object.CreationTimestamp = metav1.NewTime(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).Add(r.at))
	object.Labels = map[string]string{v1alpha1.LabelAuditAction: string(r.action), v1alpha1.LabelAuditOutcome: string(r.outcome)}
	object.Annotations = map[string]string{v1alpha1.AnnotationDownload: r.download}
	if r.resumed {
		object.Annotations[v1alpha1.AnnotationResumed] = "true"
	}
	return object
}

func TestContinues(t *testing.T) {
	const started, ended = v1alpha1.AuditDownloaded, v1alpha1.AuditDelivered
	const allowed, refused = v1alpha1.OutcomeAllowed, v1alpha1.OutcomeRefused
	part := recorded{"m", started, allowed, "one", true, time.Hour}
	cases := map[string]struct {
		earlier recorded
		want    bool
	}{
		"it started shortly before":                        {recorded{"a", started, allowed, "one", false, time.Hour - time.Minute}, true},
		"it started within the same second":                {recorded{"z", started, allowed, "one", false, time.Hour}, true},
		"a part, and another in the next window":           {recorded{"a", started, allowed, "one", true, time.Hour - 19*time.Minute}, true},
		"it broke off shortly before":                      {recorded{"a", ended, allowed, "one", false, time.Hour - 9*time.Minute}, true},
		"the first of two parts within a second":           {recorded{"a", started, allowed, "one", true, time.Hour}, true},
		"the second of two parts within a second":          {recorded{"z", started, allowed, "one", true, time.Hour}, false},
		"it is the same record":                            {part, false},
		"its own end, within the same second":              {recorded{"a", ended, allowed, "one", false, time.Hour}, false},
		"it started later":                                 {recorded{"a", started, allowed, "one", false, time.Hour + time.Second}, false},
		"it is too long ago":                               {recorded{"a", started, allowed, "one", false, time.Hour - 20*time.Minute}, false},
		"it was refused":                                   {recorded{"a", started, refused, "one", false, time.Hour - time.Minute}, false},
		"another session downloads the same recording too": {recorded{"a", started, allowed, "two", false, time.Hour - time.Minute}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := continues(part.metadata(), tc.earlier.metadata()); got != tc.want {
				t.Errorf("continues = %t, want %t", got, tc.want)
			}
		})
	}
}
