// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// trashed says whether the recording lies in the trash.
func (d *dossier) trashed() bool { return d.recording.EffectiveState() == v1alpha1.StateTrashed }

// trash shows what somebody could take out of the trash, what goes first on top.
func (s *Server) trash(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.Get(r)
	if nobody(current) {
		s.askToSignIn(w, r, "/trash")
		return
	}
	restorable, err := s.dossiers(r.Context(), current, v1alpha1.PermissionRestore)
	if err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, "/trash")
		return
	}
	restorable = slices.DeleteFunc(restorable, func(d *dossier) bool { return !d.trashed() })
	slices.SortFunc(restorable, func(a, b *dossier) int {
		return strings.Compare(a.recording.Status.PurgeAt.UTC().Format(time.RFC3339)+a.recording.Name, b.recording.Status.PurgeAt.UTC().Format(time.RFC3339)+b.recording.Name)
	})
	var content pages.TrashContent
	for _, d := range restorable {
		content.Recordings = append(content.Recordings, pages.TrashEntry{
			Title: titleOf(language(r), d.recording), Department: d.recording.Spec.Meeting.Department,
			StartedAt: pages.At(d.recording.Spec.Meeting.StartedAt.Time), PurgeAt: pages.At(d.recording.Status.PurgeAt.Time),
			RestorePath: pathOf(d.recording) + "/restore",
		})
	}
	s.page(w, r, http.StatusOK, pages.Trash, current, content)
}

// discard moves a recording to the trash.
func (s *Server) discard(w http.ResponseWriter, r *http.Request) {
	s.setState(w, r, v1alpha1.PermissionTrash, v1alpha1.AuditTrashed, v1alpha1.StateTrashed, "/trash")
}

// restore takes a recording out of the trash.
func (s *Server) restore(w http.ResponseWriter, r *http.Request) {
	s.setState(w, r, v1alpha1.PermissionRestore, v1alpha1.AuditRestored, v1alpha1.StateActive, "")
}

func (s *Server) setState(
	w http.ResponseWriter, r *http.Request, permission v1alpha1.Permission, action v1alpha1.AuditAction, state v1alpha1.RecordingState, next string,
) {
	current := s.sessions.Get(r)
	if nobody(current) {
		s.askToSignIn(w, r, "/")
		return
	}
	v := visitOf(r, current, permission, action)
	v.started = true
	admitted, turned := s.gate.enter(v)
	if turned != nil {
		s.refusePage(w, r, current, turned, "/")
		return
	}
	key := client.ObjectKeyFromObject(admitted.recording)
	recording := &v1alpha1.MeetingRecording{}
	recording.Namespace, recording.Name = key.Namespace, key.Name
	// Who changes the state, the API server notes where it can. Where it cannot, this does: by it the controllers know that it is
	// in the access log.
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q,"annotations":{%q:%q}},"spec":{"state":%q}}`,
		admitted.recording.UID, v1alpha1.AnnotationStateBy, kube.GatewayUser(s.gate.namespace), state)
	if err := s.writer.Patch(r.Context(), recording, client.RawPatch("application/merge-patch+json", patch)); err != nil {
		s.refusePage(w, r, current, &refusal{kind: broken, err: fmt.Errorf("set the state of recording %s: %w", key, err)}, "/")
		return
	}
	s.settle(r.Context(), key, recording, func(found bool) bool { return !found || recording.EffectiveState() == state })
	if next == "" {
		next = pathOf(admitted.recording)
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// settling is how long the next page waits for the cache to hear of what was written. After that it may show what was before.
const settling = 2 * time.Second

// settle waits until the cache knows what was written, so that the page that follows shows it.
func (s *Server) settle(ctx context.Context, key client.ObjectKey, object client.Object, done func(found bool) bool) {
	// Where it takes longer, the next page is behind, as every page can be.
	_ = wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, settling, true, func(ctx context.Context) (bool, error) {
		return done(s.reader.Get(ctx, key, object) == nil), nil
	})
}
