// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/property"
)

// show prints a field with where it comes from.
func show[T any](f policy.Field[T]) string { return fmt.Sprintf("%v < %s", f.Value, f.Source()) }

func TestResolve(t *testing.T) {
	t.Parallel()
	high := map[string]string{"sensitivity": "high"}
	cases := map[string]struct {
		policies string
		labels   map[string]string
		field    func(*policy.Rules) string
		want     string
	}{
		"without any policy the built-in Standard holds": {
			field: func(r *policy.Rules) string { return show(r.Sharing.MaxTTL) },
			want:  "720h0m0s < built-in profile Standard sharing.maxTTL",
		},
		"R1 one field in a policy switches a whole organisation": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {defaults: {recording: {mode: Automatic}}}}`,
			field:    func(r *policy.Rules) string { return show(r.Recording.Mode) },
			want:     "Automatic < ClusterRecordingPolicy house spec.defaults.recording.mode (generation 1)",
		},
		"R14 of two modes the stricter holds": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {recording: {mode: Manual}}}}
---
{kind: RecordingPolicy, spec: {recording: {mode: Automatic}}}`,
			field: func(r *policy.Rules) string { return show(r.Recording.Mode) },
			want:  "Manual < ClusterRecordingPolicy house spec.overrides.recording.mode (generation 1)",
		},
		"R14 an override that is looser changes nothing": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {recording: {mode: Automatic}}}}
---
{kind: RecordingPolicy, metadata: {name: quiet}, spec: {recording: {mode: Disabled}}}`,
			field: func(r *policy.Rules) string { return show(r.Recording.Mode) },
			want:  "Disabled < RecordingPolicy finance/quiet spec.recording.mode (generation 2)",
		},
		"R14 a permission set is intersected": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {access: {roles: [{role: Host, permissions: [View, Purge]}]}}}}`,
			field:    func(r *policy.Rules) string { return show(r.Access.Roles.Of(v1alpha1.RoleHost)) },
			want:     "View < ClusterRecordingPolicy house spec.overrides.access.roles[Host] (generation 1)",
		},
		"R14 a duration is capped, by the shortest of several overrides": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {sharing: {maxTTL: 14d}}}}
---
{kind: ClusterRecordingPolicy, metadata: {name: strict}, spec: {overrides: {sharing: {maxTTL: 7d}}}}
---
{kind: RecordingPolicy, spec: {sharing: {maxTTL: Never}}}`,
			field: func(r *policy.Rules) string { return show(r.Sharing.MaxTTL) },
			want:  "168h0m0s < ClusterRecordingPolicy strict spec.overrides.sharing.maxTTL (generation 2)",
		},
		"R14 every override's audience has to admit, and the policy's own": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {access: {audience: Departments, departments: [finance]}}}}
---
{kind: RecordingPolicy, metadata: {name: board}, spec: {access: {audience: Invited}}}`,
			field: func(r *policy.Rules) string {
				var all []string
				for _, a := range r.Access.Audiences {
					all = append(all, fmt.Sprint(a.Kind, a.Departments, " < ", a.From.String()))
				}
				return strings.Join(all, "; ")
			},
			want: "Invited[] < RecordingPolicy finance/board spec.access.audience (generation 2); " +
				"Departments[finance] < ClusterRecordingPolicy house spec.overrides.access.audience (generation 1)",
		},
		"R14 an override's profile bounds every field that it sets": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {profile: Restricted}}}
