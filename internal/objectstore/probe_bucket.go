// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/cors"
	"github.com/minio/minio-go/v7/pkg/lifecycle"
	"github.com/minio/minio-go/v7/pkg/tags"
)

// checksums sends bytes with the checksum of others. The signature covers no hash of the body here, so that only the
// checksum can give the lie away.
func (p probe) checksums(ctx context.Context) (Support, error) {
	content, lie := []byte("true"), sha256.Sum256([]byte("false"))
	put := func(sum [sha256.Size]byte) error {
		_, err := p.core.PutObject(ctx, p.bucket, p.prefix+"checksum", bytes.NewReader(content), int64(len(content)), "", "", minio.PutObjectOptions{
			DisableContentSha256: true,
			UserMetadata:         map[string]string{minio.ChecksumSHA256.Key(): base64.StdEncoding.EncodeToString(sum[:])},
		})
		return p.wrap("put", p.bucket, p.prefix+"checksum", err)
	}
	if err := put(sha256.Sum256(content)); err != nil {
		return Unsupported, err
	}
	return refused(put(lie), ReasonChecksumMismatch)
}

func (p probe) tagging(ctx context.Context) (Support, error) {
	if _, err := p.put(ctx, "tagging", nil, PutOptions{}); err != nil {
		return Unsupported, err
	}
	wanted, err := tags.MapToObjectTags(map[string]string{"probe": "yes"})
	if err != nil {
		return Unsupported, err
	}
	if err := p.core.PutObjectTagging(ctx, p.bucket, p.prefix+"tagging", wanted, minio.PutObjectTaggingOptions{}); err != nil {
		return Unsupported, p.wrap("tag", p.bucket, p.prefix+"tagging", err)
	}
	got, err := p.core.GetObjectTagging(ctx, p.bucket, p.prefix+"tagging", minio.GetObjectTaggingOptions{})
	if err != nil || got.ToMap()["probe"] != "yes" {
		return Unsupported, p.wrap("read tags of", p.bucket, p.prefix+"tagging", err)
	}
	return Supported, nil
}

// versioning overwrites an object and deletes it, and looks for both contents and the delete marker.
func (p probe) versioning(ctx context.Context) (Support, error) {
	config, err := p.core.GetBucketVersioning(ctx, p.bucket)
	if err != nil {
		return Unsupported, p.wrap("read versioning of", p.bucket, "", err)
	}
	if !config.Enabled() {
		return Off, nil
	}
	key := p.prefix + "versioning"
	for _, content := range []string{"one", "two"} {
		if _, err := p.put(ctx, "versioning", []byte(content), PutOptions{}); err != nil {
			return Unsupported, err
		}
	}
	if err := p.Delete(ctx, p.bucket, key); err != nil {
		return Unsupported, err
	}
	found, err := p.versions(ctx, p.bucket, key, func(found minio.ObjectInfo) bool { return found.Key == key })
	if err != nil || len(found) != 3 {
		return Unsupported, err
	}
	return Supported, nil
}

// lockFor is how long the probe's retention lasts: long enough to try a deletion, short enough to wait for where the
// retention cannot be lifted early.
const lockFor = 5 * time.Second

// objectLock puts a version under retention, tries to delete it, and lifts the retention again.
func (p probe) objectLock(ctx context.Context) (Support, error) {
	enabled, err := p.objectLockEnabled(ctx, p.bucket)
	if err != nil {
		return Unsupported, err
	}
	if !enabled {
		return Off, nil
	}
	key := p.prefix + "lock"
	if _, err := p.put(ctx, "lock", []byte("locked"), PutOptions{}); err != nil {
		return Unsupported, err
	}
	info, err := p.Head(ctx, p.bucket, key)
	if err != nil {
		return Unsupported, err
	}
	// The server's clock counts, and it has just told us its time, cut to the second.
	until, mode := info.LastModified.Add(lockFor), minio.Governance
	err = p.core.PutObjectRetention(ctx, p.bucket, key, minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until, VersionID: info.VersionID})
	if err != nil {
		return Unsupported, p.wrap("retain", p.bucket, key, err)
	}
	locked := RemovedVersion{Key: key, VersionID: info.VersionID}
	support, err := refused(p.deleteVersion(ctx, p.bucket, locked), ReasonLocked)
	return support, p.lift(ctx, locked, err)
}

