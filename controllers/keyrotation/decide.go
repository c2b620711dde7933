// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/moment"
)

const (
	// propagation is how long a keyset, or what the status says of it, has to be there before the next step builds on it: every
	// component watches both and sees a change within moments. One that does not for a minute sees no revoked grant either.
	propagation = time.Minute
	// waitForAttempts is how often it is looked whether attempts that began with an older key have ended.
	waitForAttempts = time.Minute
	// lookAgain is how often it is tried again what keeps an old key in use: a lock that ends, a damaged manifest that somebody
	// has mended.
	lookAgain = 6 * time.Hour
	// disabledFor is how long a key that nothing needs stays in the keyset, disabled: time enough to notice that something
	// does, such as a bucket that is set back to a backup from before.
	disabledFor = 7 * 24 * time.Hour
	// maxKeys bounds a keyset, with room in the status for those that people add by hand.
	maxKeys = 48
)

// generation says which key was made for which key generation.
type generation struct {
	number int64
	keyID  string
}

// view is all that a decision is made from.
type view struct {
	now time.Time
	// wanted is the key generation of the spec.
	wanted int64
	// keys is what the keyset holds, primary the one that wraps.
	keys    []keys.KeyInfo
	primary string
	// marked is what the annotations of the Secret say, zero where there are none.
	marked generation
	// seen is when this process saw the keyset as it is for the first time.
	seen   time.Time
	status v1alpha1.KeysStatus
	// wraps is the key that the store's status names as the one that wraps: what the other controllers go by.
	wraps string
	// pass is the last look at all manifests, made by this process with the keyset as it is; nil without one.
	pass *outcome
	// incomplete says that the status tells of manifests that could not be wrapped anew.
	incomplete bool
	// ready says that the store was seen to work, with all its buckets. In one that is not, there may be nothing to see of what its recordings
	// need.
	ready bool
	// sharedWith are the other stores with the same keyset, in words; empty for none. What they need, a look at this store does not show.
	sharedWith string
}

// step is what to do next.
type step string

const (
	rest    step = "rest"
	add     step = "add"
	promote step = "promote"
	rewrap  step = "rewrap"
	disable step = "disable"
	enable  step = "enable"
	remove  step = "remove"
)

// decision is what to do, and what the status says before it is done.
type decision struct {
	step step
	// keyIDs are what the step is about; empty for rest, add and rewrap.
	keyIDs []string
	// number is the generation that add is for.
	number int64
	status v1alpha1.KeysStatus
	// look is when to look again if nothing happens; zero for not at all.
	look time.Time
	// waits says that the next step waits until the store is ready.
	waits bool
}

// decide says what is to be done next. The status comes first: where it changes, the step waits for the pass that sees it.
func decide(v *view) decision {
	d := decideStep(v)
	if d.step == rewrap && !v.ready {
		d.step, d.waits = rest, true // the store's status brings the next look
	}
	return d
}

func decideStep(v *view) decision {
	newest := newestOf(v)
	d := decision{step: rest, status: *v.status.DeepCopy()}
	d.status.Keys = followKeys(v)
	if newest.number < v.wanted && len(v.keys) < maxKeys {
		d.step, d.number = add, v.wanted
		return d
	}
	if v.status.Generation == 0 && v.status.Rotation.Generation == 0 && len(v.keys) == 1 {
		// A keyset that is met for the first time. With one key in it there is nothing to be wrapped anew.
		d.status.Generation, d.status.PrimaryKeyID = newest.number, newest.keyID
		return d
	}
	if v.status.Rotation.Generation == 0 && v.primary == newest.keyID && v.status.PrimaryKeyID == newest.keyID && v.status.Generation == newest.number {
		decideRetirement(v, &d)
		return d
	}
	decideRotation(v, newest, &d)
	return d
}

// newestOf tells which key the newest is, and for which generation. The annotations say so; where they were lost, as a backup
// loses them, the status does. A key that is not in the keyset does not count.
func newestOf(v *view) generation {
	newest := generation{1, v.primary}
	for _, said := range []generation{
		{v.status.Generation, v.status.PrimaryKeyID},
		{v.status.Rotation.Generation, v.status.Rotation.KeyID},
		v.marked,
	} {
		if said.number >= newest.number && slices.ContainsFunc(v.keys, func(key keys.KeyInfo) bool { return key.ID == said.keyID }) {
			newest = said
		}
	}
	return newest
}

// followKeys writes down what the keyset holds. From then on, a keyset without one of these keys is not taken for the store's. A
// key that was just added waits: a gateway that sees the status before the Secret would take the Secret for the wrong one.
func followKeys(v *view) []v1alpha1.KeyStatus {
	var list []v1alpha1.KeyStatus
	for _, key := range v.keys {
		before := statusOf(v.status.Keys, key.ID)
		if before == nil && len(v.status.Keys) > 0 && v.now.Before(v.seen.Add(propagation)) {
			continue
		}
		state := v1alpha1.KeyEnabled
		switch {
		case key.ID == v.primary:
			state = v1alpha1.KeyPrimary
		case !key.Enabled && before != nil && before.State == v1alpha1.KeyRemoving:
			state = v1alpha1.KeyRemoving
		case !key.Enabled:
			state = v1alpha1.KeyDisabled
		}
		since := metav1.NewTime(v.now).Rfc3339Copy()
		if before != nil && before.State == state {
			since = before.Since
		}
		list = append(list, v1alpha1.KeyStatus{ID: key.ID, State: state, Since: since})
	}
	return list
}

