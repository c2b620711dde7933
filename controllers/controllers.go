// SPDX-License-Identifier: Apache-2.0

// Package controllers is the table of all controllers: what each is made of stands here, what each does in a package of
// its own, one for each concern.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/accessgrant"
	"github.com/reelkeeper/reelkeeper/controllers/accessrequest"
	"github.com/reelkeeper/reelkeeper/controllers/auditevent"
	"github.com/reelkeeper/reelkeeper/controllers/keyrotation"
	"github.com/reelkeeper/reelkeeper/controllers/meetingrecording"
	"github.com/reelkeeper/reelkeeper/controllers/notice"
	guarding "github.com/reelkeeper/reelkeeper/controllers/purgeguard"
	"github.com/reelkeeper/reelkeeper/controllers/recordingpolicy"
	"github.com/reelkeeper/reelkeeper/controllers/recordingstore"
	"github.com/reelkeeper/reelkeeper/controllers/scrub"
	"github.com/reelkeeper/reelkeeper/controllers/trash"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/pace"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// Options are what the controllers have to be told.
type Options struct {
	// OperatorNamespace is where the stores' Secrets and the processing Jobs live.
	OperatorNamespace string
	// GatewayURL is the public address that links start with, without a slash at the end.
	GatewayURL string
	// WorkerImage is the image that processes recordings.
	WorkerImage string
	// WorkerScheduler is the scheduler of the Pods that process recordings; empty is the cluster's own.
	WorkerScheduler string
	// Namespaces confine the manager to the recordings of these namespaces. Empty is all of them.
	Namespaces []string
	// WebhookSecret is the Secret of the operator's namespace that says where messages for people go; empty is nowhere. See package
	// webhook for its keys.
	WebhookSecret string
	// AuditMaxAge and AuditMaxCount bound the AuditEvents that a namespace keeps; see package auditevent.
	AuditMaxAge   time.Duration
	AuditMaxCount int
	// Cards are those that kube.WithCards has the manager keep.
	Cards catalog.Reader
	// Clock is the time that decisions go by.
	Clock clock.WithTicker
}

// Setup adds all controllers to a manager that was made with kube.ManagerOptions and kube.WithCards.
func Setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	if options.Cards == nil {
		return errors.New("the controllers have no cards: take them from kube.WithCards")
	}
	if err := kube.AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	parts, err := newParts(ctx, mgr, options)
	if err != nil {
		return err
	}
	for _, controller := range table(mgr, options, parts) {
		if err := controller.setup(mgr); err != nil {
			return fmt.Errorf("set up controller %s: %w", controller.name, err)
		}
	}
	return nil
}

// parts are what several controllers share.
type parts struct {
	// direct reads and writes what is not cached; see package kube.
	direct     client.Client
	stores     *stores.Resolver
	ledger     *quota.Ledger
	governance governance.Reader
	recorder   audit.Recorder
	claims     *archive.Claims
	sweeper    *trash.Sweeper
	guard      *purgeguard.Guard
}

func newParts(ctx context.Context, mgr ctrl.Manager, options Options) (parts, error) {
	direct, err := kube.Direct(mgr)
	if err != nil {
		return parts{}, fmt.Errorf("make the client that reads past the cache: %w", err)
	}
	// Its reads go through the manager's client: that waits until the cache has what was written last.
	policies, err := governance.NewPolicies(ctx, mgr.GetCache())
	if err != nil {
		return parts{}, err
	}
	shared := parts{
		direct:     direct,
		stores:     stores.NewResolver(mgr.GetClient(), options.OperatorNamespace),
		ledger:     &quota.Ledger{},
		governance: governance.Reader{Client: mgr.GetClient(), Policies: policies},
		recorder:   audit.NewRecorder(direct, options.Clock),
		claims:     &archive.Claims{},
	}
	shared.guard = purgeguard.New(mgr.GetClient(), options.Cards, options.Clock)
	shared.sweeper = trash.NewSweeper(trash.Options{
		Guard:             shared.guard,
		Governance:        shared.governance,
		Claims:            shared.claims,
		Reader:            mgr.GetClient(),
		Direct:            direct,
		Namespaces:        options.Namespaces,
		Stores:            shared.stores,
		Audit:             shared.recorder,
		Clock:             options.Clock,
		OperatorNamespace: options.OperatorNamespace,
	})
	return shared, nil
}

// entry is a controller: what it is called in logs and events, and how it is added to a manager.
type entry struct {
	name  string
	setup func(ctrl.Manager) error
}

