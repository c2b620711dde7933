// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	secrets := map[string]string{"S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}
	cases := map[string]struct {
		args        []string
		env         map[string]string
		wantMessage string
	}{
		"everything that is required":  {args: []string{"--dir", "d"}, env: secrets},
		"no directory":                 {env: secrets, wantMessage: "--dir"},
		"no credentials":               {args: []string{"--dir", "d"}, wantMessage: "S3_ACCESS_KEY"},
		"a certificate without a key":  {args: []string{"--dir", "d", "--tls-cert", "c"}, env: secrets, wantMessage: "--tls-key"},
		"a key without a certificate":  {args: []string{"--dir", "d", "--tls-key", "k"}, env: secrets, wantMessage: "--tls-cert"},
		"a secret key as an argument":  {args: []string{"--dir", "d", "--secret-key", "b"}, env: secrets, wantMessage: "not defined"},
		"a flag that does not exist":   {args: []string{"--dri", "d"}, env: secrets, wantMessage: "not defined"},
		"a restricted account besides": {args: []string{"--dir", "d"}, env: map[string]string{"S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b", "S3_RESTRICTED_ACCESS_KEY": "c", "S3_RESTRICTED_SECRET_KEY": "d"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parse(tc.args, func(key string) string { return tc.env[key] })
			if tc.wantMessage == "" && err != nil {
				t.Errorf("parse = %v, want no error", err)
			}
			if tc.wantMessage != "" && (err == nil || !strings.Contains(err.Error(), tc.wantMessage)) {
				t.Errorf("parse = %v, want an error with %q", err, tc.wantMessage)
			}
		})
	}
}

func TestConcreteAddress(t *testing.T) {
	cases := map[string]struct {
		address, wantPrefix string
		wantError           bool
	}{
		"a port":       {address: "127.0.0.1:9000", wantPrefix: "127.0.0.1:9000"},
		"a free port":  {address: "127.0.0.1:0", wantPrefix: "127.0.0.1:"},
		"no port":      {address: "127.0.0.1", wantError: true},
		"not our host": {address: "192.0.2.1:0", wantError: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := concreteAddress(tc.address)
			if (err != nil) != tc.wantError || !strings.HasPrefix(got, tc.wantPrefix) || strings.HasSuffix(got, ":0") {
				t.Errorf("concreteAddress = %q, %v", got, err)
			}
		})
	}
}
