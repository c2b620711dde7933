// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// shortLife makes the recording expire in seconds: a rule for everything in the namespace that says demo=short.
const shortLife = `apiVersion: reelkeeper.io/v1alpha1
kind: RecordingPolicy
metadata:
  name: short-life
  namespace: finance
spec:
  selector:
    matchLabels:
      reelkeeper.io/sensitivity: high
      demo: short
  profile: Restricted
  retention:
    expireAfter: 5s
    trashFor: 15s
`

func (s *story) expire(ctx context.Context) error {
	s.say("A policy with a short retention; it applies to what exists, as soon as it matches.\n%s", shortLife)
	if _, err := s.stage.KubectlInput(ctx, shortLife, "apply", "-f", "-"); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "label", "mrec", recording, "-n", namespace, "demo=short"); err != nil {
		return err
	}
	r, err := s.reaches(ctx, v1alpha1.ReasonTrashed)
	if !s.claim("it goes to the trash by itself", err) {
		return err
	}
	s.claim("not before its time", notBefore(r.Status.TrashedAt.Time, r.Status.AvailableAt.Add(5*time.Second)))
	s.claim("it says when it is gone for good: the policy's 15 seconds later",
		wantSpan("purgeAt", r.Status.TrashedAt.Time, r.Status.PurgeAt.Time, 15*time.Second))
	s.claim("the log has: Expired", s.eventuallyLogged(ctx, v1alpha1.AuditExpired))
	carol, err := signIn(ctx, s.stage.URL, "carol@example.com")
	if err != nil {
		return err
	}
	_, err = carol.play(ctx)
	s.claim("nobody can watch what is in the trash", wantError(err))
	return nil
}

func (s *story) restore(ctx context.Context) error {
	before := time.Now()
	if err := s.kubectl(ctx, "label", "mrec", recording, "-n", namespace, "demo-"); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "patch", "mrec", recording, "-n", namespace, "--type=merge", "-p", `{"spec":{"state":"Active"}}`); err != nil {
		return err
	}
	r, err := s.reaches(ctx, v1alpha1.ReasonAvailable)
	if !s.claim("it is available again", err) {
		return err
	}
	s.claim("its clock runs anew", notBefore(r.Status.AvailableAt.Time, before.Truncate(time.Second)))
	s.claim("the log has: Restored", s.eventuallyLogged(ctx, v1alpha1.AuditRestored))
	carol, err := signIn(ctx, s.stage.URL, "carol@example.com")
	if err != nil {
		return err
	}
	session, err := carol.play(ctx)
	if err != nil {
		return err
	}
	got, err := s.fetchSession(ctx, carol, session)
	if err != nil {
		return err
	}
	s.claim("and plays as before", aVideo(ctx, decrypt(got["key"], got["media"])))
	return nil
}

func (s *story) purge(ctx context.Context) error {
	var r v1alpha1.MeetingRecording
	if err := s.get(ctx, recording, &r); err != nil {
		return err
	}
	bucket := r.Status.Storage.Bucket
	if err := s.kubectl(ctx, "label", "mrec", recording, "-n", namespace, "demo=short"); err != nil {
		return err
	}
	if err := s.kubectl(ctx, "patch", "mrec", recording, "-n", namespace, "--type=merge", "-p", `{"spec":{"state":"Trashed"}}`); err != nil {
		return err
	}
	trashed, err := s.reaches(ctx, v1alpha1.ReasonTrashed)
	if err != nil {
		return err
	}
	s.say("In the trash until %s.", trashed.Status.PurgeAt.Format(time.TimeOnly))
	err = until(ctx, "the object is gone", patience, func() (bool, error) {
		err := s.get(ctx, recording, &r)
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if !s.claim("when its time is over, the recording is gone from Kubernetes", err) {
		return err
	}
	s.claim("not before its time", notBefore(time.Now(), trashed.Status.PurgeAt.Time))
	left, err := s.bucket.Versions(ctx, bucket, "")
	if err != nil {
		return err
	}
	left = slices.DeleteFunc(left, func(version objectstore.RemovedVersion) bool {
		return version.Key == objectstore.MarkerKey || version.Key == objectstore.ClaimKey
	})
	s.claim("the bucket holds nothing of it: neither media nor key, in no version", wantCount(len(left), 0))
	s.claim("the log has: Purged", s.eventuallyLogged(ctx, v1alpha1.AuditPurged))
	if err := s.kubectl(ctx, "get", "auditevents", "-n", namespace, "--field-selector=spec.action=Purged",
		"-o=custom-columns=ACTION:.spec.action,RECORDING:.spec.recording.name,EVIDENCE:.spec.evidence"); err != nil {
		return err
	}
	return s.goneForPeople(ctx)
}

func (s *story) goneForPeople(ctx context.Context) error {
	carol, err := signIn(ctx, s.stage.URL, "carol@example.com")
	if err != nil {
		return err
	}
	page, err := carol.get(ctx, "/r/"+path)
	s.claim("its page is the page of a recording that never was", errors.Join(err, page.want(http.StatusNotFound)))
	return nil
}

// reaches waits until the recording is in a state, and returns it as it then was.
func (s *story) reaches(ctx context.Context, state string) (*v1alpha1.MeetingRecording, error) {
	var r v1alpha1.MeetingRecording
	err := until(ctx, "the state "+state, time.Minute, func() (bool, error) {
		err := s.get(ctx, recording, &r)
		return reason(&r) == state, err
	})
	return &r, err
}

func (s *story) eventuallyLogged(ctx context.Context, action v1alpha1.AuditAction) error {
	return until(ctx, "the audit event", time.Minute, func() (bool, error) {
		return s.logged(ctx, fact{action, v1alpha1.OutcomeAllowed, ""}) == nil, nil
	})
}

func notBefore(got, earliest time.Time) error {
	if got.Before(earliest) {
		return fmt.Errorf("it was at %s, before %s", got.Format(time.TimeOnly), earliest.Format(time.TimeOnly))
	}
	return nil
}

func wantError(err error) error {
	if err == nil {
		return errors.New("it was allowed")
	}
	return nil
}
