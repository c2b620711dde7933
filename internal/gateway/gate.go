// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/ended"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/gateway/tracing"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Governance gathers what decisions need. It is governance.Reader.
type Governance interface {
	books
	// Survey begins to gather the same for many recordings.
	Survey(ctx context.Context) (*governance.Survey, error)
}

// books are where the rules and the grants of a recording stand.
type books interface {
	Rules(ctx context.Context, recording *v1alpha1.MeetingRecording) (*policy.Rules, error)
	Grants(ctx context.Context, recording *v1alpha1.MeetingRecording) ([]access.Grant, error)
}

// gate is the one way to a recording.
type gate struct {
	age          func() time.Duration
	reader       client.Reader
	ended        *ended.Ledger
	governance   Governance
	recorder     audit.Recorder
	uses         UseCounter
	flood        *flood
	clock        clock.PassiveClock
	namespace    string   // the gateway's own, for attempts at what does not exist
	namespaces   []string // whose recordings it sees; all, where there are none
	organisation config.Organisation
	proxies      []netip.Prefix
}

const (
	// maxAge is how old the view of the cluster may be: whoever lost a right more than so long ago gets nothing more.
	maxAge = 5 * time.Second
	// staleWait is when to try again.
	staleWait = 5 * time.Second
)

// stale says that too long nothing was heard of the cluster to decide anything.
func (g *gate) stale() bool { return g.age() > maxAge }

// dossier is everything that is known about one recording and who asks for it, at one moment.
type dossier struct {
	// recording is the recording asked for. Where there is none, it is an empty one of a namespace that the gateway sees, so
	// that the same work is done; exists tells.
	recording *v1alpha1.MeetingRecording
	exists    bool
	subject   access.Subject
	// held says that the link of the visit was opened in this session before.
	held bool
	// counted are the grants of which a use was counted before for what now goes on with this recording.
	counted []string
	rules   *policy.Rules
	grants  []access.Grant
	now     time.Time
}

// gather reads the dossier from the cache.
func (g *gate) gather(ctx context.Context, current *session.Session, namespace, name string) (*dossier, error) {
	d := &dossier{recording: &v1alpha1.MeetingRecording{}, exists: true, now: g.clock.Now()}
	if err := g.find(ctx, client.ObjectKey{Namespace: namespace, Name: name}, d.recording); apierrors.IsNotFound(err) {
		d.recording, d.exists = &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: g.standIn(), Name: name}}, false
	} else if err != nil {
		return nil, fmt.Errorf("find recording %s/%s: %w", namespace, name, err)
	}
	return d, g.complete(ctx, d, current, g.governance)
}

// find reads a recording. For a confined gateway, those of other namespaces do not exist.
func (g *gate) find(ctx context.Context, key client.ObjectKey, recording *v1alpha1.MeetingRecording) error {
	if len(g.namespaces) > 0 && !slices.Contains(g.namespaces, key.Namespace) {
		return apierrors.NewNotFound(v1alpha1.SchemeGroupVersion.WithResource("meetingrecordings").GroupResource(), key.Name)
	}
	return g.reader.Get(ctx, key, recording)
}

// standIn is a namespace whose policies and grants the gateway can read, for the work on what does not exist.
func (g *gate) standIn() string {
	if len(g.namespaces) > 0 {
		return g.namespaces[0]
	}
	return g.namespace
}

// complete reads what belongs to the dossier's recording.
func (g *gate) complete(ctx context.Context, d *dossier, current *session.Session, from books) error {
	links, err := linksOf(ctx, g.reader, current, d.recording.Namespace)
	if err != nil {
		return fmt.Errorf("check the links of a session: %w", err)
	}
	d.subject = subjectOf(current, g.organisation, links)
	if d.rules, err = from.Rules(ctx, d.recording); err != nil {
		return fmt.Errorf("find the rules of recording %s/%s: %w", d.recording.Namespace, d.recording.Name, err)
	}
	if d.grants, err = from.Grants(ctx, d.recording); err != nil {
		return fmt.Errorf("find the grants of recording %s/%s: %w", d.recording.Namespace, d.recording.Name, err)
	}
	return nil
}

