// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/activity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/overview"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// overviewRows bounds each of the overview's charts and lists, but for those of days and weeks.
const overviewRows = 10

// Activity counts what the access log says of all recordings together. It is activity.Log.
type Activity interface {
	Counts(ctx context.Context) (activity.Counts, error)
}

// administers says whether somebody sees the overview: a member of the organisation in a group, or with a label, that the
// configuration names.
func (s *Server) administers(current *session.Session) bool {
	if nobody(current) || !identity.Internal(current.Person, s.gate.organisation) {
		return false
	}
	named := s.config.Administrators
	common := func(theirs, named []string) bool {
		return slices.ContainsFunc(theirs, func(one string) bool { return slices.Contains(named, one) })
	}
	return common(current.Person.Groups, named.Groups) || common(current.Person.Labels, named.Labels)
}

// overview shows numbers about all recordings to administrators. To everybody else it is as if there were no such page.
func (s *Server) overview(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if nobody(current) {
		s.askToSignIn(w, r, "/overview")
		return
	}
	if !s.administers(current) {
		s.refuseOverview(w, r, current)
		return
	}
	content, err := s.overviewContent(r.Context(), language(r), current)
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/")
		return
	}
	s.page(w, r, http.StatusOK, pages.Overview, current, content)
}

func (s *Server) refuseOverview(w http.ResponseWriter, r *http.Request, current *session.Session) {
	v := visit{Request: r, session: current, permission: v1alpha1.PermissionView, action: v1alpha1.AuditViewed, asked: "the overview"}
	d, err := s.gate.gather(r.Context(), current, "", "")
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/")
		return
	}
	s.refusePage(w, r, current, s.gate.turnAway(v, d, access.Unknown(d.subject, v.permission)), "/")
}

func (s *Server) overviewContent(ctx context.Context, lang pages.Language, current *session.Session) (pages.OverviewContent, error) {
	var all v1alpha1.MeetingRecordingList
	// What is counted is only read.
	if err := s.reader.List(ctx, &all, client.UnsafeDisableDeepCopy); err != nil {
		return pages.OverviewContent{}, err
	}
	counts, err := s.activity.Counts(ctx)
	if err != nil {
		return pages.OverviewContent{}, err
	}
	now := s.clock.Now()
	sums, refused := overview.Of(all.Items, now), overview.Daily(counts.Refused, now)
	content := pages.OverviewContent{
		Count: number(sums.Recordings), Storage: sizeOf(sums.Bytes), EndingCount: number(len(sums.Ending)), RefusedCount: count(totalOf(refused)),
	}
	for _, recording := range sums.Ending[:min(len(sums.Ending), overviewRows)] {
		named, err := s.named(ctx, lang, current, recording)
		if err != nil {
			return content, err
		}
		content.Ending = append(content.Ending, pages.Ending{Item: named, At: pages.At(recording.Status.ExpiresAt.Time)})
	}
	downloads, err := s.mostDownloaded(ctx, lang, current, all.Items, counts.Downloads)
	content.Charts = []*pages.Chart{
		pages.NewChart("weekly", lang.T("chartWeekly"), lang.T("weekOf"), lang.T("recordings"), measures(sums.Weekly, count)),
		pages.NewChart("namespaces", lang.T("chartNamespaces"), lang.T("namespace"), lang.T("storage"), measures(largest(sums.Namespaces), sizeOf)),
		pages.NewChart("stores", lang.T("chartStores"), lang.T("store"), lang.T("storage"), measures(largest(sums.Stores), sizeOf)),
		pages.NewChart("refused", lang.T("chartRefused"), lang.T("day"), lang.T("attempts"), measures(refused, count)),
		pages.NewChart("downloads", lang.T("chartDownloads"), lang.T("recording"), lang.T("downloads"), downloads),
	}
	return content, err
}

// named is a recording as an administrator sees it: the meeting only to somebody who may watch it, else the object.
func (s *Server) named(ctx context.Context, lang pages.Language, current *session.Session, recording *v1alpha1.MeetingRecording) (pages.Item, error) {
	d := &dossier{recording: recording, exists: true, now: s.clock.Now()}
	if err := s.gate.complete(ctx, d, current, s.gate.governance); err != nil {
		return pages.Item{}, err
	}
	if d.decide(v1alpha1.PermissionView).Allowed() {
		return pages.Item{Name: titleOf(lang, recording), Path: pathOf(recording)}, nil
	}
	return pages.Item{Name: recording.Namespace + "/" + recording.Name}, nil
}

func (s *Server) mostDownloaded(
	ctx context.Context, lang pages.Language, current *session.Session, recordings []v1alpha1.MeetingRecording, downloads map[string]int,
) ([]pages.Measure, error) {
	var rows []pages.Measure
	for _, recording := range overview.Most(recordings, downloads, overviewRows) {
		named, err := s.named(ctx, lang, current, recording)
		if err != nil {
			return nil, err
		}
		n := downloads[string(recording.UID)]
		rows = append(rows, pages.Measure{Item: named, Value: int64(n), Text: number(n)})
	}
	return rows, nil
}

func largest(counts []overview.Count) []overview.Count {
	return counts[:min(len(counts), overviewRows)]
}

func totalOf(counts []overview.Count) (total int64) {
	for _, one := range counts {
		total += one.N
	}
	return total
}

func measures(counts []overview.Count, text func(int64) string) []pages.Measure {
	rows := make([]pages.Measure, 0, len(counts))
	for _, one := range counts {
		rows = append(rows, pages.Measure{Item: pages.Item{Name: one.Name}, Value: one.N, Text: text(one.N)})
	}
	return rows
}

func count(n int64) string { return number(int(n)) }

// sizeOf writes a number of bytes for people.
func sizeOf(bytes int64) string {
	const step = 1024
	if bytes < step {
		return fmt.Sprintf("%d B", bytes)
	}
	size, unit := float64(bytes)/step, 0
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	for size >= step && unit < len(units)-1 {
		size, unit = size/step, unit+1
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}
