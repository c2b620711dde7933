// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"time"
)

// Limits on what a connection may cost.
const (
	requestTimeout = 5 * time.Second
	idleTimeout    = 5 * time.Minute
	maxHeader      = 4 << 10
)

// Serve answers other replicas on the listener until ctx ends. Nobody else gets further than the handshake of TLS.
func (l *Ledger) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: l.Handler(), ReadTimeout: requestTimeout, ReadHeaderTimeout: requestTimeout, WriteTimeout: requestTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		// Strangers at the port, and connections that end, are no news.
		ErrorLog: stdlog.New(io.Discard, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(tls.NewListener(listener, l.circle.config())); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("answer other gateways: %w", err)
	}
	return nil
}

// Handler answers other replicas from what this one counts, whoever it takes for the viewer's home.
func (l *Ledger) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+admitPath, func(w http.ResponseWriter, r *http.Request) {
		var asked admitMessage
		l.answer(w, r, &asked, func() any {
			admitted := l.Local.Admit(asked.Viewer, asked.visit())
			return &admitAnswer{Wait: admitted.Wait, Crowded: admitted.Crowded}
		})
	})
	mux.HandleFunc("POST "+takePath, func(w http.ResponseWriter, r *http.Request) {
		var asked unitsMessage
		l.answer(w, r, &asked, func() any {
			bought, wait := l.Local.Take(asked.Viewer, asked.Recording, asked.terms(), asked.units())
			return &takeAnswer{Wait: wait, Sold: bought != nil}
		})
	})
	mux.HandleFunc("POST "+giveBackPath, func(w http.ResponseWriter, r *http.Request) {
		var asked unitsMessage
		l.answer(w, r, &asked, func() any {
			l.Local.GiveBack(asked.Viewer, asked.Recording, asked.terms(), asked.units())
			return &giveBackAnswer{}
		})
	})
	return mux
}

// answer reads a message from one of the circle, and answers it. The status alone says what is wrong with it.
func (l *Ledger) answer(w http.ResponseWriter, r *http.Request, asked message, answer func() any) {
	if r.TLS == nil || l.circle.knows(*r.TLS) != nil {
		w.WriteHeader(http.StatusForbidden) // it has lost the secret since the handshake
		return
	}
	if decode(r.Body, asked) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	body, err := json.Marshal(answer())
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(body) // who has gone has counted by itself
}