---
{kind: RecordingPolicy, spec: {profile: Open}}`,
			field: func(r *policy.Rules) string { return show(r.Sharing.Links) + "; " + show(r.Watermark) },
			want: "PasswordRequired < profile Restricted sharing.links, chosen by ClusterRecordingPolicy house spec.overrides.profile (generation 1); " +
				"Viewer < profile Restricted watermark, chosen by ClusterRecordingPolicy house spec.overrides.profile (generation 1)",
		},
		"R14 but what the override says itself goes before its profile": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {profile: Restricted, sharing: {maxTTL: 7d}}}}
---
{kind: RecordingPolicy, metadata: {name: lax}, spec: {sharing: {maxTTL: 6d}}}`,
			field: func(r *policy.Rules) string { return show(r.Sharing.MaxTTL) },
			want:  "144h0m0s < RecordingPolicy finance/lax spec.sharing.maxTTL (generation 2)",
		},
		"R18 a profile is a preset that fields override": {
			policies: `{kind: RecordingPolicy, metadata: {name: board}, spec: {profile: Restricted, retention: {expireAfter: 10d}}}`,
			field: func(r *policy.Rules) string {
				return show(r.Retention.ExpireAfter) + "; " + show(r.Sharing.Links)
			},
			want: "240h0m0s < RecordingPolicy finance/board spec.retention.expireAfter (generation 1); " +
				"PasswordRequired < profile Restricted sharing.links, chosen by RecordingPolicy finance/board spec.profile (generation 1)",
		},
		"a role that a policy leaves out keeps what the profile gives": {
			policies: `{kind: RecordingPolicy, spec: {access: {roles: [{role: Host, permissions: []}]}}}`,
			field: func(r *policy.Rules) string {
				return show(r.Access.Roles.Of(v1alpha1.RoleHost)) + "; " + show(r.Access.Roles.Of(v1alpha1.RoleParticipant))
			},
			want: "nothing < RecordingPolicy finance/policy-1 spec.access.roles[Host] (generation 1); View < built-in profile Standard access.roles[Participant]",
		},
		"the most specific policy decides, field by field": {
			policies: `{kind: RecordingPolicy, metadata: {name: all}, spec: {watermark: Viewer, retention: {expireAfter: 1d, trashFor: 1d}}}
---
{kind: RecordingPolicy, metadata: {name: high}, spec: {selector: {matchLabels: {sensitivity: high}}, retention: {expireAfter: 2d}}}`,
			labels: high,
			field: func(r *policy.Rules) string {
				return show(r.Retention.ExpireAfter) + "; " + show(r.Retention.TrashFor)
			},
			want: "48h0m0s < RecordingPolicy finance/high spec.retention.expireAfter (generation 2); 24h0m0s < RecordingPolicy finance/all spec.retention.trashFor (generation 1)",
		},
		"a policy whose selector does not match says nothing": {
			policies: `{kind: RecordingPolicy, spec: {selector: {matchLabels: {sensitivity: high}}, watermark: Viewer}}`,
			field:    func(r *policy.Rules) string { return show(r.Watermark) },
			want:     "None < built-in profile Standard watermark",
		},
		"of equally specific policies the older decides": {
			policies: `{kind: RecordingPolicy, metadata: {name: z}, spec: {watermark: Viewer}}
---
{kind: RecordingPolicy, metadata: {name: a}, spec: {watermark: None}}`,
			field: func(r *policy.Rules) string { return show(r.Watermark) },
			want:  "Viewer < RecordingPolicy finance/z spec.watermark (generation 1)",
		},
		"of equally old ones the first by name": {
			policies: `{kind: RecordingPolicy, metadata: {name: z, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {watermark: Viewer}}
---
{kind: RecordingPolicy, metadata: {name: a, creationTimestamp: "2026-01-01T00:00:00Z"}, spec: {watermark: None}}`,
			field: func(r *policy.Rules) string { return show(r.Watermark) },
			want:  "None < RecordingPolicy finance/a spec.watermark (generation 2)",
		},
		"a namespace policy goes before the organisation's defaults": {
			policies: `{kind: ClusterRecordingPolicy, spec: {selector: {matchLabels: {sensitivity: high}}, defaults: {watermark: Viewer}}}
---
{kind: RecordingPolicy, spec: {watermark: None}}`,
			labels: high,
			field:  func(r *policy.Rules) string { return show(r.Watermark) },
			want:   "None < RecordingPolicy finance/policy-2 spec.watermark (generation 2)",
		},
		"R18 a profile that a department chooses goes before the organisation's defaults": {
			policies: `{kind: ClusterRecordingPolicy, spec: {defaults: {watermark: None, sharing: {external: Allowed}}}}
---
{kind: RecordingPolicy, metadata: {name: board}, spec: {profile: Restricted}}`,
			field: func(r *policy.Rules) string { return show(r.Watermark) + "; " + string(r.Sharing.External.Value) },
			want:  "Viewer < profile Restricted watermark, chosen by RecordingPolicy finance/board spec.profile (generation 2); Forbidden",
		},
		"R1 but leaves to the organisation what the profiles do not differ in": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {defaults: {recording: {mode: Automatic}, retention: {trashFor: 60d}}}}
