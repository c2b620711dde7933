// SPDX-License-Identifier: Apache-2.0

// Package catalogtest makes cards of what the API server has at the moment, for tests that run no informers.
package catalogtest

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
)

// Live reads recordings each time it is asked for cards. It fails its test where that fails.
type Live struct {
	testing.TB

	Reader client.Reader
}

// Card returns the card of a recording, nil where there is none.
func (l Live) Card(key client.ObjectKey) *catalog.Card {
	var recording v1alpha1.MeetingRecording
	if err := l.Reader.Get(context.Background(), key, &recording); err != nil {
		if client.IgnoreNotFound(err) != nil {
			l.Errorf("read the recording of a card: %v", err)
		}
		return nil
	}
	return cardOf(&recording)
}

// Cards returns the cards of a namespace, or all for the empty name.
func (l Live) Cards(namespace string) []*catalog.Card {
	var list v1alpha1.MeetingRecordingList
	if err := l.Reader.List(context.Background(), &list, client.InNamespace(namespace)); err != nil {
		l.Errorf("list the recordings of cards: %v", err)
	}
	return Of(list.Items)
}

// Of makes cards of recordings, which stay as they are.
func Of(recordings []v1alpha1.MeetingRecording) []*catalog.Card {
	var cards []*catalog.Card
	for i := range recordings {
		cards = append(cards, cardOf(recordings[i].DeepCopy()))
	}
	return cards
}

// cardOf panics over a recording that no API server has.
func cardOf(recording *v1alpha1.MeetingRecording) *catalog.Card {
	card, err := catalog.CardOf(recording)
	if err != nil {
		panic(err)
	}
	return card
}