// lift deletes a version whose retention has not ended, with the permission to do so, or else waits for the end.
func (p probe) lift(ctx context.Context, locked RemovedVersion, err error) error {
	bypass := minio.RemoveObjectOptions{VersionID: locked.VersionID, GovernanceBypass: true}
	if p.core.RemoveObject(ctx, p.bucket, locked.Key, bypass) == nil {
		return err
	}
	timer := p.clock.NewTimer(lockFor + time.Second)
	defer timer.Stop()
	select {
	case <-timer.C():
		return err
	case <-ctx.Done():
		return p.wrap("wait for the end of a retention on", p.bucket, locked.Key, ctx.Err())
	}
}

// cors reads the bucket's rules, and where there are none writes one and takes it away again.
func (p probe) cors(ctx context.Context) (Support, error) {
	current, err := p.core.GetBucketCors(ctx, p.bucket)
	if err != nil {
		return Unsupported, p.wrap("read CORS of", p.bucket, "", err)
	}
	if current != nil && len(current.CORSRules) > 0 {
		return Supported, nil
	}
	rule := corsRule([]string{"https://probe.invalid"})
	if err := p.core.SetBucketCors(ctx, p.bucket, cors.NewConfig([]cors.Rule{rule})); err != nil {
		return Unsupported, p.wrap("write CORS of", p.bucket, "", err)
	}
	written, err := p.core.GetBucketCors(ctx, p.bucket)
	kept := err == nil && written != nil && len(written.CORSRules) == 1 && sameRule(written.CORSRules[0], rule)
	if err := p.core.SetBucketCors(context.WithoutCancel(ctx), p.bucket, nil); err != nil {
		return Unsupported, p.wrap("remove CORS of", p.bucket, "", err)
	}
	if !kept {
		return Unsupported, p.wrap("read CORS of", p.bucket, "", err)
	}
	return Supported, nil
}

// lifecycle does with the bucket's lifecycle what cors does with its CORS rules. The rule asked for is the one of use here:
// discarding unfinished uploads, which some servers with a lifecycle do not offer.
func (p probe) lifecycle(ctx context.Context) (Support, error) {
	current, err := p.core.GetBucketLifecycle(ctx, p.bucket)
	if err == nil && len(current.Rules) > 0 {
		return Supported, nil
	}
	if err != nil && minio.ToErrorResponse(err).Code != "NoSuchLifecycleConfiguration" {
		return Unsupported, p.wrap("read lifecycle of", p.bucket, "", err)
	}
	config := lifecycle.NewConfiguration()
	config.Rules = []lifecycle.Rule{{
		ID: "probe", Status: "Enabled", RuleFilter: lifecycle.Filter{Prefix: p.prefix},
		AbortIncompleteMultipartUpload: lifecycle.AbortIncompleteMultipartUpload{DaysAfterInitiation: 1},
	}}
	if err := p.core.SetBucketLifecycle(ctx, p.bucket, config); err != nil {
		return Unsupported, p.wrap("write lifecycle of", p.bucket, "", err)
	}
	written, err := p.core.GetBucketLifecycle(ctx, p.bucket)
	kept := err == nil && len(written.Rules) == 1 && written.Rules[0].AbortIncompleteMultipartUpload.DaysAfterInitiation == 1
	if err := p.core.SetBucketLifecycle(context.WithoutCancel(ctx), p.bucket, lifecycle.NewConfiguration()); err != nil {
		return Unsupported, p.wrap("remove lifecycle of", p.bucket, "", err)
	}
	if !kept {
		return Unsupported, p.wrap("read lifecycle of", p.bucket, "", err)
	}
	return Supported, nil
}
