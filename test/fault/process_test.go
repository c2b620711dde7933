// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/controllers/accessgrant"
	"github.com/reelkeeper/reelkeeper/controllers/accessrequest"
	"github.com/reelkeeper/reelkeeper/controllers/auditevent"
	"github.com/reelkeeper/reelkeeper/controllers/keyrotation"
	"github.com/reelkeeper/reelkeeper/controllers/meetingrecording"
	guarding "github.com/reelkeeper/reelkeeper/controllers/purgeguard"
	"github.com/reelkeeper/reelkeeper/controllers/recordingpolicy"
	"github.com/reelkeeper/reelkeeper/controllers/recordingstore"
	"github.com/reelkeeper/reelkeeper/controllers/scrub"
	"github.com/reelkeeper/reelkeeper/controllers/trash"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/pace"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// part is one controller of the process.
type part struct {
	name string
	pass func(ctx context.Context) (time.Duration, error)
}

// process makes the controllers as the program does.
func (w *world) process(ctx context.Context, direct client.Client) ([]part, error) {
	policies, err := governance.NewPolicies(ctx, cacheOfView{view: w.view})
	if err != nil {
		return nil, err
	}
	ledger := &quota.Ledger{}
	resolver, people := stores.NewResolver(w.view, operatorNamespace), &events.FakeRecorder{}
	recorder, rules := audit.NewRecorder(direct, w.clock), governance.Reader{Client: w.view, Policies: policies}
	claims, guard := &archive.Claims{}, purgeguard.New(w.view, w.view, w.clock)
	sweeper := trash.NewSweeper(trash.Options{
		Reader: w.view, Direct: direct, Governance: rules, Guard: guard, Claims: claims, Stores: resolver, Audit: recorder, Clock: w.clock, OperatorNamespace: operatorNamespace,
	})
	sweeps := &alarm{sweep: sweeper.Sweep, clock: w.clock}
	recordings := meetingrecording.New(meetingrecording.Options{
		Client: w.view, Direct: direct, Cards: w.view, Stores: resolver, Governance: rules, Audit: recorder, Tombstones: sweeps, Claims: claims, PurgeGuard: guard,
		Ledger: ledger, Events: people, Clock: w.clock,
		OperatorNamespace: operatorNamespace, WorkerImage: "reelkeeper:test", GatewayURL: "https://recordings.example.com",
	})
	asked, grants := deadline.New[reconcile.Request](w.clock), deadline.New[reconcile.Request](w.clock)
	scrubs := &scrub.Reconciler{Client: w.view, Cards: w.view, Direct: direct, Stores: resolver, Doubt: recordings.Doubt, Events: people, Clock: w.clock}
	own := func(name string) client.ObjectKey { return client.ObjectKey{Namespace: w.namespace, Name: name} }
	all := []part{
		{"store", passes(&recordingstore.Reconciler{Client: w.view, Cards: w.view, Stores: resolver, Ledger: ledger, Events: people, Clock: w.clock}, client.ObjectKey{Name: w.namespace})},
		{"keys", passes(&keyrotation.Reconciler{
			Client: w.view, Direct: direct, Stores: resolver, OperatorNamespace: operatorNamespace, Audit: recorder,
			Pace: pace.New(clock.RealClock{}, unhurried), Events: people, Clock: w.clock,
		}, client.ObjectKey{Name: w.namespace})},
		{"policy", passes(&recordingpolicy.Reconciler{Client: w.view, Cards: w.view, Policies: policies, Clock: w.clock}, client.ObjectKey{})},
		// Before that of recordings, which it wakes in the program.
		{"aftermath", passes(reconcile.Func(scrubs.Aftermath), client.ObjectKey{Name: w.namespace})},
		{"recording", passes(recordings, own(recordingName))},
		{"trash", sweeps.pass},
		// After those that ask the guard, which wake it in the program.
		{"guard", passes(&guarding.Reconciler{Client: w.view, Guard: guard, Released: sweeps.Note, Events: people, Clock: w.clock}, client.ObjectKey{Name: w.namespace})},
		{"scrub", passes(scrubs, client.ObjectKey{Name: w.namespace})},
		{"request", func(ctx context.Context) (time.Duration, error) {
			return w.wakes(asked, &accessrequest.Reconciler{
				Client: w.view, Direct: direct, Governance: rules, Recorder: recorder, Events: people, Clock: w.clock, Dates: asked,
			})(ctx, own(requestName))
		}},
		{"grant", w.eachGrant(w.wakes(grants, &accessgrant.Reconciler{
			Client: w.view, Direct: direct, Governance: rules, Recorder: recorder, GatewayURL: "https://recordings.example.com", Deadlines: grants, Events: people, Clock: w.clock,
		}))},
		{"audit", passes(&auditevent.Reconciler{Client: w.view, Window: auditevent.Window{MaxAge: 400 * day, MaxCount: auditCount}, Clock: w.clock}, client.ObjectKey{Name: w.namespace})},
	}
	var running []part
	for _, p := range all {
		if p.name == "recording" || w.with[p.name] {
			running = append(running, p)
		}
	}
	return running, nil
}

// unhurried is a pace that no plan reaches, in manifests per second.
const unhurried = 1e6

// auditCount is how many AuditEvents a namespace keeps where the life is about that.
const auditCount = 2

func passes(reconciler reconcile.Reconciler, key client.ObjectKey) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (time.Duration, error) {
		result, err := reconciler.Reconcile(ctx, reconcile.Request{NamespacedName: key})
		return result.RequeueAfter, err
	}
}

// wakes makes a pass tell of the date that the controller has put into its queue as well.
func (w *world) wakes(dates *deadline.Queue[reconcile.Request], reconciler reconcile.Reconciler) func(context.Context, client.ObjectKey) (time.Duration, error) {
	return func(ctx context.Context, key client.ObjectKey) (time.Duration, error) {
		look, err := passes(reconciler, key)(ctx)
		if at := dates.At(reconcile.Request{NamespacedName: key}); !at.IsZero() {
			if rest := max(at.Sub(w.clock.Now()), time.Millisecond); look == 0 || rest < look {
				look = rest
			}
		}
		return look, err
	}
}

// alarm wakes the sweeper as its own Start does: at first, when it has said, and when a tombstone's date is noted that is earlier.
type alarm struct {
	sweep func(context.Context) (time.Time, error)
	clock clock.PassiveClock
	next  time.Time
}

// Note tells of the date on a tombstone.
func (a *alarm) Note(purgeAt time.Time) {
	if purgeAt.Before(a.next) {
		a.next = purgeAt
	}
}

func (a *alarm) pass(ctx context.Context) (look time.Duration, err error) {
	if !a.clock.Now().Before(a.next) {
		a.next, err = a.sweep(ctx)
	}
	return max(a.next.Sub(a.clock.Now()), time.Millisecond), err
}
