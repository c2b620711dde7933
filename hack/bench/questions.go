// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// The rules in words; policies.cedar and policies.rego say the same.
//
//   - Members of the organisation with a verified address only, and outsiders whom a grant names.
//   - Creator and hosts view, download and trash; participants view; nobody else anything.
//   - Managers may download as well what they may view; no role gives participants more than View and Download.
//   - Interns may view at most.
//   - A grant gives whom it names what it says until it ends.
//   - In the trash there is no viewing.
const (
	organisation = `spec: {overrides: {access: {audience: Internal, roles: [{role: Participant, permissions: [View, Download]}]}}}`
	department   = `spec: {profile: Standard, access: {labels: [{label: manager, permissions: [View, Download]}, {label: intern, permissions: [View]}]}}`
)

var now = time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC)

// theRecording and theGrants are what all questions are about.
var theRecording, theGrants = recording(), grants()

// question is who wants to do what with the one recording there is.
type question struct {
	name       string
	subject    access.Subject
	permission v1alpha1.Permission
	want       bool
}

func person(name string, internal bool, labels ...string) access.Subject {
	return access.Subject{Name: name, Verified: true, Internal: internal, Labels: labels}
}

func questions() []question {
	return []question{
		{"a host downloads", person("wei.zhang@example.com", true), v1alpha1.PermissionDownload, true},
		{"a participant views", person("jonas.evans@example.com", true), v1alpha1.PermissionView, true},
		{"a manager downloads", person("jonas.evans@example.com", true, "manager"), v1alpha1.PermissionDownload, true},
		{"a guest views by a grant", person("j.guest@partner.example", false), v1alpha1.PermissionView, true},
		{"a participant downloads", person("jonas.evans@example.com", true), v1alpha1.PermissionDownload, false},
		{"an outsider views", person("eve@partner.example", false), v1alpha1.PermissionView, false},
	}
}

// people are fifty addresses such as companies give them.
func people() []string {
	first := []string{"amira", "bo", "carlos", "dagny", "elif", "farid", "greta", "hiroshi", "ines", "jonas"}
	last := []string{"adeyemi", "berg", "chen", "dimitrov", "evans"}
	var all []string
	for _, f := range first {
		for _, l := range last {
			all = append(all, f+"."+l+"@example.com")
		}
	}
	return all
}

// recording is a meeting of fifty people.
func recording() access.Recording {
	return access.Recording{Creator: "alice.weber@example.com", Hosts: []string{"bob.novak@example.com", "wei.zhang@example.com"}, Participants: people()}
}

// grants are ten, each for one guest to view until tomorrow.
func grants() []access.Grant {
	var list []access.Grant
	for i := range 10 {
		list = append(list, access.Grant{
			Name: fmt.Sprintf("grant-%02d", i), Ready: true, Permissions: policy.Permissions(v1alpha1.PermissionView),
			Subjects:  []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: fmt.Sprintf("%c.guest@partner.example", 'a'+i)}},
			CreatedAt: now.Add(-time.Hour), ExpiresAt: now.Add(24 * time.Hour),
		})
	}
	return list
}

// reelkeeper is what our own engine is called.
const reelkeeper = "reelkeeper"

// own returns our own engine. Its rules come from an index, as the gateway's do.
func own() (engine, error) {
	house := v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "house"}}
	if err := yaml.UnmarshalStrict([]byte(organisation), &house); err != nil {
		return engine{}, err
	}
	finance := v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: "finance"}}
	if err := yaml.UnmarshalStrict([]byte(department), &finance); err != nil {
		return engine{}, err
	}
	index := policy.NewIndex([]v1alpha1.ClusterRecordingPolicy{house}, []v1alpha1.RecordingPolicy{finance}, nil)
	ask := func(about access.Request) func(question) (func() bool, error) {
		return func(q question) (func() bool, error) {
			req := about
			req.Subject, req.Permission = q.subject, q.permission
			rules := index.Resolve("finance", nil, nil)
			return func() bool {
				d := access.Decide(rules, &req)
				return d.Allowed()
			}, nil
		}
	}
	about := access.Request{Recording: theRecording, Grants: theGrants, Now: now}
	return engine{reelkeeper, ask(about), ask(about.Prepared())}, nil
}

// engines are all that are compared, our own first.
func engines() ([]engine, error) {
	var all []engine
	for _, make := range []func() (engine, error){own, cedarEngine, opaEngine} {
		e, err := make()
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
