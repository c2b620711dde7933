// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
)

// TryCounter counts wrong passwords of links, for all replicas together. Both methods return how long to wait where there were too many;
// then the try was none, and whether it was right must not be told.
type TryCounter interface {
	// Wrong counts a wrong password under the keys.
	Wrong(ctx context.Context, namespace, name string, now time.Time, keys ...string) (wait time.Duration, err error)
	// Right forgets the wrong passwords under the keys.
	Right(ctx context.Context, namespace, name string, now time.Time, keys ...string) (wait time.Duration, err error)
}

// NewTryCounter returns a TryCounter that keeps the counts in the grants' status. Its client must read from the API server, not from a
// cache: of tries that are made at several replicas at the same moment, each has to see those before it.
func NewTryCounter(direct client.Client) TryCounter { return &tryCounter{client: direct} }

type tryCounter struct{ client client.Client }

func (c *tryCounter) Wrong(ctx context.Context, namespace, name string, now time.Time, keys ...string) (time.Duration, error) {
	return c.count(ctx, namespace, name, now, keys, func(counts []throttle.Count) ([]throttle.Count, bool) {
		return throttle.Wrong(counts, now, keys...), true
	})
}

func (c *tryCounter) Right(ctx context.Context, namespace, name string, now time.Time, keys ...string) (time.Duration, error) {
	return c.count(ctx, namespace, name, now, keys, func(counts []throttle.Count) ([]throttle.Count, bool) {
		return throttle.Right(counts, now, keys...)
	})
}

// count counts a try in a grant, unless it has to wait.
func (c *tryCounter) count(
	ctx context.Context, namespace, name string, now time.Time, keys []string, counted func([]throttle.Count) (counts []throttle.Count, changed bool),
) (wait time.Duration, err error) {
	err = changeStatus(ctx, c.client, namespace, name, func(grant *v1alpha1.AccessGrant) bool {
		counts := countsOf(grant)
		if wait = throttle.Wait(counts, now, keys...); wait > 0 {
			return false
		}
		counts, changed := counted(counts)
		grant.Status.PasswordTries = triesOf(counts)
		return changed
	})
	if err != nil {
		return 0, fmt.Errorf("count a password for AccessGrant %s/%s: %w", namespace, name, err)
	}
	return wait, nil
}

func countsOf(grant *v1alpha1.AccessGrant) []throttle.Count {
	var counts []throttle.Count
	for _, tries := range grant.Status.PasswordTries {
		counts = append(counts, throttle.Count{Key: tries.By, Wrong: int(tries.Wrong), Last: tries.Last.Time})
	}
	return counts
}

func triesOf(counts []throttle.Count) []v1alpha1.PasswordTries {
	var tries []v1alpha1.PasswordTries
	for _, count := range counts {
		tries = append(tries, v1alpha1.PasswordTries{By: count.Key, Wrong: int32(min(count.Wrong, 1<<20)), Last: metav1.NewMicroTime(count.Last)})
	}
	return tries
}

// hidden are keys of tries as they may stand in a grant's status: whoever reads that, and has not the link, learns neither addresses nor people.
func hidden(token string, keys []string) []string {
	keys = slices.Clone(keys)
	for i := range keys {
		sum := hmac.New(sha256.New, []byte(token))
		sum.Write([]byte(keys[i]))
		keys[i] = base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:16])
	}
	return keys
}
