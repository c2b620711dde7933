// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestManagerFlagsSayWhatToType(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "")
	cases := map[string]struct {
		args []string
		want []string
	}{
		"nothing given": {nil, []string{"--gateway-url", "--operator-namespace", "--worker-image"}},
		"gateway URL without a scheme": {
			[]string{"--gateway-url", "recordings.example.com", "--operator-namespace", "o", "--worker-image", "i"},
			[]string{`"recordings.example.com"`, "https://recordings.example.com"},
		},
		"age that is none": {
			[]string{"--gateway-url", "https://r.example", "--operator-namespace", "o", "--worker-image", "i", "--audit-event-max-age", "a month"},
			[]string{"--audit-event-max-age", "90d"},
		},
		"no events at all": {
			[]string{"--gateway-url", "https://r.example", "--operator-namespace", "o", "--worker-image", "i", "--audit-events-per-namespace", "0"},
			[]string{"--audit-events-per-namespace must be at least 1"},
		},
		"argument that is no flag": {[]string{"start"}, []string{"unknown command"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := newRootCommand()
			root.SetArgs(append([]string{"manager"}, tc.args...))
			err := root.ExecuteContext(t.Context())
			if err == nil {
				t.Fatal("the flags were accepted")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestManagerOptions(t *testing.T) {
	t.Setenv("POD_NAMESPACE", "from-the-pod")
	var flags managerFlags
	cmd := newManagerCommand()
	cmd.ResetFlags()
	flags.bind(cmd)
	if err := cmd.ParseFlags([]string{"--gateway-url", "https://r.example/base/", "--worker-image", "i", "--namespaces", "finance,legal"}); err != nil {
		t.Fatal(err)
	}
	options, err := flags.options()
	if err != nil {
		t.Fatal(err)
	}
	if options.OperatorNamespace != "from-the-pod" || options.GatewayURL != "https://r.example/base" || len(options.Namespaces) != 2 || options.AuditMaxAge != 30*24*time.Hour {
		t.Errorf("options = %+v", options)
	}
	manager := flags.managerOptions()
	if !manager.LeaderElection || !manager.Metrics.SecureServing || manager.Metrics.FilterProvider == nil {
		t.Error("by default there is no election, or metrics for everybody")
	}
	if *manager.Client.Cache.EnableReadYourWritesConsistency {
		t.Error("several namespaces read their own writes, which does not work")
	}
}

func TestHelpTeaches(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"manager", "--help"}, {"gateway", "--help"}, {"worker", "--help"}} {
		root := newRootCommand()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetArgs(args)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(out.String()) < 300 {
			t.Errorf("reelkeeper %s says only:\n%s", strings.Join(args, " "), out.String())
		}
	}
}
