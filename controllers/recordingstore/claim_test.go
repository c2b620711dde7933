// SPDX-License-Identifier: Apache-2.0

//go:build unix

package recordingstore_test

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

func TestR27AStoreOfAnotherClusterIsNotUsed(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	bucket := f.store.Spec.Buckets.Name
	if _, err := f.owner().EnsureBucket(t.Context(), bucket, objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	claim := `{"version":1,"id":"theirs","cluster":"another"}`
	if _, err := f.owner().Put(t.Context(), bucket, objectstore.ClaimKey, strings.NewReader(claim), int64(len(claim)), objectstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	f.expect(v1alpha1.ConditionBucketsReady, metav1.ConditionFalse, v1alpha1.ReasonClaimedElsewhere)
	message := f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonClaimedElsewhere)
	if !strings.Contains(message, "UID another") || !strings.Contains(message, "reelkeeper.io/take-over=theirs") {
		t.Errorf("the message does not say whose it is and what to do: %s", message)
	}
	if err := f.open(); stores.Reason(err) != v1alpha1.ReasonClaimedElsewhere {
		t.Errorf("the store opens with %v", err)
	}
	if err := f.Admin.Get(t.Context(), client.ObjectKeyFromObject(f.keysetSecret()), f.keysetSecret()); !apierrors.IsNotFound(err) {
		t.Errorf("a keyset was made, which would be in the way of the right one: %v", err)
	}
	if written, err := f.owner().Versions(t.Context(), bucket, ""); err != nil || len(written) != 1 {
		t.Errorf("in the bucket are %v, %v", written, err)
	}
	f.expectRest()

	f.Update(t, f.store, func() { f.store.Annotations = map[string]string{v1alpha1.AnnotationTakeOver: "theirs"} })
	f.expectReady()
	if err := f.open(); err != nil {
		t.Errorf("taken over, the store opens with %v", err)
	}
	f.expectRest()
	f.restart()
	f.expectReady()
}