---
{kind: RecordingPolicy, spec: {profile: Restricted}}`,
			field: func(r *policy.Rules) string {
				return show(r.Recording.Mode) + "; " + r.Retention.TrashFor.Value.String()
			},
			want: "Automatic < ClusterRecordingPolicy house spec.defaults.recording.mode (generation 1); 1440h0m0s",
		},
		"R18 the profile of a specific policy goes before what a general one says": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {external: Allowed, maxTTL: Never}}}
---
{kind: RecordingPolicy, metadata: {name: high}, spec: {selector: {matchLabels: {sensitivity: high}}, profile: Restricted, sharing: {maxTTL: 1d}}}`,
			labels: high,
			field:  func(r *policy.Rules) string { return show(r.Sharing.External) + "; " + r.Sharing.MaxTTL.Value.String() },
			want:   "Forbidden < profile Restricted sharing.external, chosen by RecordingPolicy finance/high spec.profile (generation 2); 24h0m0s",
		},
		"and what a specific policy says before the profile of a general one": {
			policies: `{kind: RecordingPolicy, spec: {profile: Restricted}}
---
{kind: RecordingPolicy, metadata: {name: high}, spec: {selector: {matchLabels: {sensitivity: high}}, watermark: None}}`,
			labels: high,
			field:  func(r *policy.Rules) string { return show(r.Watermark) + "; " + string(r.Profile.Value) },
			want:   "None < RecordingPolicy finance/high spec.watermark (generation 2); Restricted",
		},
		"the organisation's defaults go before the built-in profile": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {defaults: {watermark: Viewer}}}`,
			field:    func(r *policy.Rules) string { return show(r.Watermark) + "; " + show(r.Profile) },
			want:     "Viewer < ClusterRecordingPolicy house spec.defaults.watermark (generation 1); Standard < built-in profile Standard",
		},
		"R2 a profile in overrides does not forbid recording by itself": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {profile: Restricted}, defaults: {recording: {mode: Automatic}}}}`,
			field:    func(r *policy.Rules) string { return show(r.Recording.Mode) },
			want:     "Automatic < ClusterRecordingPolicy house spec.defaults.recording.mode (generation 1)",
		},
		"a namespace selector picks by the namespace's labels": {
			policies: `{kind: ClusterRecordingPolicy, spec: {namespaceSelector: {matchLabels: {team: legal}}, overrides: {watermark: Viewer}}}`,
			field:    func(r *policy.Rules) string { return show(r.Watermark) },
			want:     "None < built-in profile Standard watermark",
		},
		"R17 labels are merged by label": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {access: {labels: [{label: manager, permissions: [View]}, {label: guest, permissions: []}]}}}}
