// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"net/http"
	"slices"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/cors"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// LockMode says what a bucket's object lock is for.
type LockMode string

const (
	// LockNone asks for no object lock; a bucket that has it keeps it.
	LockNone LockMode = "None"
	// LockGovernance asks for object lock whose retentions a privileged account can lift.
	LockGovernance LockMode = "Governance"
	// LockCompliance asks for object lock whose retentions nobody can lift.
	LockCompliance LockMode = "Compliance"
)

// BucketOptions say what a bucket must have. What they do not ask for is left as it is.
type BucketOptions struct {
	// Versioning asks for versioning to be on.
	Versioning bool
	// ObjectLock asks for object lock, which brings versioning with it. The mode is not written to the bucket: not every
	// server stamps a bucket's default retention on its objects, so the mode belongs to each object's retention.
	ObjectLock LockMode
	// CORSOrigins are the origins whose pages may read objects, such as https://recordings.example.com.
	CORSOrigins []string
}

// BucketState tells what EnsureBucket found and did.
type BucketState struct {
	// Changed names what was written: "bucket", "versioning", "objectLock", "cors". Empty when nothing differed.
	Changed []string
	// Unsupported names what the server cannot do although it was asked for, and the caller can live without: "cors".
	Unsupported []string
}

// EnsureBucket makes the bucket exist with what opts ask for. It reads first and writes only what differs.
func (c *Client) EnsureBucket(ctx context.Context, bucket string, opts BucketOptions) (BucketState, error) {
	var state BucketState
	locked := opts.ObjectLock == LockGovernance || opts.ObjectLock == LockCompliance
	created, err := c.ensureExists(ctx, bucket, locked)
	if err != nil {
		return state, err
	}
	if created {
		state.Changed = append(state.Changed, "bucket")
	}
	steps := []struct {
		name   string
		wanted bool
		ensure func(context.Context, string) (changed bool, err error)
	}{
		{"objectLock", locked, c.ensureObjectLock},
		{"versioning", opts.Versioning || locked, c.ensureVersioning},
		{"cors", len(opts.CORSOrigins) > 0, func(ctx context.Context, bucket string) (bool, error) {
			return c.ensureCORS(ctx, bucket, opts.CORSOrigins)
		}},
	}
	for _, step := range steps {
		if !step.wanted {
			continue
		}
		changed, err := step.ensure(ctx, bucket)
		switch {
		case step.name == "versioning" && locked && Reason(err) == ReasonNotSupported:
			// The server took the wish for object lock and cannot keep versions, so it locks nothing.
			return state, &Error{Op: "turn on object lock of", Bucket: bucket, Reason: ReasonObjectLockUnsupported}
		case step.name == "cors" && Reason(err) == ReasonNotSupported:
			state.Unsupported = append(state.Unsupported, step.name)
		case err != nil:
			return state, err
		case changed:
			state.Changed = append(state.Changed, step.name)
		}
	}
	return state, nil
}

// BucketExists reports whether the bucket exists and can be reached with these credentials.
func (c *Client) BucketExists(ctx context.Context, bucket string) (bool, error) {
	if err := s3utils.CheckValidBucketNameStrict(bucket); err != nil {
		return false, &Error{Op: "look for bucket", Bucket: bucket, Reason: ReasonInvalidConfig, detail: err.Error()}
	}
	exists, err := c.core.BucketExists(ctx, bucket)
	if err == nil {
		return exists, nil
	}
	wrapped := c.explain(ctx, c.wrap("look for bucket", bucket, "", err))
	if Reason(wrapped) == ReasonNoSuchBucket {
		return false, nil
	}
	return false, wrapped
}

func (c *Client) ensureExists(ctx context.Context, bucket string, lock bool) (created bool, err error) {
	exists, err := c.BucketExists(ctx, bucket)
	if err != nil || exists {
		return false, err
	}
	err = c.core.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: c.cfg.Region, ObjectLocking: lock})
	if minio.ToErrorResponse(err).Code == minio.BucketAlreadyOwnedByYou {
		return false, nil
	}
	return err == nil, c.wrap("create bucket", bucket, "", err)
}