// decide says whether the permission is given. What does not exist is never allowed to anybody.
func (d *dossier) decide(permission v1alpha1.Permission) access.Decision {
	facts := access.FactsOf(d.recording)
	// An object that is being deleted is on its way to the trash of the bucket, or further.
	facts.Trashed = facts.Trashed || !d.recording.DeletionTimestamp.IsZero()
	decision := access.Decide(d.rules, &access.Request{
		Subject: d.subject, Permission: permission, Recording: facts, Grants: d.grants, Now: d.now,
	})
	if !d.exists {
		return access.Unknown(d.subject, permission)
	}
	return decision
}

// visit is one request for a recording.
type visit struct {
	*http.Request
	session         *session.Session
	namespace, name string
	permission      v1alpha1.Permission
	// action is what is written down: a refusal always, an allowed visit where started says that something begins.
	action  v1alpha1.AuditAction
	started bool
	// step names the step in the audit log, so that repeating it is written down once; empty for every time. since is when it
	// began, by which its record stands among the others.
	step  func(d *dossier) string
	since time.Time
	// counted are uses of grants that were counted before, for this recording or another.
	counted []session.Counted
	// link is a grant whose link is being followed: the question is what those may do who hold it.
	link string
	// accept looks at the dossier before anything is decided; false makes it as if the recording did not exist.
	accept func(d *dossier) bool
	// media says that the visit is for the media, which therefore has to be there.
	media bool
	// last says that the record of the visit is the last one for a while.
	last bool
	// download names the download that the visit begins or goes on with, resumed says that it goes on.
	download string
	resumed  bool
	// grant is the grant that the visit makes or revokes, evidence what else stands in the record of it.
	grant    string
	evidence []string
	// asked is what was asked for, in the record of an attempt at what does not exist; empty for namespace and name.
	asked string
}

// admission is an allowed visit.
type admission struct {
	*dossier
	decision access.Decision
	// used is the grant of which a use was counted now, or empty.
	used string
	// again is the same visit, to ask whether it may go on.
	again visit
}

// usedBefore is the grant of which a use was counted before for this recording, or empty.
func (a *admission) usedBefore() string {
	if slices.Contains(a.counted, a.decision.GrantName) {
		return a.decision.GrantName
	}
	return ""
}

// enter decides about a visit and writes down what has to be. Only with an admission may anything be given out.
func (g *gate) enter(v visit) (*admission, *refusal) {
	ctx := v.Context()
	if g.stale() {
		return nil, &refusal{kind: broken, wait: staleWait}
	}
	// What is being sent in a session that has ended meanwhile ends too.
	if over, err := g.over(ctx, v.session); err != nil {
		return nil, &refusal{kind: broken, err: err}
	} else if over {
		return nil, notSignedIn()
	}
	ctx, decided := tracing.Step(ctx, "decide")
	defer decided()
	d, err := g.gather(ctx, v.session, v.namespace, v.name)
	if err != nil {
		return nil, &refusal{kind: broken, err: err}
	}
	if v.accept != nil && !v.accept(d) {
		d.exists = false
	}
	d.uncount(v.counted)
	d.hold(v.link)
	if v.media && readyReason(d.recording) != v1alpha1.ReasonAvailable && d.decide(v.permission).Allowed() {
		return nil, &refusal{kind: notReady}
	}
	if tooMany := g.bound(&v, d); tooMany != nil {
		return nil, tooMany
	}
	decision, used, err := g.use(ctx, d, v)
	if err != nil {
		return nil, &refusal{kind: broken, err: err}
	}
	if !decision.Allowed() || v.started {
		if err := g.write(ctx, d, v, decision); err != nil {
			return nil, &refusal{kind: unrecorded, err: err}
		}
	}
	if !decision.Allowed() {
		turned := refused(decision)
		turned.dossier = d
		return nil, turned
	}
	return &admission{dossier: d, decision: decision, used: used, again: v.goingOn(d, used)}, nil
}

// goingOn is the visit while its answer is being sent: nothing begins, and it is about this recording and no other.
func (v visit) goingOn(d *dossier, used string) visit {
	v.started = false
	v.counted = append(slices.Clone(v.counted), session.Counted{Grant: used, Recording: d.recording.UID})
	v.accept = func(now *dossier) bool { return now.recording.UID == d.recording.UID }
	return v
}

// uncount leaves out of consideration the one use that a running view or download of this recording itself has made.
func (d *dossier) uncount(counted []session.Counted) {
	for _, use := range counted {
		if use.Recording != d.recording.UID || slices.Contains(d.counted, use.Grant) {
			continue
		}
		d.counted = append(d.counted, use.Grant)
		for i := range d.grants {
			if d.grants[i].Name == use.Grant && d.grants[i].Uses > 0 {
				d.grants[i].Uses--
			}
		}
	}
}

