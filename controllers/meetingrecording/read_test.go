// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/catalog/catalogtest"
)

// oldCard is what an informer has that has not heard the latest.
type oldCard struct {
	catalog.Reader
	card *catalog.Card
}

func (c oldCard) Card(client.ObjectKey) *catalog.Card { return c.card }

// asked notes which version of a recording each read asked for: empty is the latest.
type asked struct {
	client.Client
	versions []string
}

func (a *asked) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if _, is := object.(*v1alpha1.MeetingRecording); is {
		var get client.GetOptions
		a.versions = append(a.versions, get.ApplyOptions(options).AsGetOptions().ResourceVersion)
	}
	return a.Client.Get(ctx, key, object, options...)
}

func TestOnlyWhatRestsIsReadFromTheAPIServersMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	resting := w.available()
	direct := &asked{Client: w.manager}
	w.reconciler.options.Direct = direct
	w.reconciler.options.Cards = oldCard{w.reconciler.options.Cards, catalogtest.Of([]v1alpha1.MeetingRecording{*resting})[0]}
	read := func() *v1alpha1.MeetingRecording {
		direct.versions = nil
		read, err := w.reconciler.read(t.Context(), w.key())
		if err != nil {
			t.Fatal(err)
		}
		return read.recording
	}
	if got := read(); got.ResourceVersion != resting.ResourceVersion || !cmp.Equal(direct.versions, []string{resting.ResourceVersion}) {
		t.Errorf("at rest: version %s by asking for %q, want %[3]s for [%[3]s]", got.ResourceVersion, direct.versions, resting.ResourceVersion)
	}

	if err := w.admin.Delete(t.Context(), resting); err != nil {
		t.Fatal(err)
	}
	w.eventually("the memory shows the deletion", func() bool { return !read().DeletionTimestamp.IsZero() })
	if want := []string{resting.ResourceVersion, ""}; !cmp.Equal(direct.versions, want) {
		t.Errorf("about to leave, while its card says that it rests: asked for %q, want %q", direct.versions, want)
	}

	w.reconciler.options.Cards = oldCard{w.reconciler.options.Cards, nil}
	read()
	if want := []string{""}; !cmp.Equal(direct.versions, want) {
		t.Errorf("without a card: asked for %q, want %q", direct.versions, want)
	}
	w.restart()
	w.drive(gone)
}
