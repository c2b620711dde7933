// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scale

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// startManager starts the manager and does not wait until it is ready.
func (s *scale) startManager() {
	s.b.Helper()
	health := testenv.FreeAddress(s.b)
	s.metrics = testenv.FreeAddress(s.b)
	var err error
	s.manager, err = process.Start(s.b.Context(), process.Spec{
		Name: "manager", Path: s.binary, Log: filepath.Join(env.Logs, "manager.log"),
		Env: append(os.Environ(), "GOMEMLIMIT=512MiB"),
		Args: []string{
			"manager", "--kubeconfig", s.kubeconfig, "--operator-namespace", operatorNamespace, "--gateway-url", "https://recordings.example.com",
			"--worker-image", "reelkeeper", "--leader-elect=false", "--metrics-bind-address", s.metrics, "--health-probe-bind-address", health,
		},
	})
	if err != nil {
		s.b.Fatal(err)
	}
	s.running, s.started = true, time.Now()
	s.b.Cleanup(s.manager.Kill)
	s.health = "http://" + health + "/readyz"
}

// fired is how many dates have come since the manager started, and how many of them it noticed within a time.
func (s *scale) fired(within time.Duration) (inTime, all int) {
	s.b.Helper()
	// The certificate is made by the manager for itself.
	https := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	request, err := http.NewRequestWithContext(s.b.Context(), http.MethodGet, "https://"+s.metrics+"/metrics", http.NoBody)
	if err != nil {
		s.b.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.scraper.BearerToken)
	response, err := https.Do(request)
	if err != nil {
		s.b.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.b.Fatal(err)
	}
	count := func(series string) int {
		_, after, found := strings.Cut(string(text), "\nreelkeeper_deadline_lateness_seconds_"+series+" ")
		line, _, _ := strings.Cut(after, "\n")
		n, err := strconv.Atoi(line)
		if !found || err != nil {
			s.b.Fatalf("%s: the metrics have no lateness %s: %v", response.Status, series, err)
		}
		return n
	}
	return count(fmt.Sprintf("bucket{le=\"%g\"}", within.Seconds())), count("count")
}

// kill ends the manager in the middle of whatever it does.
func (s *scale) kill() {
	if s.running {
		s.manager.Kill()
	}
	s.running = false
}

// waitUntilIdle waits until the manager has read everything and then uses next to no CPU for a while.
func (s *scale) waitUntilIdle() {
	s.b.Helper()
	err := wait.PollUntilContextTimeout(s.b.Context(), 50*time.Millisecond, 5*time.Minute, true, func(context.Context) (bool, error) {
		return process.HTTPReady(http.DefaultClient, s.health)(s.b.Context()) == nil, nil
	})
	if err != nil {
		s.b.Fatalf("the manager does not become ready: %v", err)
	}
	s.awaitCalm("the manager", s.manager.PID(), 100*time.Millisecond, 1)
	s.start = max(s.start, time.Since(s.started))
}

// cpuTime is how much CPU the manager has used so far.
func (s *scale) cpuTime() time.Duration {
	s.b.Helper()
	return s.cpuOf(s.manager.PID())
}
