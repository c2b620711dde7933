// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scale

import (
	"io"
	"net/http"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
)

// profileDir is the variable that names the directory for profiles.
const profileDir = "SCALE_PROFILE"

// profileAPI leaves a profile of the API server's next seconds where one is wanted.
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
	go func() {
		if err := fetchProfile(https, filepath.Join(dir, name+".pprof")); err != nil {
			s.b.Errorf("profile the API server: %v", err)
		}
	}()
}

func fetchProfile(https *http.Client, path string) error {
	response, err := https.Get(env.Config.Host + "/debug/pprof/profile?seconds=4")
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
