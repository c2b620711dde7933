// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/signin"
	"github.com/reelkeeper/reelkeeper/internal/gateway/tracing"
)

// statePattern is the route that pages ask by themselves.
const statePattern = "/r/{namespace}/{name}/state"

// Handler answers all requests. routes_test.go lists every route with what each role gets there; a new one needs an entry.
func (s *Server) Handler() http.Handler {
	router := chi.NewRouter()
	router.Use(tracing.Middleware(s.tracing, s.fromProxy), logged(s.log), secured(s.https), bounded)
	router.NotFound(s.nowhere)
	router.MethodNotAllowed(s.nowhere)

	router.Get("/healthz", s.healthy)
	router.Get("/readyz", s.ready)
	router.Get("/assets/*", s.asset)

	router.Group(func(router chi.Router) {
		router.Use(s.sameSite().Handler, s.current, s.active)
		router.Get("/", s.list)
		router.Get("/signin", s.flow.SignIn)
		router.Post("/signin", s.flow.Chosen)
		router.Get(signin.CallbackPath, s.signInCallback)
		router.Get(signin.CallbackPath+"/{provider}", s.signInCallback)
		router.Post("/signout", s.flow.SignOut)
		router.Post(signin.BackChannelPath, s.backChannel)
		router.Post(signin.BackChannelPath+"/{provider}", s.backChannel)
		router.Post("/preferences", s.prefer)

		router.Get("/r/{namespace}/{name}", s.recording)
		router.Get(statePattern, s.state)
		router.Get("/r/{namespace}/{name}/poster", s.poster)
		router.Post("/r/{namespace}/{name}/sessions", s.beginView)
		router.Get("/r/{namespace}/{name}/download", s.download)
		router.Head("/r/{namespace}/{name}/download", s.download)

		router.Get("/r/{namespace}/{name}/log", s.history)
		router.Post("/r/{namespace}/{name}/requests", s.ask)
		router.Post("/r/{namespace}/{name}/grants", s.share)
		router.Post("/r/{namespace}/{name}/grants/{grant}/revoke", s.revoke)
		router.Post("/r/{namespace}/{name}/trash", s.discard)
		router.Post("/r/{namespace}/{name}/restore", s.restore)

		router.Get("/inbox", s.inbox)
		router.Post("/inbox/{namespace}/{name}", s.answer)
		router.Get("/trash", s.trash)
		router.Get("/overview", s.overview)

		router.Get("/v/{session}/playlist.m3u8", s.playlist)
		router.Get("/v/{session}/key", s.key)
		router.Get("/v/{session}/previews", s.sheet)
		router.Get("/v/{session}/captions/{track}", s.captions)
		router.Get("/v/{session}/media", s.ciphertext)

		router.Get("/g/{token}", s.link)
		router.Head("/g/{token}", s.linkHead)
		router.Post("/g/{token}", s.linkPassword)
	})
	return router
}

// current refuses everything while the view of the cluster is too old to decide by.
func (s *Server) current(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.gate.stale() {
			s.refusePage(w, r, nil, &refusal{kind: broken, wait: staleWait}, "/")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// sameSite refuses what changes something and comes from another site's page.
func (s *Server) sameSite() *http.CrossOriginProtection {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lang := language(r)
		s.page(w, r, http.StatusForbidden, pages.Refusal, nil, pages.RefusalContent{
			Title: lang.T("crossTitle"), Message: lang.T("crossText"), Remedies: []string{lang.T("crossRemedy")},
		})
	}))
	return protection
}

func (s *Server) nowhere(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, http.StatusText(http.StatusNotFound), http.StatusNotFound)
}

// healthy says that the process answers.
func (s *Server) healthy(w http.ResponseWriter, _ *http.Request) {
	answerPlainly(w, http.StatusOK, "ok")
}

// ready says that decisions can be made, by a view that is complete and current, and that the gateway is not about to end.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	switch {
	case s.draining.Load():
		answerPlainly(w, http.StatusServiceUnavailable, "ending: running answers are finished, and others take the new ones")
		return
	case !s.synced():
		answerPlainly(w, http.StatusServiceUnavailable, "waiting for the cache of the API server's objects")
		return
	case s.gate.stale():
		answerPlainly(w, http.StatusServiceUnavailable, "too long nothing was heard of the API server")
		return
	}
	answerPlainly(w, http.StatusOK, "ok")
}

func answerPlainly(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// The status is sent; what can still fail is the connection, which the reader notices.
	_, _ = w.Write([]byte(text + "\n"))
}
