// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// specFile is the key of the Secrets of processing Jobs that holds what the worker is told.
const specFile = "spec.json"

// pageSize is how many Secrets are read at once: they have up to a megabyte each, full of URLs.
const pageSize = 20

// countAttempts finds the processing attempts that were given a data key wrapped with an older key, and write it into their
// manifests when they end. They are of any store, as an attempt does not say; an ID of a key is of this one.
func (p *pass) countAttempts(ctx context.Context) error {
	store, err := p.open(ctx)
	if err != nil {
		return err
	}
	of := map[string]bool{}
	for _, key := range store.Keys.Keys() {
		of[key.ID] = key.ID != p.primary
	}
	list := &corev1.SecretList{}
	for {
		// Not from the cache, which does not keep what is in them.
		err := p.Direct.List(ctx, list, client.InNamespace(p.OperatorNamespace), client.HasLabels{v1alpha1.LabelRecordingUID},
			client.Limit(pageSize), client.Continue(list.Continue))
		if err != nil {
			return fmt.Errorf("list the Secrets of processing Jobs: %w", err)
		}
		for i := range list.Items {
			if keyID := keyOfAttempt(&list.Items[i]); of[keyID] {
				p.found.attempts++
				p.found.need(keyID)
			}
		}
		if list.Continue == "" {
			return nil
		}
	}
}

func keyOfAttempt(secret *corev1.Secret) string {
	var spec struct {
		KeyID string `json:"keyID"`
	}
	if err := json.Unmarshal(secret.Data[specFile], &spec); err != nil {
		return "" // it is no attempt's
	}
	return spec.KeyID
}