func table(mgr ctrl.Manager, options Options, shared parts) []entry {
	recordings := meetingrecording.New(meetingrecording.Options{
		Client:            mgr.GetClient(),
		Cards:             options.Cards,
		Direct:            shared.direct,
		Stores:            shared.stores,
		Governance:        shared.governance,
		Audit:             shared.recorder,
		Claims:            shared.claims,
		Tombstones:        shared.sweeper,
		Ledger:            shared.ledger,
		PurgeGuard:        shared.guard,
		Events:            mgr.GetEventRecorder("meetingrecording"),
		Clock:             options.Clock,
		OperatorNamespace: options.OperatorNamespace,
		WorkerImage:       options.WorkerImage,
		WorkerScheduler:   options.WorkerScheduler,
		GatewayURL:        options.GatewayURL,
	})
	return append(notices(mgr, options, shared), []entry{
		{"recordingstore", (&recordingstore.Reconciler{
			Client:     mgr.GetClient(),
			Cards:      options.Cards,
			Stores:     shared.stores,
			Ledger:     shared.ledger,
			Trash:      shared.sweeper,
			Namespaces: options.Namespaces,
			Events:     mgr.GetEventRecorder("recordingstore"),
			Clock:      options.Clock,
		}).SetupWithManager},
		{"keyrotation", (&keyrotation.Reconciler{
			Client:            mgr.GetClient(),
			Direct:            shared.direct,
			Stores:            shared.stores,
			OperatorNamespace: options.OperatorNamespace,
			Audit:             shared.recorder,
			Pace:              pace.New(options.Clock, keyrotation.ManifestsPerSecond),
			Events:            mgr.GetEventRecorder("keyrotation"),
			Clock:             options.Clock,
		}).SetupWithManager},
		{"meetingrecording", recordings.SetupWithManager},
		{"scrub", (&scrub.Reconciler{
			Client: mgr.GetClient(),
			Cards:  options.Cards,
			Direct: shared.direct,
			Stores: shared.stores,
			Doubt:  recordings.Doubt,
			Events: mgr.GetEventRecorder("scrub"),
			Clock:  options.Clock,
		}).SetupWithManager},
		{"purgeguard", (&guarding.Reconciler{
			Client:   mgr.GetClient(),
			Guard:    shared.guard,
			Released: shared.sweeper.Note,
			Events:   mgr.GetEventRecorder("purgeguard"),
			Clock:    options.Clock,
		}).SetupWithManager},
		{"trash", func(mgr ctrl.Manager) error { return mgr.Add(sweeping{shared.sweeper, mgr.GetCache()}) }},
		{"accessgrant", (&accessgrant.Reconciler{
			Client:     mgr.GetClient(),
			Direct:     shared.direct,
			Governance: shared.governance,
			Recorder:   shared.recorder,
			GatewayURL: options.GatewayURL,
			Events:     mgr.GetEventRecorder("accessgrant"),
			Deadlines:  deadline.New[reconcile.Request](options.Clock),
			Clock:      options.Clock,
		}).SetupWithManager},
		{"accessrequest", (&accessrequest.Reconciler{
			Client:     mgr.GetClient(),
			Direct:     shared.direct,
			Governance: shared.governance,
			Recorder:   shared.recorder,
			Events:     mgr.GetEventRecorder("accessrequest"),
			Clock:      options.Clock,
			Dates:      deadline.New[reconcile.Request](options.Clock),
		}).SetupWithManager},
		{"recordingpolicy", (&recordingpolicy.Reconciler{
			Client:     mgr.GetClient(),
			Cards:      options.Cards,
			Policies:   shared.governance.Policies,
			Namespaces: options.Namespaces,
			Clock:      options.Clock,
		}).SetupWithManager},
		{"auditevent", (&auditevent.Reconciler{
			Client: mgr.GetClient(),
			Window: auditevent.Window{MaxAge: options.AuditMaxAge, MaxCount: options.AuditMaxCount},
			Clock:  options.Clock,
		}).SetupWithManager},
	}...)
}

// notices are the controllers that tell people through the organisation's webhook, none where there is no webhook.
func notices(mgr ctrl.Manager, options Options, shared parts) []entry {
	if options.WebhookSecret == "" {
		return nil
	}
	courier := &notice.Courier{
		Secrets: shared.direct,
		Secret:  client.ObjectKey{Namespace: options.OperatorNamespace, Name: options.WebhookSecret},
		Clock:   options.Clock,
	}
	return []entry{
		{"notice-requests", (&notice.Requests{
			Client:  mgr.GetClient(),
			Direct:  shared.direct,
			Courier: courier,
			Events:  mgr.GetEventRecorder("notice"),
			Clock:   options.Clock,
		}).SetupWithManager},
		{"notice-downloads", (&notice.Downloads{
			Client:     mgr.GetClient(),
			Direct:     shared.direct,
			Governance: shared.governance,
			Courier:    courier,
			Events:     mgr.GetEventRecorder("notice"),
			Clock:      options.Clock,
			Days:       deadline.New[reconcile.Request](options.Clock),
		}).SetupWithManager},
	}
}

// sweeping sweeps when no card is missing: the purge guard counts them.
type sweeping struct {
	*trash.Sweeper
	cache cache.Cache
}

func (s sweeping) Start(ctx context.Context) error {
	if _, err := s.cache.GetInformer(ctx, &v1alpha1.MeetingRecording{}); err != nil {
		return fmt.Errorf("watch recordings: %w", err)
	}
	return s.Sweeper.Start(ctx)
}
