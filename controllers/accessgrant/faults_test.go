// SPDX-License-Identifier: Apache-2.0

//go:build unix

package accessgrant_test

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/accessgrant"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
)

func TestSecretOfSomebodyElseIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	theirs := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "replay-link"}, StringData: map[string]string{accessgrant.SecretToken: credentials.NewToken()}}
	f.Create(t, theirs)
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonSecretTaken)
	if secret := f.secret(); secret == nil || secret.UID != theirs.UID || f.grant.Status.TokenHash != "" {
		t.Error("the Secret of somebody else was replaced or used")
	}
	f.deleteSecret(theirs)
	f.expectGranted()
}

func TestSecretOfAnEarlierGrantIsReplaced(t *testing.T) {
	f := newFixture(t)
	earlier := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.namespace, Name: "replay-link", OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "reelkeeper.io/v1alpha1", Kind: "AccessGrant", Name: "replay", UID: "gone", Controller: new(true),
		}}},
		StringData: map[string]string{accessgrant.SecretToken: credentials.NewToken()},
	}
	f.Create(t, earlier)
	f.expectGranted()
	if f.secret().UID == earlier.UID {
		t.Error("the link of an earlier grant came back to life")
	}
}

func TestSecretThatSomebodyDeletedIsMadeAnew(t *testing.T) {
	f := newFixture(t)
	f.expectGranted()
	hash := f.grant.Status.TokenHash
	f.deleteSecret(f.secret())
	f.expectGranted()
	if f.grant.Status.TokenHash == hash || f.grant.Status.TokenHash != credentials.HashToken(string(f.secret().Data[accessgrant.SecretToken])) {
		t.Error("the status does not know the new link")
	}
}

func TestCrashAfterTheRecordLeavesOneSecretAndOneRecord(t *testing.T) {
	f := newFixture(t, func(f *fixture) { f.grant.Spec.Password = v1alpha1.PasswordGenerate })
	f.crash = errors.New("killed")
	for range 3 {
		if _, err := f.try(); !errors.Is(err, f.crash) {
			t.Fatalf("Reconcile = %v, want the crash", err)
		}
		f.clock.Step(time.Second)
	}
	f.Get(t, f.grant)
	if f.grant.Status.TokenHash != "" {
		t.Error("R30: the grant counts although its record may not have been written")
	}
	minted := f.secret()
	f.crash = nil
	f.expectGranted()
	if f.secret().UID != minted.UID {
		t.Error("another link was made")
	}
	if !credentials.VerifyPassword(f.grant.Status.PasswordHash, string(minted.Data[accessgrant.SecretPassword])) {
		t.Error("the hash was not made from the Secret")
	}
	f.expectFacts("Granted Allowed Granted")

	f.crash = errors.New("killed")
	f.clock.Step(time.Hour)
	for range 2 {
		if _, err := f.try(); !errors.Is(err, f.crash) {
			t.Fatalf("Reconcile = %v, want the crash", err)
		}
	}
	f.crash = nil
	f.expect(metav1.ConditionFalse, v1alpha1.ReasonExpired)
	f.expectFacts("Granted Allowed Granted", "Revoked Allowed Expired")
}

func TestR30GrantDoesNotCountWithoutItsRecord(t *testing.T) {
	f := newFixture(t)
	refused := errors.New("the API server takes no records")
	f.reconciler.Recorder = recorderFunc(func(context.Context, audit.Event) error { return refused })
	if _, err := f.try(); !errors.Is(err, refused) {
		t.Fatalf("Reconcile = %v, want the recorder's error", err)
	}
	f.Get(t, f.grant)
	if meta.IsStatusConditionTrue(f.grant.Status.Conditions, v1alpha1.ConditionReady) || f.grant.Status.TokenHash != "" {
		t.Error("the grant counts without its record")
	}
}

type recorderFunc func(context.Context, audit.Event) error

func (r recorderFunc) Record(ctx context.Context, event audit.Event) error { return r(ctx, event) }
