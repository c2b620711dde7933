// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// field is one field of the rules: how it is read from a policy, how it yields and how it bounds.
type field interface {
	// read puts what a policy says into the reader's rules; what it leaves out stays absent.
	read(*reader, *v1alpha1.PolicyRules)
	// fill gives into the value of from, unless it has one already.
	fill(into, from *Rules)
	// bound makes the value of into at least as strict as that of by. What by leaves out bounds nothing.
	bound(into, by *Rules)
}

// fields are all fields that policies merge. The choices of an enum stand from the loosest to the strictest.
var fields = []field{
	enum[v1alpha1.Profile]{
		"profile", func(p *v1alpha1.PolicyRules) v1alpha1.Profile { return p.Profile },
		func(r *Rules) *Field[v1alpha1.Profile] { return &r.Profile },
		[]v1alpha1.Profile{v1alpha1.ProfileOpen, v1alpha1.ProfileStandard, v1alpha1.ProfileRestricted},
	},
	enum[v1alpha1.RecordingMode]{
		"recording.mode", func(p *v1alpha1.PolicyRules) v1alpha1.RecordingMode { return p.Recording.Mode },
		func(r *Rules) *Field[v1alpha1.RecordingMode] { return &r.Recording.Mode },
		[]v1alpha1.RecordingMode{v1alpha1.ModeAutomatic, v1alpha1.ModeManual, v1alpha1.ModeDisabled},
	},
	enum[v1alpha1.Notice]{
		"recording.notice", func(p *v1alpha1.PolicyRules) v1alpha1.Notice { return p.Recording.Notice },
		func(r *Rules) *Field[v1alpha1.Notice] { return &r.Recording.Notice },
		[]v1alpha1.Notice{v1alpha1.NoticeSilent, v1alpha1.NoticeAnnounce},
	},
	audience{},
	role(0), role(1), role(2), role(3), role(4),
	roleLabels{},
	enum[v1alpha1.LinkRule]{
		"sharing.links", func(p *v1alpha1.PolicyRules) v1alpha1.LinkRule { return p.Sharing.Links },
		func(r *Rules) *Field[v1alpha1.LinkRule] { return &r.Sharing.Links },
		[]v1alpha1.LinkRule{v1alpha1.LinksPasswordOptional, v1alpha1.LinksPasswordRequired, v1alpha1.LinksForbidden},
	},
	length{
		"sharing.maxTTL", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever { return p.Sharing.MaxTTL },
		func(r *Rules) *Field[time.Duration] { return &r.Sharing.MaxTTL },
		0, "no grant counts",
	},
	choice("sharing.external", func(p *v1alpha1.PolicyRules) v1alpha1.Choice { return p.Sharing.External },
		func(r *Rules) *Field[v1alpha1.Choice] { return &r.Sharing.External }),
	choice("sharing.publicChannels", func(p *v1alpha1.PolicyRules) v1alpha1.Choice { return p.Sharing.PublicChannels },
		func(r *Rules) *Field[v1alpha1.Choice] { return &r.Sharing.PublicChannels }),
	choice("sharing.requests", func(p *v1alpha1.PolicyRules) v1alpha1.Choice { return p.Sharing.Requests },
		func(r *Rules) *Field[v1alpha1.Choice] { return &r.Sharing.Requests }),
	length{
		"sharing.approval.answerWithin", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever {
			return v1alpha1.DurationOrNever(p.Sharing.Approval.AnswerWithin)
		},
		func(r *Rules) *Field[time.Duration] { return &r.Sharing.AnswerWithin },
		0, "requests go to everybody in the line at once",
	},
	length{
		"sharing.approval.expireAfter", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever {
			return v1alpha1.DurationOrNever(p.Sharing.Approval.ExpireAfter)
		},
		func(r *Rules) *Field[time.Duration] { return &r.Sharing.ExpireAfter },
		0, "requests end unanswered",
	},
	approvers{},
	successor{},
	length{
		"retention.expireAfter", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever { return p.Retention.ExpireAfter },
		func(r *Rules) *Field[time.Duration] { return &r.Retention.ExpireAfter },
		v1alpha1.Forever, "nothing expires by it",
	},
	length{
		"retention.unwatchedAfter", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever { return p.Retention.UnwatchedAfter },
		func(r *Rules) *Field[time.Duration] { return &r.Retention.UnwatchedAfter },
		v1alpha1.Forever, "nothing expires by it",
	},
	length{
		"retention.trashFor", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever {
			return v1alpha1.DurationOrNever(p.Retention.TrashFor)
		},
		func(r *Rules) *Field[time.Duration] { return &r.Retention.TrashFor },
		v1alpha1.Forever, "nothing leaves the trash by it",
	},
	lead{length{
		"retention.warnBefore", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever {
			return v1alpha1.DurationOrNever(p.Retention.WarnBefore)
		},
		func(r *Rules) *Field[time.Duration] { return &r.Retention.WarnBefore },
		0, "nothing is announced",
	}},
	extension{length{
		"retention.extendTo", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever { return p.Retention.ExtendTo },
		func(r *Rules) *Field[time.Duration] { return &r.Retention.ExtendTo },
		v1alpha1.Forever, "recordings keep the time that they chose",
	}},
	lock{},
	enum[v1alpha1.ErasureRule]{
		"retention.erasure", func(p *v1alpha1.PolicyRules) v1alpha1.ErasureRule { return p.Retention.Erasure },
		func(r *Rules) *Field[v1alpha1.ErasureRule] { return &r.Retention.Erasure },
		[]v1alpha1.ErasureRule{v1alpha1.ErasureDestroyKey, v1alpha1.ErasureForbidden},
	},
	number{
		"processing.maxHeight", func(p *v1alpha1.PolicyRules) int32 { return p.Processing.MaxHeight },
		func(r *Rules) *Field[int32] { return &r.Processing.MaxHeight },
	},
	enum[v1alpha1.ThumbnailRule]{
		"processing.thumbnails", func(p *v1alpha1.PolicyRules) v1alpha1.ThumbnailRule { return p.Processing.Thumbnails },
		func(r *Rules) *Field[v1alpha1.ThumbnailRule] { return &r.Processing.Thumbnails },
		[]v1alpha1.ThumbnailRule{v1alpha1.ThumbnailsPoster, v1alpha1.ThumbnailsNone},
	},
	length{
		"playback.maxAhead", func(p *v1alpha1.PolicyRules) v1alpha1.DurationOrNever { return p.Playback.MaxAhead },
		func(r *Rules) *Field[time.Duration] { return &r.Playback.MaxAhead },
		0, "players are given as little ahead as they need",
	},
	enum[v1alpha1.PlaybackSpeed]{
		"playback.maxSpeed", func(p *v1alpha1.PolicyRules) v1alpha1.PlaybackSpeed { return p.Playback.MaxSpeed },
		func(r *Rules) *Field[v1alpha1.PlaybackSpeed] { return &r.Playback.MaxSpeed },
		[]v1alpha1.PlaybackSpeed{v1alpha1.SpeedDouble, v1alpha1.SpeedFast, v1alpha1.SpeedFaster, v1alpha1.SpeedNormal},
	},
	number{
		"playback.maxViews", func(p *v1alpha1.PolicyRules) int32 { return p.Playback.MaxViews },
		func(r *Rules) *Field[int32] { return &r.Playback.MaxViews },
	},
	number{
		"playback.maxRequests", func(p *v1alpha1.PolicyRules) int32 { return p.Playback.MaxRequests },
		func(r *Rules) *Field[int32] { return &r.Playback.MaxRequests },
	},
	enum[v1alpha1.Watermark]{
		"watermark", func(p *v1alpha1.PolicyRules) v1alpha1.Watermark { return p.Watermark },
		func(r *Rules) *Field[v1alpha1.Watermark] { return &r.Watermark },
		[]v1alpha1.Watermark{v1alpha1.WatermarkNone, v1alpha1.WatermarkViewer},
	},
	enum[v1alpha1.AuditFailure]{
		"audit.onFailure", func(p *v1alpha1.PolicyRules) v1alpha1.AuditFailure { return p.Audit.OnFailure },
		func(r *Rules) *Field[v1alpha1.AuditFailure] { return &r.Audit.OnFailure },
		[]v1alpha1.AuditFailure{v1alpha1.AuditFailureDeny},
	},
	enum[v1alpha1.AddressDetail]{
		"audit.addresses", func(p *v1alpha1.PolicyRules) v1alpha1.AddressDetail { return p.Audit.Addresses },
		func(r *Rules) *Field[v1alpha1.AddressDetail] { return &r.Audit.Addresses },
		[]v1alpha1.AddressDetail{v1alpha1.AddressesFull, v1alpha1.AddressesTruncated, v1alpha1.AddressesNone},
	},
	enum[v1alpha1.DownloadNotice]{
		"audit.downloadNotice", func(p *v1alpha1.PolicyRules) v1alpha1.DownloadNotice { return p.Audit.DownloadNotice },
		func(r *Rules) *Field[v1alpha1.DownloadNotice] { return &r.Audit.DownloadNotice },
		[]v1alpha1.DownloadNotice{v1alpha1.NotifyNone, v1alpha1.NotifyDigest, v1alpha1.NotifyImmediate},
	},
	enum[v1alpha1.Enforcement]{
		"enforcement", func(p *v1alpha1.PolicyRules) v1alpha1.Enforcement { return p.Enforcement },
		func(r *Rules) *Field[v1alpha1.Enforcement] { return &r.Enforcement },
		[]v1alpha1.Enforcement{v1alpha1.EnforcementDryRun, v1alpha1.EnforcementEnforce},
	},
}