---
{kind: RecordingPolicy, spec: {access: {labels: [{label: manager, permissions: [View, Download]}]}}}
---
{kind: RecordingPolicy, spec: {access: {labels: [{label: manager, permissions: []}, {label: intern, permissions: [View]}]}}}`,
			field: func(r *policy.Rules) string {
				var all []string
				for _, l := range r.Access.Labels {
					all = append(all, fmt.Sprintf("%s: %s, gives %v < %s", l.Name, l.Permissions, l.Gives, l.From))
				}
				return strings.Join(all, "; ")
			},
			want: "manager: View, gives true < ClusterRecordingPolicy house spec.overrides.access.labels[manager] (generation 1); " +
				"intern: View, gives true < RecordingPolicy finance/policy-3 spec.access.labels[intern] (generation 3); " +
				"guest: nothing, gives false < ClusterRecordingPolicy house spec.overrides.access.labels[guest] (generation 1)",
		},
		"R27 of two locks the longer holds": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {retention: {lock: {mode: Governance, for: 10d}}}}}
---
{kind: RecordingPolicy, metadata: {name: keep}, spec: {retention: {lock: {mode: Governance, for: 20d}}}}`,
			field: func(r *policy.Rules) string { return show(r.Retention.Lock) },
			want:  "Governance for 20d < RecordingPolicy finance/keep spec.retention.lock (generation 2)",
		},
		"R27 an override can demand a lock where nobody else does": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {retention: {lock: {mode: Compliance, for: 10d}}}}}`,
			field:    func(r *policy.Rules) string { return show(r.Retention.Lock) },
			want:     "Compliance for 10d < ClusterRecordingPolicy house spec.overrides.retention.lock (generation 1)",
		},
		"the height is capped": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {processing: {maxHeight: 720}}}}
---
{kind: RecordingPolicy, spec: {processing: {maxHeight: 1080}}}`,
			field: func(r *policy.Rules) string { return show(r.Processing.MaxHeight) },
			want:  "720 < ClusterRecordingPolicy policy-1 spec.overrides.processing.maxHeight (generation 1)",
		},
		"playback is bounded field by field": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {playback: {maxAhead: 1m, maxSpeed: 1.25x, maxViews: 2}}}}
---
{kind: RecordingPolicy, metadata: {name: own}, spec: {playback: {maxAhead: Never, maxSpeed: 2x, maxViews: 9, maxRequests: 90}}}`,
			field: func(r *policy.Rules) string {
				p := r.Playback
				return show(p.MaxAhead) + "; " + show(p.MaxSpeed) + "; " + show(p.MaxViews) + "; " + show(p.MaxRequests)
			},
			want: "1m0s < ClusterRecordingPolicy house spec.overrides.playback.maxAhead (generation 1); " +
				"1.25x < ClusterRecordingPolicy house spec.overrides.playback.maxSpeed (generation 1); " +
				"2 < ClusterRecordingPolicy house spec.overrides.playback.maxViews (generation 1); " +
				"90 < RecordingPolicy finance/own spec.playback.maxRequests (generation 2)",
		},
		"a policy in DryRun changes nothing": {
			policies: `{kind: RecordingPolicy, spec: {enforcement: DryRun, retention: {expireAfter: 1d}}}`,
			field: func(r *policy.Rules) string {
				return show(r.Retention.ExpireAfter) + "; " + show(r.Trial.Retention.ExpireAfter) + "; " + show(r.Enforcement)
			},
			want: "4320h0m0s < built-in profile Standard retention.expireAfter; 24h0m0s < RecordingPolicy finance/policy-1 spec.retention.expireAfter (generation 1); " +
				"DryRun < RecordingPolicy finance/policy-1 spec.enforcement (generation 1)",
		},
		"the organisation's defaults can put everything that says nothing into DryRun": {
			policies: `{kind: ClusterRecordingPolicy, spec: {defaults: {enforcement: DryRun}}}
