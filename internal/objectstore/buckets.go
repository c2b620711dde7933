// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"strings"
)

// Buckets names the buckets of the account whose names start with prefix, in the server's order.
func (c *Client) Buckets(ctx context.Context, prefix string) ([]string, error) {
	all, err := c.core.ListBuckets(ctx)
	if err != nil {
		return nil, c.wrap("list buckets", "", "", err)
	}
	var names []string
	for _, bucket := range all {
		if strings.HasPrefix(bucket.Name, prefix) {
			names = append(names, bucket.Name)
		}
	}
	return names, nil
}