// hold makes the subject one who holds the link of a grant.
func (d *dossier) hold(link string) {
	d.held = slices.Contains(d.subject.Links, link)
	if link != "" && !d.held {
		d.subject.Links = append(d.subject.Links, link)
	}
}

// use decides, and counts a use where a grant with limited uses allows the start of something. When somebody else took the
// last use at that moment, the decision is made again without it.
func (g *gate) use(ctx context.Context, d *dossier, v visit) (access.Decision, string, error) {
	for {
		decision := d.decide(v.permission)
		grant := d.limited(decision)
		if !v.started || grant == nil || slices.Contains(d.counted, grant.Name) {
			return decision, "", nil
		}
		counted, err := g.uses.Count(ctx, d.recording.Namespace, grant.Name)
		if err != nil {
			return access.Decision{}, "", err
		}
		if counted {
			return decision, grant.Name, nil
		}
		grant.Uses = grant.MaxUses
	}
}

// limited returns the grant with limited uses by which the decision allows, or nil.
func (d *dossier) limited(decision access.Decision) *access.Grant {
	if !decision.Allowed() || decision.GrantName == "" {
		return nil
	}
	for i := range d.grants {
		if d.grants[i].Name == decision.GrantName && d.grants[i].MaxUses > 0 {
			return &d.grants[i]
		}
	}
	return nil
}

// write records a visit. An attempt at what does not exist is recorded in the gateway's own namespace, with the same work.
func (g *gate) write(ctx context.Context, d *dossier, v visit, decision access.Decision) error {
	event := audit.Event{
		Namespace: d.recording.Namespace, Action: v.action, Outcome: v1alpha1.OutcomeAllowed,
		Actor: actorOf(v.session), Recording: audit.RecordingOf(d.recording), Grant: cmp.Or(v.grant, decision.GrantName),
		Reason: string(decision.Reason), Rule: decision.Rule.String(),
		Client: g.device(v.Request, d), Evidence: v.evidence, Download: v.download, Resumed: v.resumed,
	}
	if v.step != nil {
		event.Key, event.Since = v.step(d), v.since
	}
	if !decision.Allowed() {
		event.Outcome = v1alpha1.OutcomeRefused
	}
	if decision.WouldDeny() {
		event.Evidence = append(slices.Clone(event.Evidence), fmt.Sprintf("a policy in DryRun would have refused: %s, %s", decision.Trial.Reason, decision.Trial.Rule))
	}
	if !d.exists {
		event = g.elsewhere(event, v)
	}
	if v.last {
		event.Evidence = append(event.Evidence, lastRecord)
	}
	err := g.recorder.Record(ctx, event)
	if err != nil && !decision.Allowed() && audit.NamespaceGone(err) {
		// Nothing can be written any more in a namespace that is being deleted; that must not tell it from one that never was.
		err = g.recorder.Record(ctx, g.elsewhere(event, v))
	}
	return err
}

// elsewhere makes an event one of the gateway's own namespace. Which names somebody tried there is worth knowing too.
func (g *gate) elsewhere(event audit.Event, v visit) audit.Event {
	event.Evidence = []string{"asked for " + cmp.Or(v.asked, v.namespace+"/"+v.name)}
	event.Namespace, event.Recording, event.Key = g.namespace, v1alpha1.AuditRecording{}, ""
	return event
}

// turnAway writes down a refusal that others than decide have found, and returns it.
func (g *gate) turnAway(v visit, d *dossier, decision access.Decision) *refusal {
	left, wait := g.flood.take(v.session, neighbourhood(clientAddress(v.Request, g.proxies)), false)
	if wait > 0 {
		return &refusal{kind: tooMany, wait: wait}
	}
	v.last = left == 0
	if err := g.write(v.Context(), d, v, decision); err != nil {
		return &refusal{kind: unrecorded, err: err}
	}
	return refused(decision)
}

// device is what the rules of a recording keep of the device and address of a request.
func (g *gate) device(r *http.Request, d *dossier) v1alpha1.AuditClient {
	return audit.Client(clientAddress(r, g.proxies), d.rules.Audit.Addresses.Value, r.UserAgent())
}
