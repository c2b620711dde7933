// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scale

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	applyv1alpha1 "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/testenv/measure"
)

// rawList is how long the API server takes to send all recordings once, to a client that throws them away.
func (s *scale) rawList() time.Duration {
	s.b.Helper()
	config := rest.CopyConfig(env.Config)
	config.GroupVersion, config.APIPath = &v1alpha1.SchemeGroupVersion, "/apis"
	config.NegotiatedSerializer = serializer.NewCodecFactory(kube.Scheme()).WithoutConversion()
	raw, err := rest.RESTClientFor(config)
	if err != nil {
		s.b.Fatal(err)
	}
	begun := time.Now()
	body, err := raw.Get().Resource("meetingrecordings").Param("resourceVersion", "0").Stream(s.b.Context())
	if err != nil {
		s.b.Fatal(err)
	}
	defer body.Close()
	size, err := io.Copy(io.Discard, body)
	if err != nil {
		s.b.Fatal(err)
	}
	took := time.Since(begun)
	measure.Say("     one list of all recordings: %d MiB in %v", size>>20, took.Round(time.Millisecond))
	return took
}

// rawWrites is how long it takes to write the status of one recording after the other, in ascending order and without a manager.
func (s *scale) rawWrites() []time.Duration {
	s.b.Helper()
	const n = 300
	s.make("alone", n, time.Now().Add(keep))
	defer s.unmake("alone", n)
	s.settle()
	var took []time.Duration
	for i := range n {
		begun := time.Now()
		if err := s.applyTrashed(s.b.Context(), "alone", i); err != nil {
			s.b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took
}

// rawTrash is how long the writes take that trashing n recordings consists of (the audit event, the status, the Event for people), with
// nothing decided or read between them, with many under way and no manager; and seen as the manager's are. They have to be as many as those
// that they are compared with: an API server that holds everything collects garbage once in more than a thousand of them, for seconds. They
// do not begin before a date, for a machine whose memory nobody has touched for minutes takes a third more CPU for the same writes.
func (s *scale) rawTrash(when string, n int, begin time.Time) time.Duration {
	s.b.Helper()
	s.make("raw", n, time.Now().Add(keep))
	defer s.unmake("raw", n) // what is written is not as a manager would, and one that starts after it would have work that is not measured
	s.settle()
	if rest := time.Until(begin); rest > 0 {
		pause(s.b.Context(), rest)
	}
	recorder := audit.NewRecorder(s.account, clock.RealClock{})
	record := func(ctx context.Context, i int, action v1alpha1.AuditAction) error {
		return recorder.Record(ctx, audit.Event{
			Namespace: namespaceOf(i), Action: action, Outcome: v1alpha1.OutcomeAllowed, Actor: audit.Controller("scale"),
			Recording: v1alpha1.AuditRecording{Name: fmt.Sprint("raw-", i), UID: "0b1c"}, Reason: "Scale",
		})
	}
	seen := s.observe("scale/kind=raw")
	defer seen.stop()
	s.profileAPI(when)
	used, begun := s.usage(), time.Now()
	s.inParallel(n, func(ctx context.Context, i int) error {
		for _, do := range []func() error{
			func() error { return record(ctx, i, v1alpha1.AuditExpired) },
			func() error { return s.applyTrashed(ctx, "raw", i) },
			func() error { return s.tell(ctx, "raw", i) },
		} {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	})
	seen.wait(s, n, time.Minute, isTrashed)
	took := time.Since(begun)
	s.sayUsage("the same writes by themselves", n, used)
	return took
}

// applyTrashed writes the status that the manager writes, with other dates.
func (s *scale) applyTrashed(ctx context.Context, kind string, i int) error {
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	status := s.template.Status.DeepCopy()
	status.TrashedAt, status.TrashCause, status.PurgeAt, status.ExpiresAt = now, v1alpha1.TrashCauseExpiry, metav1.NewTime(now.Add(30*day)), metav1.Time{}
	applied, err := kube.ApplyConfiguration[applyv1alpha1.MeetingRecordingStatusApplyConfiguration](status)
	if err != nil {
		return err
	}
	apply := applyv1alpha1.MeetingRecording(fmt.Sprint(kind, "-", i), namespaceOf(i)).WithStatus(applied)
	return s.account.Status().Apply(ctx, apply, client.FieldOwner(kube.FieldOwner), client.ForceOwnership)
}

// tell writes an Event such as people get when a recording goes to the trash.
func (s *scale) tell(ctx context.Context, kind string, i int) error {
	name, namespace := fmt.Sprint(kind, "-", i), namespaceOf(i)
	return s.account.Create(ctx, &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: namespace, GenerateName: name + "-"},
		EventTime:           metav1.NowMicro(),
		ReportingController: "scale", ReportingInstance: "scale", Action: "Reconcile", Reason: v1alpha1.ReasonTrashed, Type: corev1.EventTypeNormal,
		Regarding: corev1.ObjectReference{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "MeetingRecording", Namespace: namespace, Name: name},
		Note:      "In the trash until 2026-04-03T05:00:00Z, then it is deleted for good: set spec.state to Active to take it back",
	})
}