// enum is a field that takes one of a few values.
type enum[T ~string] struct {
	path  string
	get   func(*v1alpha1.PolicyRules) T
	slot  func(*Rules) *Field[T]
	order []T // from the loosest to the strictest
}

// choice is an enum of Allowed and Forbidden.
func choice(path string, get func(*v1alpha1.PolicyRules) v1alpha1.Choice, slot func(*Rules) *Field[v1alpha1.Choice]) field {
	return enum[v1alpha1.Choice]{path, get, slot, []v1alpha1.Choice{v1alpha1.Allowed, v1alpha1.Forbidden}}
}

func (f enum[T]) read(r *reader, in *v1alpha1.PolicyRules) {
	value := f.get(in)
	if value == "" {
		return
	}
	if !slices.Contains(f.order, value) {
		strictest := f.order[len(f.order)-1]
		r.problem(f.path, fmt.Sprintf("%q is not known to this version and counts as %s: use one of %v", value, strictest, f.order))
		value = strictest
	}
	*f.slot(r.rules) = Field[T]{value, r.from(f.path)}
}

func (f enum[T]) fill(into, from *Rules) { fill(f.slot(into), f.slot(from)) }

func (f enum[T]) bound(into, by *Rules) {
	bound(f.slot(into), f.slot(by), func(a, b T) bool { return slices.Index(f.order, a) > slices.Index(f.order, b) })
}