---
{kind: RecordingPolicy, spec: {watermark: Viewer}}
---
{kind: RecordingPolicy, spec: {enforcement: Enforce, retention: {trashFor: 1d}}}`,
			field: func(r *policy.Rules) string {
				return show(r.Watermark) + "; " + show(r.Trial.Watermark) + "; " + show(r.Retention.TrashFor)
			},
			want: "None < built-in profile Standard watermark; Viewer < RecordingPolicy finance/policy-2 spec.watermark (generation 2); " +
				"24h0m0s < RecordingPolicy finance/policy-3 spec.retention.trashFor (generation 3)",
		},
		"R14 an override that says Enforce ends every trial": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {enforcement: Enforce}}}
---
{kind: RecordingPolicy, spec: {enforcement: DryRun, watermark: Viewer}}`,
			field: func(r *policy.Rules) string {
				return fmt.Sprint(show(r.Watermark), "; ", r.Enforcement.Value, "; ", r.Trial == nil)
			},
			want: "Viewer < RecordingPolicy finance/policy-2 spec.watermark (generation 2); Enforce; true",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := governancetest.Policies(t, tc.policies)
			in.RecordingLabels = tc.labels
			if diff := cmp.Diff(tc.want, tc.field(policy.Resolve(in))); diff != "" {
				t.Errorf("resolved (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policies     string
		field        func(*policy.Rules) string
		want         string
		wantProblems []string // part of each
	}{
		"a selector that cannot be read bounds everything and gives nothing": {
			policies: `{kind: RecordingPolicy, spec: {selector: {matchExpressions: [{key: a, operator: Resembles}]}, access: {roles: [{role: Host, permissions: [View]}, {role: Internal, permissions: [View]}]}}}`,
			field: func(r *policy.Rules) string {
				return fmt.Sprint(r.Access.Roles.Of(v1alpha1.RoleHost).Value, "; ", r.Access.Roles.Of(v1alpha1.RoleInternal).Value)
			},
			want:         "View; nothing",
			wantProblems: []string{"RecordingPolicy finance/policy-1 spec.selector (generation 1): \"Resembles\" is not a valid label selector operator; until this is put right"},
		},
		"R27 nor does anything expire on its word": {
			policies: `{kind: RecordingPolicy, spec: {selector: {matchExpressions: [{key: a, operator: Resembles}]}, retention: {expireAfter: 1d}}}`,
			field: func(r *policy.Rules) string {
				return show(r.Retention.ExpireAfter) + "; paused by " + r.Retention.Paused.String()
			},
			want:         "4320h0m0s < built-in profile Standard retention.expireAfter; paused by RecordingPolicy finance/policy-1 spec.selector (generation 1)",
			wantProblems: []string{"until this is put right"},
		},
		"an override's selector that cannot be read is reported once": {
			policies:     `{kind: ClusterRecordingPolicy, spec: {selector: {matchExpressions: [{key: a, operator: In}]}, overrides: {watermark: Viewer}, defaults: {watermark: None}}}`,
			field:        func(r *policy.Rules) string { return fmt.Sprint(r.Watermark.Value) },
			want:         "Viewer",
			wantProblems: []string{"for 'in', 'notin' operators, values set can't be empty"},
		},
		"a time to live that cannot be read lets no grant count": {
			policies:     `{kind: RecordingPolicy, spec: {sharing: {maxTTL: fortnight}}}`,
			field:        func(r *policy.Rules) string { return r.Sharing.MaxTTL.Value.String() },
			want:         "0s",
			wantProblems: []string{`"fortnight" is not a duration`},
		},
		"R27 a retention that cannot be read deletes nothing": {
			policies: `{kind: RecordingPolicy, spec: {retention: {expireAfter: 90 days, trashFor: soon}}}`,
			field: func(r *policy.Rules) string {
				return strconv.FormatBool(min(r.Retention.ExpireAfter.Value, r.Retention.TrashFor.Value) == v1alpha1.Forever)
			},
			want:         "true",
			wantProblems: []string{"until then nothing expires by it", "until then nothing leaves the trash by it"},
		},
		"R27 a lock that cannot be read pauses everything": {
			policies:     `{kind: RecordingPolicy, spec: {retention: {lock: {mode: Compliance, for: ages}}}}`,
			field:        func(r *policy.Rules) string { return r.Retention.Paused.String() },
			want:         "RecordingPolicy finance/policy-1 spec.retention.lock.for (generation 1)",
			wantProblems: []string{"until then nothing expires and nothing leaves the trash"},
		},
		"a choice of a later version counts as the strictest": {
			policies:     `{kind: RecordingPolicy, spec: {sharing: {links: CaptchaRequired}}}`,
			field:        func(r *policy.Rules) string { return fmt.Sprint(r.Sharing.Links.Value) },
			want:         "Forbidden",
			wantProblems: []string{`"CaptchaRequired" is not known to this version and counts as Forbidden`},
		},
		"a permission of a later version is not given": {
			policies:     `{kind: RecordingPolicy, spec: {access: {audience: Everybody, roles: [{role: Host, permissions: [View, Fly]}]}}}`,
			field:        func(r *policy.Rules) string { return fmt.Sprint(r.Access.Roles.Of(v1alpha1.RoleHost).Value) },
			want:         "View",
			wantProblems: []string{`"Everybody" is not known to this version and admits nobody`, `permission "Fly" is not known`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := policy.Resolve(governancetest.Policies(t, tc.policies))
			if diff := cmp.Diff(tc.want, tc.field(rules)); diff != "" {
				t.Errorf("resolved (-want +got):\n%s", diff)
			}
			var got []string
			for _, problem := range rules.Problems {
				got = append(got, problem.String())
			}
			if len(got) != len(tc.wantProblems) {
				t.Fatalf("problems: %q", got)
			}
			for i, want := range tc.wantProblems {
				if !strings.Contains(got[i], want) {
					t.Errorf("problem %q does not say %q", got[i], want)
				}
			}
		})
	}
}

