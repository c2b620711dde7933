// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestTheGatewayMakesNoConfigMapsButThoseOfSessionsThatHaveEnded(t *testing.T) {
	installed(t)
	const hash, times = "00112233445566778899aabbccddeeff", "1800000000000 1800000000"
	marked := map[string]string{"reelkeeper.io/ended-sessions": "true"}
	const otherConfigMaps, otherData = "no ConfigMaps but those of the sessions that have ended", "a hash and two times"
	cases := map[string]struct {
		name   string
		labels map[string]string
		data   map[string]string
		want   string // empty for one that is taken
	}{
		"one of those":             {"reelkeeper-ended-sessions-a", marked, map[string]string{hash: times}, ""},
		"an empty one of those":    {"reelkeeper-ended-sessions-0", marked, nil, ""},
		"another one":              {"kube-root-ca.crt", marked, nil, otherConfigMaps},
		"one that is named alike":  {"reelkeeper-ended-sessions-aa", marked, nil, otherConfigMaps},
		"one that no replica sees": {"reelkeeper-ended-sessions-a", nil, nil, otherConfigMaps},
		"one with a session's ID":  {"reelkeeper-ended-sessions-a", marked, map[string]string{"3q2-7wAB": times}, otherData},
		"one with an address":      {"reelkeeper-ended-sessions-a", marked, map[string]string{hash: "alice@example.com"}, otherData},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: tc.name, Labels: tc.labels}, Data: tc.data}
			err := as(t, gateway).Create(t.Context(), page, client.DryRunAll)
			if tc.want != "" {
				wantRefusal(t, err, tc.want)
			} else if err != nil {
				t.Errorf("the gateway cannot write down that a session has ended: %v", err)
			}
		})
	}
}
