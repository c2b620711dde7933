// SPDX-License-Identifier: Apache-2.0

// Package ended keeps which sessions are over before their time, for all replicas of the gateway, which otherwise keep nothing about sessions.
//
// It is kept in a few ConfigMaps beside the gateway, of which each replica watches all. Every name has a key of its own, written by a merge
// patch that says nothing of other keys, so that replicas never undo what another has written, and a value with two times: sessions of that name
// that began before the first are over, and after the second none of them can be left, so that the key can go.
//
//	reelkeeper-ended-sessions-3
//	  data:
//	    3f0c…e1: "1764000000000 1764028800"
package ended

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// prefix is what the ConfigMaps' names begin with. The first digit of a name follows: sixteen of them keep each small, because every sign-out sends
	// a whole one to every replica.
	prefix = "reelkeeper-ended-sessions-"
	// label is on all of them, and on nothing else.
	label = "reelkeeper.io/ended-sessions"
	// untidy is how many keys that can go a ConfigMap may hold before they do.
	untidy = 64
)

// Selector finds the ConfigMaps.
func Selector() labels.Selector { return labels.SelectorFromSet(labels.Set{label: "true"}) }

// Entry is when the sessions of a name are over.
type Entry struct {
	// Before is when they began at the latest: whoever signs in later has a session that counts.
	Before time.Time
	// Until is when the last of them has ended by itself.
	Until time.Time
}

func (e Entry) String() string { return fmt.Sprintf("%d %d", e.Before.UnixMilli(), e.Until.Unix()) }

func parse(value string) (Entry, error) {
	var before, until int64
	if _, err := fmt.Sscanf(value, "%d %d", &before, &until); err != nil {
		return Entry{}, fmt.Errorf("%.64q says no two times: %w", value, err)
	}
	return Entry{Before: time.UnixMilli(before), Until: time.Unix(until, 0)}, nil
}

// Ledger reads and writes what is over.
type Ledger struct {
	// Namespace is the gateway's own.
	Namespace string
	// Reader is a cache of the ConfigMaps of Selector. Only End can do without, and then tidies nothing up.
	Reader client.Reader
	// Writer writes to the API server.
	Writer client.Client
}

// Find returns what is said of a name, and whether anything is.
func (l *Ledger) Find(ctx context.Context, name Name) (Entry, bool, error) {
	page, err := l.page(ctx, name)
	if err != nil {
		return Entry{}, false, err
	}
	value, found := page.Data[string(name)]
	if !found {
		return Entry{}, false, nil
	}
	entry, err := parse(value)
	if err != nil {
		return Entry{}, false, fmt.Errorf("read ConfigMap %s/%s: %w", l.Namespace, page.Name, err)
	}
	return entry, true, nil
}

// Over says whether a session that began at a time, and has these names, was ended before its time.
func (l *Ledger) Over(ctx context.Context, began time.Time, names ...Name) (bool, error) {
	for _, name := range names {
		entry, found, err := l.Find(ctx, name)
		if err != nil {
			return false, err
		}
		if found && began.UnixMilli() <= entry.Before.UnixMilli() {
			return true, nil
		}
	}
	return false, nil
}

// page returns the ConfigMap that has the name, which is empty as long as nobody has written it.
func (l *Ledger) page(ctx context.Context, name Name) (*corev1.ConfigMap, error) {
	found := &corev1.ConfigMap{}
	// It is only read, and can be large.
	err := l.Reader.Get(ctx, client.ObjectKey{Namespace: l.Namespace, Name: pageOf(name)}, found, client.UnsafeDisableDeepCopy)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read which sessions are over: %w", err)
	}
	return found, nil
}

func pageOf(name Name) string { return prefix + string(name[:1]) }

// End writes that the sessions of a name are over. It can be repeated.
func (l *Ledger) End(ctx context.Context, now time.Time, name Name, entry Entry) error {
	if l.Reader != nil {
		l.tidy(ctx, now, name)
	}
	page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: pageOf(name), Labels: map[string]string{label: "true"}}}
	patch, err := json.Marshal(map[string]any{"data": map[string]string{string(name): entry.String()}})
	if err != nil {
		return err
	}
	write := func() error {
		return l.Writer.Patch(ctx, page.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
	}
	if err = write(); apierrors.IsNotFound(err) {
		// The first one makes the page, and whoever comes second at the same moment finds it made.
		page.Data = map[string]string{string(name): entry.String()}
		if err = l.Writer.Create(ctx, page.DeepCopy()); apierrors.IsAlreadyExists(err) {
			err = write()
		}
	}
	if err != nil {
		return fmt.Errorf("write down in ConfigMap %s/%s that sessions are over: %w", l.Namespace, page.Name, err)
	}
	return nil
}

// tidy takes what can go out of the page of a name, where that is much. It does so only of the page as it was read: what somebody has written meanwhile
// stays, and the next one tidies up. What was to be written does not depend on it.
func (l *Ledger) tidy(ctx context.Context, now time.Time, name Name) {
	page, err := l.page(ctx, name)
	if err != nil {
		return
	}
	gone := map[string]any{}
	for key, value := range page.Data {
		if entry, err := parse(value); err == nil && now.After(entry.Until) {
			gone[key] = nil
		}
	}
	if len(gone) < untidy {
		return
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": page.ResourceVersion}, "data": gone})
	if err != nil {
		return
	}
	stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: page.Name}}
	_ = l.Writer.Patch(ctx, stored, client.RawPatch(types.MergePatchType, patch))
}
