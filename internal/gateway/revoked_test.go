// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

// slowReader is somebody who takes an answer piece by piece. After the first one something happens.
type slowReader struct {
	*httptest.ResponseRecorder
	pieces     int
	afterFirst func()
}

func (s *slowReader) Write(data []byte) (int, error) {
	n, err := s.ResponseRecorder.Write(data)
	if s.pieces++; s.pieces == 1 {
		s.afterFirst()
	}
	return n, err
}

func TestRevocationEndsWhatIsBeingSent(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	for name, tc := range map[string]struct {
		revoke    bool
		wantCut   bool
		wantEvent int
	}{
		"nothing changes":      {revoke: false, wantCut: false, wantEvent: 2},
		"the grant is deleted": {revoke: true, wantCut: true, wantEvent: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := env.Namespace(t)
			recording, file := w.Recording(t, namespace, "review")
			grant := grantToDave(v1alpha1.PermissionView, v1alpha1.PermissionDownload)(recording)
			grant.Spec.MaxUses = 1 // its only use is what goes on
			w.Grant(t, grant, "")
			clock := clocktesting.NewFakePassiveClock(gatewaytest.Wall.Now())
			options := w.Options
			options.Clock = clock
			server, err := gateway.New(options)
			if err != nil {
				t.Fatal(err)
			}
			reader := &slowReader{ResponseRecorder: httptest.NewRecorder(), afterFirst: func() {
				checkUses(t, w, grant, 1)
				if tc.revoke {
					remove(t, w, grant)
				}
				clock.SetTime(clock.Now().Add(time.Second))
			}}
			cut := serve(server.Handler(), reader, w.SignIn(t, "internal").Cookies(t), pageOf(recording)+"/download")
			if cut != tc.wantCut || tc.wantCut == (reader.Body.Len() == len(file)) {
				t.Errorf("broken off: %v, after %d of %d bytes; want %v", cut, reader.Body.Len(), len(file), tc.wantCut)
			}
			if reader.pieces == 1 && !cut {
				t.Fatal("the test is blind: the whole file is one piece")
			}
			if got := len(w.Events(t, namespace)); got != tc.wantEvent {
				t.Errorf("%d records, want %d", got, tc.wantEvent)
			}
		})
	}
}

// serve answers one request and reports whether it was broken off.
func serve(handler http.Handler, to http.ResponseWriter, cookies []*http.Cookie, path string) (cut bool) {
	request := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	defer func() { cut = recover() != nil }()
	handler.ServeHTTP(to, request)
	return false
}

// remove deletes an object and waits until the gateway has seen it.
func remove(t *testing.T, w *gatewaytest.World, object client.Object) {
	t.Helper()
	if err := w.Admin.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	w.Gone(t, object)
}
