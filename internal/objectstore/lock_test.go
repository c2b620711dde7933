// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

func TestR27ProtectLocksTheVersionAndLiftsWhatCanBeLifted(t *testing.T) {
	t.Parallel()
	client := connect(t, versioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{ObjectLock: objectstore.LockCompliance})
	now := clock.RealClock{}.Now()
	soon, later := now.Add(time.Hour).UTC().Truncate(time.Second), now.Add(2*time.Hour).UTC().Truncate(time.Second)
	governance := func(until time.Time) objectstore.Protection {
		return objectstore.Protection{Mode: objectstore.LockGovernance, Until: until}
	}
	compliance := func(until time.Time) objectstore.Protection {
		return objectstore.Protection{Mode: objectstore.LockCompliance, Until: until}
	}
	held := func(p objectstore.Protection) objectstore.Protection { p.LegalHold = true; return p }
	nothing := objectstore.Protection{}
	cases := map[string]struct {
		before, wanted objectstore.Protection
		wantReason     objectstore.ErrorReason
		want           objectstore.Protection // where it is not what is wanted
	}{
		"a retention is laid":                          {nothing, governance(soon), "", nothing},
		"it is extended":                               {governance(soon), governance(later), "", nothing},
		"it is made stricter":                          {governance(soon), compliance(soon), "", nothing},
		"Compliance is extended":                       {compliance(soon), compliance(later), "", nothing},
		"a legal hold is laid":                         {nothing, held(governance(soon)), "", nothing},
		"a legal hold is laid beside a retention":      {compliance(soon), held(compliance(soon)), "", nothing},
		"a legal hold is lifted with its retention":    {held(governance(later)), nothing, "", nothing},
		"a legal hold is lifted, the retention stays":  {held(governance(later)), governance(soon), "", nothing},
		"what is as wanted stays":                      {held(governance(soon)), held(governance(soon)), "", nothing},
		"Compliance is not shortened":                  {compliance(later), compliance(soon), objectstore.ReasonLocked, compliance(later)},
		"Compliance is not lifted":                     {compliance(soon), nothing, objectstore.ReasonLocked, compliance(soon)},
		"Compliance does not become Governance":        {compliance(soon), governance(soon), objectstore.ReasonLocked, compliance(soon)},
		"a retention in the past is as good as none":   {nothing, governance(now.Add(-time.Hour)), "", nothing},
		"a legal hold over Compliance is lifted alone": {held(compliance(soon)), compliance(soon), "", nothing},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := "media/" + name
			put(t, client, bucket, key, "locked")
			if got, err := client.Protect(t.Context(), bucket, key, tc.before, now); err != nil || got != tc.before {
				t.Fatalf("before: %s, %v", got, err)
			}
			got, err := client.Protect(t.Context(), bucket, key, tc.wanted, now)
			wantReason(t, err, tc.wantReason)
			want := tc.wanted.At(now)
			if tc.wantReason != "" {
				want = tc.want
			}
			read, _, err := client.Protection(t.Context(), bucket, key)
			// A retention that is lifted may take some seconds to end, from when it was lifted.
			ended := clock.RealClock{}.Now().Add(10 * time.Second)
			if err != nil || got != want || read.At(ended) != want {
				t.Errorf("Protect says %s, the version has %s, want %s; %v", got, read, want, err)
			}
			if want == nothing {
				return
			}
			_, err = client.DeleteAllVersions(t.Context(), bucket, key)
			wantReason(t, err, objectstore.ReasonLocked)
			if until := objectstore.LockedUntil(err); !until.Equal(want.Until) {
				t.Errorf("the refusal says until %s, want %s", until, want.Until)
			}
		})
	}
}

func TestProtectSaysSoWhereABucketLocksNothing(t *testing.T) {
	t.Parallel()
	now := clock.RealClock{}.Now()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			put(t, client, bucket, "a", "1")
			got, err := client.Protect(t.Context(), bucket, "a", objectstore.Protection{Mode: objectstore.LockGovernance, Until: now.Add(time.Hour)}, now)
			wantReason(t, err, objectstore.ReasonObjectLockUnsupported)
			if got != (objectstore.Protection{}) {
				t.Errorf("protected by %s", got)
			}
			if got, err := client.Protect(t.Context(), bucket, "a", objectstore.Protection{}, now); err != nil || got != (objectstore.Protection{}) {
				t.Errorf("nothing asked, and nothing there: %s, %v", got, err)
			}
		})
	}
}

// That is why a hold always comes with a retention ahead of now: this server deletes a version under a legal hold once its
// retention has ended, and refuses to before.
func TestALegalHoldDoesNotOutliveItsRetentionEverywhere(t *testing.T) {
	t.Parallel()
	client := connect(t, versioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{ObjectLock: objectstore.LockGovernance})
	put(t, client, bucket, "held", "evidence")
	now := clock.RealClock{}.Now()
	held := objectstore.Protection{Mode: objectstore.LockGovernance, Until: now.Add(2 * time.Second), LegalHold: true}
	if _, err := client.Protect(t.Context(), bucket, "held", held, now); err != nil {
		t.Fatal(err)
	}
	refused := 0
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := client.DeleteAllVersions(ctx, bucket, "held")
		if objectstore.Reason(err) == objectstore.ReasonLocked {
			refused++
			return false, nil
		}
		return true, err
	})
	if err != nil || refused == 0 {
		t.Errorf("refused %d times, then %v", refused, err)
	}
}