// length is a field that holds a time; the shorter is the stricter.
type length struct {
	path    string
	get     func(*v1alpha1.PolicyRules) v1alpha1.DurationOrNever
	slot    func(*Rules) *Field[time.Duration]
	broken  time.Duration // what a value counts as that cannot be read: never what deletes, never what opens
	meaning string        // what that comes to, in words
}

func (f length) read(r *reader, in *v1alpha1.PolicyRules) {
	text := f.get(in)
	if text == "" {
		return
	}
	value, err := text.Parse()
	if err != nil {
		r.problem(f.path, err.Error()+"; until then "+f.meaning)
		value = f.broken
	}
	*f.slot(r.rules) = Field[time.Duration]{value, r.from(f.path)}
}

func (f length) fill(into, from *Rules) { fill(f.slot(into), f.slot(from)) }

func (f length) bound(into, by *Rules) { bound(f.slot(into), f.slot(by), shorter) }

func shorter(a, b time.Duration) bool { return a < b }

// lead is retention.warnBefore. An override says how long before at the latest people are warned: the longer is the stricter.
type lead struct{ length }

func (f lead) bound(into, by *Rules) {
	bound(f.slot(into), f.slot(by), func(a, b time.Duration) bool { return a > b })
}

// extension is retention.extendTo. An override that says how long recordings live, and nothing of extending that, allows no
// longer time to a single one: otherwise an extension would be the way around it.
type extension struct{ length }

func (f extension) bound(into, by *Rules) {
	if own := f.slot(into); own.From != nil {
		bound(own, f.limitOf(by), shorter)
	}
}

func (f extension) limitOf(override *Rules) *Field[time.Duration] {
	if said := f.slot(override); said.From != nil {
		return said
	}
	return &override.Retention.ExpireAfter
}

// lock is retention.lock. With warnBefore it is where an override makes longer: a lock says what has to be kept.
type lock struct{}

func (lock) read(r *reader, in *v1alpha1.PolicyRules) {
	if in.Retention.Lock.Mode == "" && in.Retention.Lock.For == "" {
		return
	}
	length, err := in.Retention.Lock.For.Parse()
	if err != nil {
		r.problem("retention.lock.for", err.Error()+"; until then nothing expires and nothing leaves the trash")
		r.rules.Retention.Paused = r.from("retention.lock.for")
		return
	}
	r.rules.Retention.Lock = Field[Lock]{Lock{in.Retention.Lock.Mode, length}, r.from("retention.lock")}
}

func (lock) fill(into, from *Rules) {
	fill(&into.Retention.Lock, &from.Retention.Lock)
	into.Retention.Paused = cmp.Or(into.Retention.Paused, from.Retention.Paused)
}

func (lock) bound(into, by *Rules) {
	if by := by.Retention.Lock; by.From != nil {
		if both := by.Value.strictest(into.Retention.Lock.Value); both != into.Retention.Lock.Value {
			into.Retention.Lock = Field[Lock]{both, by.From}
		}
	}
	into.Retention.Paused = cmp.Or(into.Retention.Paused, by.Retention.Paused)
}

// number is a field that holds a number of something, none of it being absent; the lower is the stricter.
type number struct {
	path string
	get  func(*v1alpha1.PolicyRules) int32
	slot func(*Rules) *Field[int32]
}

func (f number) read(r *reader, in *v1alpha1.PolicyRules) {
	if value := f.get(in); value > 0 {
		*f.slot(r.rules) = Field[int32]{value, r.from(f.path)}
	}
}

func (f number) fill(into, from *Rules) { fill(f.slot(into), f.slot(from)) }

func (f number) bound(into, by *Rules) {
	bound(f.slot(into), f.slot(by), func(a, b int32) bool { return a < b })
}

// fill gives into the value of from, unless it has one already.
func fill[T any](into, from *Field[T]) {
	if into.From == nil {
		*into = *from
	}
}

// bound replaces the value of into by that of by where by has one and it is stricter.
func bound[T any](into, by *Field[T], stricter func(a, b T) bool) {
	if by.From != nil && (into.From == nil || stricter(by.Value, into.Value)) {
		*into = *by
	}
}
