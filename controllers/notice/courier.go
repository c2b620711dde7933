// SPDX-License-Identifier: Apache-2.0

// Package notice tells people what concerns them, through the organisation's webhook: those who may answer a request that
// somebody waits for them, the requester what became of it, and the owners of a recording who downloads it.
//
// What has to be told follows from the objects alone, and what has been told is written on them: on a request in its condition
// Notified, on an AuditEvent in an annotation. A message goes out first and is written down then, so that it can go out
// twice and is never forgotten; its id is the same both times.
package notice

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/webhook"
)

// giveUpAfter is how old a notice may get: nobody wants to hear today what was to be answered yesterday.
const giveUpAfter = 24 * time.Hour

// The time between two tries of a notice: twice as long each time, from the first to the second.
const (
	firstPause   = 5 * time.Second
	longestPause = 15 * time.Minute
)

func pauses() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstPause, longestPause)
}

var sent = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "reelkeeper_notices_total",
	Help: "Messages to the organisation's webhook, by type and by result: Delivered, or Failed for a try that failed.",
}, []string{"type", "result"})

func init() { metrics.Registry.MustRegister(sent) }

// Courier takes messages to the organisation's webhook.
type Courier struct {
	// Secrets reads the Secret that says where the webhook is. It is read for every message: a change of it needs no restart.
	Secrets client.Reader
	// Secret is that Secret's name; see package webhook for its keys.
	Secret client.ObjectKey
	// Clock is the time that signatures bear.
	Clock clock.PassiveClock
}

// deliver returns nil when the webhook has taken the message. Its errors can be shown.
func (c *Courier) deliver(ctx context.Context, message webhook.Message) error {
	err := effect.Do(ctx, "notice: send a message to the webhook", func() error { return c.send(ctx, message) })
	result := "Delivered"
	if err != nil {
		result = "Failed"
	}
	sent.WithLabelValues(message.Type, result).Inc()
	return err
}

func (c *Courier) send(ctx context.Context, message webhook.Message) error {
	var secret corev1.Secret
	if err := c.Secrets.Get(ctx, c.Secret, &secret); err != nil {
		return fmt.Errorf("read Secret %s, which says where the webhook is: %w", c.Secret, err)
	}
	endpoint, err := webhook.ParseEndpoint(secret.Data)
	if err != nil {
		return fmt.Errorf("read Secret %s, which says where the webhook is: %w", c.Secret, err)
	}
	return endpoint.Send(ctx, message, c.Clock.Now())
}
