// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Direct reports whether players fetch what they play from the object store itself.
func (s *Store) Direct() bool { return s.Object.Spec.Delivery == v1alpha1.DeliveryDirect }

// asStored asks the object store to call ciphertext what it is, and browsers to keep none of it.
var asStored = url.Values{
	"response-content-type":  {"application/octet-stream"},
	"response-cache-control": {"private, no-store"},
}

// PresignPublic returns a URL by which a browser can read one object for as long, at the address that browsers use. It is a secret for as
// long as it lives, and talks to nobody.
func (s *Store) PresignPublic(ctx context.Context, bucket, key string, ttl time.Duration) (string, error) {
	public, err := s.resolver.public(s.Object, s.Objects)
	if err != nil {
		return "", err
	}
	return public.Presign(ctx, http.MethodGet, bucket, key, min(ttl, objectstore.MaxPresignTTL), asStored)
}
