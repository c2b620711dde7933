// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scale

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
)

// profileDir is the variable that names the directory for profiles.
const profileDir = "SCALE_PROFILE"

// profiled is how long each profile is; a collection of garbage is in it at any size.
const profiled = 30 * time.Second

// profileAPI leaves profiles of the API server's next seconds where they are wanted: where it spends CPU, and what it makes garbage of.
func (s *scale) profileAPI(name string) {
	s.b.Helper()
	dir := os.Getenv(profileDir)
	if dir == "" {
		return
	}
	https, err := rest.HTTPClientFor(env.Config)
	if err != nil {
		s.b.Fatal(err)
	}
	for _, kind := range []string{"profile", "allocs"} {
		go func() {
			if err := fetchProfile(https, kind, filepath.Join(dir, name+"-"+kind+".pprof")); err != nil {
				s.b.Errorf("profile the API server: %v", err)
			}
		}()
	}
}

func fetchProfile(https *http.Client, kind, path string) error {
	response, err := https.Get(fmt.Sprintf("%s/debug/pprof/%s?seconds=%.0f", env.Config.Host, kind, profiled.Seconds()))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(path, body, 0o600)
}
