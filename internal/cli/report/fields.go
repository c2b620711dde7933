// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Field is one field of the rules that hold, in words, and where it comes from.
type Field struct {
	// Name is the field's path, as a policy writes it.
	Name string `json:"field"`
	// Value is what holds, in words.
	Value string `json:"value"`
	// From is where it comes from; absent where nothing says anything.
	From *Source `json:"from,omitempty"`
}

// fieldsOf lists all fields of the rules, in the order in which policies write them.
func fieldsOf(r *policy.Rules) []Field {
	list := []Field{
		plain("profile", r.Profile), plain("recording.mode", r.Recording.Mode), plain("recording.notice", r.Recording.Notice),
	}
	list = append(list, accessFields(&r.Access)...)
	list = append(list,
		plain("sharing.links", r.Sharing.Links), length("sharing.maxTTL", r.Sharing.MaxTTL), plain("sharing.external", r.Sharing.External),
		plain("sharing.publicChannels", r.Sharing.PublicChannels), plain("sharing.requests", r.Sharing.Requests),
		length("sharing.approval.answerWithin", r.Sharing.AnswerWithin), length("sharing.approval.expireAfter", r.Sharing.ExpireAfter),
		Field{"sharing.approval.approvers", subjects(r.Sharing.Approvers.Value), sourceAt(r.Sharing.Approvers.From)},
		Field{"succession.successors", successors(r.Succession.Successors.Value), sourceAt(r.Succession.Successors.From)},
		length("retention.expireAfter", r.Retention.ExpireAfter), length("retention.unwatchedAfter", r.Retention.UnwatchedAfter),
		length("retention.trashFor", r.Retention.TrashFor), length("retention.warnBefore", r.Retention.WarnBefore),
		length("retention.extendTo", r.Retention.ExtendTo), lockField(&r.Retention), plain("retention.erasure", r.Retention.Erasure),
	)
	if at := r.Retention.Paused; at != nil {
		list = append(list, Field{"retention", "paused: nothing expires until the policy can be understood", sourceAt(at)})
	}
	return append(list,
		number("processing.maxHeight", r.Processing.MaxHeight), plain("processing.thumbnails", r.Processing.Thumbnails),
		length("playback.maxAhead", r.Playback.MaxAhead), plain("playback.maxSpeed", r.Playback.MaxSpeed),
		number("playback.maxViews", r.Playback.MaxViews), number("playback.maxRequests", r.Playback.MaxRequests),
		plain("watermark", r.Watermark),
		plain("audit.onFailure", r.Audit.OnFailure), plain("audit.addresses", r.Audit.Addresses),
		plain("audit.downloadNotice", r.Audit.DownloadNotice), plain("enforcement", r.Enforcement),
	)
}

// accessFields lists who may do what: the outer bounds, the roles, what the organisation leaves to be given, and the labels.
func accessFields(a *policy.Access) []Field {
	var list []Field
	for _, audience := range a.Audiences {
		value := string(audience.Kind)
		if len(audience.Departments) > 0 {
			value += ": " + strings.Join(audience.Departments, ", ")
		}
		list = append(list, Field{"access.audience", value, sourceAt(audience.From)})
	}
	entry := func(name string, set policy.PermissionSet, from *policy.Provenance, conditions []policy.Condition) {
		list = append(list, Field{name, set.String(), sourceAt(from)})
		list = append(list, whenFields(name, conditions)...)
	}
	for i, role := range policy.Roles {
		entry(fmt.Sprintf("access.roles[%s]", role), a.Roles[i].Value, a.Roles[i].From, a.RoleConditions[i])
	}
	for i, role := range policy.Roles {
		if ceiling := a.Ceilings[i]; ceiling.From != nil || len(a.CeilingConditions[i]) > 0 {
			entry(fmt.Sprintf("most for %s", role), ceiling.Value, ceiling.From, a.CeilingConditions[i])
		}
	}
	for _, label := range a.Labels {
		entry(fmt.Sprintf("access.labels[%s]", label.Name), label.Permissions, label.From, label.Conditions)
	}
	return list
}

// whenFields lists the conditions under which an entry counts; all of them have to hold.
func whenFields(entry string, conditions []policy.Condition) []Field {
	var list []Field
	for i := range conditions {
		value := conditions[i].Expression
		if conditions[i].Broken() {
			value += " (cannot be compiled, and is never true)"
		}
		list = append(list, Field{entry + ".when", value, sourceAt(conditions[i].From)})
	}
	return list
}

func plain[T ~string](name string, f policy.Field[T]) Field {
	return Field{name, string(f.Value), sourceAt(f.From)}
}

func length(name string, f policy.Field[time.Duration]) Field {
	return Field{name, say(f.Value), sourceAt(f.From)}
}

func number(name string, f policy.Field[int32]) Field {
	if f.Value == 0 {
		return Field{name, "any", sourceAt(f.From)}
	}
	return Field{name, strconv.Itoa(int(f.Value)), sourceAt(f.From)}
}

func lockField(r *policy.Retention) Field {
	f := Field{"retention.lock", "None", sourceAt(r.Lock.From)}
	if lock := r.Lock.Value; lock.Mode != "" {
		f.Value = fmt.Sprintf("%s for %s", lock.Mode, say(lock.For))
	}
	return f
}

// subjects writes whom a list names.
func subjects(list []v1alpha1.GrantSubject) string {
	names := make([]string, 0, len(list))
	for _, s := range list {
		names = append(names, string(s.Kind)+" "+s.Name)
	}
	return cmp.Or(strings.Join(names, ", "), "nobody")
}

// successors writes who succeeds a creator who has left.
func successors(list []v1alpha1.Successor) string {
	names := make([]string, 0, len(list))
	for _, s := range list {
		names = append(names, strings.TrimSpace(string(s.Kind)+" "+s.Name))
	}
	return cmp.Or(strings.Join(names, ", then "), "nobody")
}

// say writes a length of time as policies do: 90d, 12h30m, Never.
func say(d time.Duration) string {
	if d == v1alpha1.Forever {
		return string(v1alpha1.Never)
	}
	var text strings.Builder
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / unit.size; n > 0 {
			fmt.Fprintf(&text, "%d%s", n, unit.name)
			d %= unit.size
		}
	}
	if text.Len() == 0 {
		return "0s"
	}
	return text.String()
}

// date writes a time as reports do, empty for none.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}
