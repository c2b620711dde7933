// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/lifecycle"
)

// ruleID is what our lifecycle rules are called; whose names begin otherwise are somebody else's.
const ruleID = "reelkeeper-unfinished-uploads"

// EnsureUploadsExpire has the server discard multipart uploads of recordings that are not finished within so many days. It reads
// first, writes only what differs, and keeps the rules of others.
func (c *Client) EnsureUploadsExpire(ctx context.Context, bucket string, days int) error {
	current, err := c.core.GetBucketLifecycle(ctx, bucket)
	if err != nil && minio.ToErrorResponse(err).Code != "NoSuchLifecycleConfiguration" {
		return c.wrap("read lifecycle of", bucket, "", err)
	}
	wanted := uploadRules(days)
	config := lifecycle.NewConfiguration()
	var ours []lifecycle.Rule
	if current != nil {
		for _, rule := range current.Rules {
			if strings.HasPrefix(rule.ID, ruleID) {
				ours = append(ours, rule)
			} else {
				config.Rules = append(config.Rules, rule)
			}
		}
	}
	if slices.EqualFunc(ours, wanted, sameLifecycleRule) {
		return nil
	}
	config.Rules = append(config.Rules, wanted...)
	return c.wrap("write lifecycle of", bucket, "", c.core.SetBucketLifecycle(ctx, bucket, config))
}

func uploadRules(days int) []lifecycle.Rule {
	var rules []lifecycle.Rule
	for _, prefix := range []string{MediaRoot, StagingRoot} {
		rules = append(rules, lifecycle.Rule{
			ID: ruleID + "-" + strings.TrimSuffix(prefix, "/"), Status: "Enabled", RuleFilter: lifecycle.Filter{Prefix: prefix},
			AbortIncompleteMultipartUpload: lifecycle.AbortIncompleteMultipartUpload{DaysAfterInitiation: lifecycle.ExpirationDays(days)},
		})
	}
	return rules
}

func sameLifecycleRule(a, b lifecycle.Rule) bool {
	return a.ID == b.ID && a.Status == b.Status && a.RuleFilter.Prefix == b.RuleFilter.Prefix &&
		a.AbortIncompleteMultipartUpload.DaysAfterInitiation == b.AbortIncompleteMultipartUpload.DaysAfterInitiation
}