func (c *Client) ensureVersioning(ctx context.Context, bucket string) (bool, error) {
	current, err := c.core.GetBucketVersioning(ctx, bucket)
	if err != nil || current.Enabled() {
		return false, c.wrap("read versioning of", bucket, "", err)
	}
	err = c.core.EnableVersioning(ctx, bucket)
	return err == nil, c.wrap("turn on versioning of", bucket, "", err)
}

func (c *Client) ensureObjectLock(ctx context.Context, bucket string) (bool, error) {
	if enabled, err := c.objectLockEnabled(ctx, bucket); err != nil || enabled {
		return false, err
	}
	// Most servers allow this only when a bucket is created; some allow it later. Trying is the only way to know.
	err := c.wrap("turn on object lock of", bucket, "", c.core.SetObjectLockConfig(ctx, bucket, nil, nil, nil))
	if err == nil {
		return true, nil
	}
	if IsTransient(err) || Reason(err) == ReasonForbidden {
		return false, err
	}
	return false, &Error{Op: "turn on object lock of", Bucket: bucket, Reason: ReasonObjectLockUnsupported}
}

// objectLockEnabled is false, without an error, on servers that do not know object lock.
func (c *Client) objectLockEnabled(ctx context.Context, bucket string) (bool, error) {
	status, _, _, _, err := c.core.GetObjectLockConfig(ctx, bucket)
	if err == nil {
		return status == "Enabled", nil
	}
	response := minio.ToErrorResponse(err)
	wrapped := c.wrap("read object lock of", bucket, "", err)
	if response.Code == "ObjectLockConfigurationNotFoundError" || Reason(wrapped) == ReasonNotSupported ||
		response.StatusCode == http.StatusNotFound && Reason(wrapped) != ReasonNoSuchBucket {
		return false, nil
	}
	return false, wrapped
}

// corsMaxAge is how long browsers remember the permission, in seconds.
const corsMaxAge = 3600

// corsRule lets pages of these origins read objects and ranges of them, and nothing else.
func corsRule(origins []string) cors.Rule {
	return cors.Rule{
		AllowedOrigin: slices.Sorted(slices.Values(origins)),
		AllowedMethod: []string{http.MethodGet, http.MethodHead},
		AllowedHeader: []string{"*"},
		ExposeHeader:  []string{"Accept-Ranges", "Content-Length", "Content-Range", "ETag"},
		MaxAgeSeconds: corsMaxAge,
	}
}

func (c *Client) ensureCORS(ctx context.Context, bucket string, origins []string) (bool, error) {
	current, err := c.core.GetBucketCors(ctx, bucket)
	if err != nil {
		return false, c.wrap("read CORS of", bucket, "", err)
	}
	wanted := corsRule(origins)
	if current != nil && len(current.CORSRules) == 1 && sameRule(current.CORSRules[0], wanted) {
		return false, nil
	}
	err = c.core.SetBucketCors(ctx, bucket, cors.NewConfig([]cors.Rule{wanted}))
	return err == nil, c.wrap("write CORS of", bucket, "", err)
}

// sameRule compares as sets, because servers may reorder lists, and ignores the ID, which servers make up.
func sameRule(a, b cors.Rule) bool {
	same := func(x, y []string) bool {
		return slices.Equal(slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y)))
	}
	return same(a.AllowedOrigin, b.AllowedOrigin) && same(a.AllowedMethod, b.AllowedMethod) &&
		same(a.AllowedHeader, b.AllowedHeader) && same(a.ExposeHeader, b.ExposeHeader) && a.MaxAgeSeconds == b.MaxAgeSeconds
}

// Ping asks the server for the list of buckets and throws it away: the cheapest proof that it answers and knows us.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.core.ListBuckets(ctx)
	return c.wrap("list buckets", "", "", err)
}