func TestResolvedRulesAreComplete(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in := governancetest.Input(t)
		rules := policy.Resolve(in)
		sources := map[string]*policy.Provenance{
			"profile": rules.Profile.From, "mode": rules.Recording.Mode.From, "notice": rules.Recording.Notice.From,
			"links": rules.Sharing.Links.From, "maxTTL": rules.Sharing.MaxTTL.From, "external": rules.Sharing.External.From,
			"publicChannels": rules.Sharing.PublicChannels.From, "requests": rules.Sharing.Requests.From,
			"expireAfter": rules.Retention.ExpireAfter.From, "unwatchedAfter": rules.Retention.UnwatchedAfter.From, "trashFor": rules.Retention.TrashFor.From,
			"warnBefore": rules.Retention.WarnBefore.From, "extendTo": rules.Retention.ExtendTo.From,
			"thumbnails": rules.Processing.Thumbnails.From, "watermark": rules.Watermark.From,
			"maxAhead": rules.Playback.MaxAhead.From, "maxSpeed": rules.Playback.MaxSpeed.From,
			"maxViews": rules.Playback.MaxViews.From, "maxRequests": rules.Playback.MaxRequests.From,
			"onFailure": rules.Audit.OnFailure.From, "addresses": rules.Audit.Addresses.From, "enforcement": rules.Enforcement.From,
		}
		for i, role := range policy.Roles {
			sources[string(role)] = rules.Access.Roles[i].From
		}
		for _, audience := range rules.Access.Audiences {
			sources["audience "+string(audience.Kind)] = audience.From
		}
		for field, from := range sources {
			if from == nil || from.String() == "" {
				t.Errorf("%s comes from nowhere", field)
			}
		}
		if len(rules.Problems) > 0 {
			t.Errorf("policies that the schema accepts have problems: %v", rules.Problems)
		}
	})
}

func TestResolvingLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in := governancetest.Input(t)
		set := policy.NewSet(in.ClusterPolicies, in.Policies)
		first := set.Resolve(in.NamespaceLabels, in.RecordingLabels)
		set.Resolve(nil, nil)
		set.Resolve(map[string]string{"sensitivity": "high"}, map[string]string{"sensitivity": "high"})

		slices.Reverse(in.Policies)
		slices.Reverse(in.ClusterPolicies)
		second := policy.Resolve(in)
		if diff := different(first, set.Resolve(in.NamespaceLabels, in.RecordingLabels)); diff != "" {
			t.Fatalf("a set that was used resolves otherwise (-first +later):\n%s", diff)
		}
		if diff := different(first, second); diff != "" {
			t.Fatalf("another order resolves otherwise (-first +reversed):\n%s", diff)
		}
	})
}

func TestPermissionSet(t *testing.T) {
	t.Parallel()
	set := policy.Permissions(v1alpha1.PermissionDownload, v1alpha1.PermissionView, "Fly")
	if got := set.String(); got != "View Download" {
		t.Errorf("the set reads %q", got)
	}
	if set.Has("Fly") || policy.AllPermissions.Has("Fly") || policy.AllPermissions.Has("") {
		t.Error("a set has a permission that is not known")
	}
	if len(policy.AllPermissions.List()) != 10 {
		t.Errorf("all permissions are %s", policy.AllPermissions)
	}
}
