// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/minio/minio-go/v7/pkg/signer"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

// lesserServer stands before a real server, answers 501 to what refuse picks, and changes what alter changes. It signs what
// it passes on anew, because it changes what was signed. It returns the Config of a client that talks to it.
func lesserServer(t *testing.T, server *s3test.Server, refuse func(*http.Request) bool, alter func(*http.Request)) objectstore.Config {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		if alter == nil {
			r.Out.Host = r.In.Host
			return
		}
		alter(r.Out)
		r.Out.Header.Del("Authorization")
		r.Out.Host = target.Host
		r.Out = signer.SignV4(*r.Out, server.AccessKey, server.SecretKey, "", server.Region)
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse != nil && refuse(r) {
			w.WriteHeader(http.StatusNotImplemented)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	cfg := server.Config()
	cfg.Endpoint = proxy.URL
	return cfg
}