func statusOf(list []v1alpha1.KeyStatus, id string) *v1alpha1.KeyStatus {
	if i := slices.IndexFunc(list, func(key v1alpha1.KeyStatus) bool { return key.ID == id }); i >= 0 {
		return &list[i]
	}
	return nil
}

// decideRotation takes the newest key from where it is to where everything is wrapped with it.
func decideRotation(v *view, newest generation, d *decision) {
	rotation := v1alpha1.KeyRotation{
		Generation: newest.number, KeyID: newest.keyID, Stage: v1alpha1.RotationDistributing,
		Rewrapped: new(int64(0)), StartedAt: metav1.NewTime(v.now).Rfc3339Copy(),
	}
	if old := v.status.Rotation; old.Generation == rotation.Generation && old.KeyID == rotation.KeyID {
		rotation.Rewrapped, rotation.StartedAt = old.Rewrapped, old.StartedAt
	}
	if v.primary == newest.keyID {
		rotation.Stage = v1alpha1.RotationRewrapping
	}
	d.status.Rotation = rotation
	settled := v.seen.Add(propagation)
	switch {
	case v.now.Before(settled):
		d.look = settled
	case rotation.Stage == v1alpha1.RotationDistributing:
		// By now followKeys has the new key in the status: a backup from before it is recognised from here on.
		d.step, d.keyIDs = promote, []string{newest.keyID}
	case v.pass == nil:
		d.step = rewrap
	case v.pass.attempts > 0:
		if d.look = v.pass.ended.Add(waitForAttempts); !v.now.Before(d.look) {
			d.step, d.look = rewrap, time.Time{}
		}
	default:
		d.status.Generation, d.status.PrimaryKeyID = newest.number, newest.keyID
		d.status.Rotation = v1alpha1.KeyRotation{}
		d.status.LastRotationTime = metav1.NewTime(v.now).Rfc3339Copy()
	}
}

// decideRetirement takes keys that nothing needs out of use: disabled first, removed a week later, each after a look at
// everything. Keys that somebody added or disabled by hand are treated alike; the primary key is never touched, and none of a keyset that
// another store has too.
func decideRetirement(v *view, d *decision) {
	others := othersOf(d.status.Keys)
	incomplete := v.incomplete
	if v.pass != nil {
		incomplete = len(v.pass.problems) > 0
	}
	removable := len(others.disabled) > 0 && !v.now.Before(others.removableAt)
	settled := v.seen.Add(propagation)
	switch {
	case others.none() && !incomplete:
	case v.wraps != v.primary:
		// The other controllers have not followed yet. Their status brings the next look.
	case v.now.Before(settled):
		d.look = settled
	case len(others.removing) > 0 && v.sharedWith == "":
		if d.look = others.goneAt; !v.now.Before(d.look) {
			d.step, d.keyIDs, d.look = remove, others.removing, time.Time{}
		}
	case (len(others.enabled) > 0 || removable || incomplete) && (v.pass.stale(v.now) || removable && v.pass.began.Before(others.removableAt)):
		d.step = rewrap
	case v.pass == nil:
		d.look = others.removableAt
	default:
		retire(v, d, others, removable)
	}
}

// otherKeys are the keys of a keyset but for the primary, by what they are for.
type otherKeys struct {
	enabled, disabled, removing []string
	// removableAt is when the last of the disabled may be removed, goneAt when everybody knows that those removing are leaving.
	removableAt, goneAt time.Time
}

func othersOf(list []v1alpha1.KeyStatus) otherKeys {
	var others otherKeys
	for _, key := range list {
		switch key.State {
		case v1alpha1.KeyEnabled:
			others.enabled = append(others.enabled, key.ID)
		case v1alpha1.KeyDisabled:
			others.disabled = append(others.disabled, key.ID)
			others.removableAt = moment.Later(others.removableAt, key.Since.Add(disabledFor))
		case v1alpha1.KeyRemoving:
			others.removing = append(others.removing, key.ID)
			others.goneAt = moment.Later(others.goneAt, key.Since.Add(propagation))
		case v1alpha1.KeyPrimary:
		}
	}
	return others
}

func (o otherKeys) none() bool { return len(o.enabled)+len(o.disabled)+len(o.removing) == 0 }

// retire acts on what the last look at everything has found.
func retire(v *view, d *decision, others otherKeys, removable bool) {
	needed := func(id string) bool { return v.pass.needs(id) }
	unneeded := func(id string) bool { return !v.pass.needs(id) }
	back, unused := slices.DeleteFunc(slices.Clone(others.disabled), unneeded), slices.DeleteFunc(slices.Clone(others.enabled), needed)
	switch {
	case len(back) > 0:
		d.step, d.keyIDs = enable, back
	case v.sharedWith != "":
		d.look = v.pass.again()
	case len(unused) > 0:
		d.step, d.keyIDs = disable, unused
	case removable:
		for i := range d.status.Keys {
			if slices.Contains(others.disabled, d.status.Keys[i].ID) {
				d.status.Keys[i].State, d.status.Keys[i].Since = v1alpha1.KeyRemoving, metav1.NewTime(v.now).Rfc3339Copy()
			}
		}
	case len(others.enabled) > 0 || len(v.pass.problems) > 0:
		d.look = v.pass.again()
	default:
		d.look = others.removableAt
	}
}
