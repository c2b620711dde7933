// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

// The organisation of the benchmark: recordings in so many namespaces, each with some grants.
const (
	manyRecordings = 10_000
	manyNamespaces = 20
	grantsInEach   = 50
)

// BenchmarkManyRecordings measures the pages that look at all recordings: as the creator, who may watch all of them, and as
// somebody who may watch the few that were shared with them.
//
//	go test -run '^$' -bench ManyRecordings ./internal/gateway
func BenchmarkManyRecordings(b *testing.B) {
	w := theWorld(b)
	fill(b, w)
	for who, name := range map[string]string{"creator": "of all", "internal": "of few"} {
		browser := w.SignIn(b, who)
		for _, path := range []string{"/", "/trash"} {
			b.Run(path+" "+name, func(b *testing.B) {
				for b.Loop() {
					if answer := browser.Get(b, path); answer.Status != http.StatusOK {
						b.Fatalf("status %d", answer.Status)
					}
				}
			})
		}
	}
}

func fill(b *testing.B, w *gatewaytest.World) {
	b.Helper()
	var makers errgroup.Group
	makers.SetLimit(8)
	var last [manyNamespaces]*v1alpha1.MeetingRecording
	for n := range manyNamespaces {
		namespace := env.Namespace(b)
		for i := range manyRecordings / manyNamespaces {
			recording := &v1alpha1.MeetingRecording{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprintf("meeting-%d", i), Labels: map[string]string{"team": strconv.Itoa(i % 5)}},
				Spec: v1alpha1.MeetingRecordingSpec{
					Meeting: v1alpha1.MeetingFacts{
						ID: strconv.Itoa(i), Title: fmt.Sprintf("Meeting %d", i), Department: fmt.Sprint("department ", n), StartedAt: metav1.Now(),
						Creator: gatewaytest.People["creator"].Email, Hosts: []string{gatewaytest.People["host"].Email},
						Participants: []string{gatewaytest.People["participant"].Email, gatewaytest.People["guest"].Email},
					},
					Source: v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
				},
			}
			last[n] = recording
			makers.Go(func() error { return w.Admin.Create(b.Context(), recording) })
			if i < grantsInEach {
				makers.Go(func() error {
					grant := gatewaytest.GrantOf(recording, fmt.Sprintf("grant-%d", i), v1alpha1.SubjectUser, gatewaytest.People["internal"].Email, v1alpha1.PermissionView)
					return w.Admin.Create(b.Context(), grant)
				})
			}
		}
	}
	if err := makers.Wait(); err != nil {
		b.Fatal(err)
	}
	for _, recording := range last {
		w.Seen(b, recording)
	}
}
