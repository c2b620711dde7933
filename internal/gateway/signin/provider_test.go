// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
)

func TestAProviderThatHangsIsAskedOnceAndHoldsUpNobody(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			close(asked)
		}
		<-answer
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	provider, err := NewProvider(config.Provider{SignIn: config.SignIn{Issuer: server.URL}}, config.Organisation{}, "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	go func() {
		_, err := provider.discover(t.Context())
		first <- err
	}()
	<-asked
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := provider.discover(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("somebody who has left is answered %v", err)
	}
	close(answer)
	if <-first == nil {
		t.Error("a provider that is down was discovered")
	}
	if got := requests.Load(); got != 1 {
		t.Errorf("the provider was asked %d times, want once", got)
	}
}
