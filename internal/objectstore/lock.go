// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// Protection is what S3 Object Lock enforces on one version of an object. The zero value is nothing.
type Protection struct {
	// Mode is LockGovernance or LockCompliance; empty without a retention.
	Mode LockMode
	// Until is the end of the retention, to the second.
	Until time.Time
	// LegalHold says that the version carries the flag of a legal hold.
	LegalHold bool
}

// At returns what is left of the protection at a time: a retention that has ended is none.
func (p Protection) At(now time.Time) Protection {
	if !now.Before(p.Until) {
		p.Mode, p.Until = "", time.Time{}
	}
	return p
}

// Covers says whether p keeps a version as long and as strictly as wanted, or longer.
func (p Protection) Covers(wanted Protection) bool {
	return !p.Until.Before(wanted.Until) && (wanted.Mode != LockCompliance || p.Mode == LockCompliance) && (p.LegalHold || !wanted.LegalHold)
}

// Protection reads what protects the current version of an object, and which version that is. It is read from the headers of a
// HEAD, because the documents that servers send for ?retention do not even agree on the name of the root element.
func (c *Client) Protection(ctx context.Context, bucket, key string) (Protection, string, error) {
	return c.protection(ctx, bucket, key, "")
}

func (c *Client) protection(ctx context.Context, bucket, key, version string) (Protection, string, error) {
	info, err := c.core.StatObject(ctx, bucket, key, minio.StatObjectOptions{VersionID: version})
	if err != nil {
		return Protection{}, "", c.explain(ctx, c.wrap("read the lock of", bucket, key, err))
	}
	return protectionOf(info.Metadata), info.VersionID, nil
}

func protectionOf(header http.Header) Protection {
	p := Protection{LegalHold: header.Get("X-Amz-Object-Lock-Legal-Hold") == string(minio.LegalHoldEnabled)}
	until, err := time.Parse(time.RFC3339, header.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	if err != nil {
		return p
	}
	p.Until = until.UTC()
	switch minio.RetentionMode(header.Get("X-Amz-Object-Lock-Mode")) {
	case minio.Governance:
		p.Mode = LockGovernance
	case minio.Compliance:
		p.Mode = LockCompliance
	}
	return p
}

// Protect makes the current version of an object as protected as wanted at now, neither less nor more, and returns what
// protects it then. It writes only what differs. What the server answered does not count (some say 400 where others say 403, and
// some pretend): the lock is read again.
//
// It fails with ReasonObjectLockUnsupported when the version is less protected than wanted, and with ReasonLocked, together
// with what protects the version, when it is more protected than wanted and that cannot be lifted.
func (c *Client) Protect(ctx context.Context, bucket, key string, wanted Protection, now time.Time) (Protection, error) {
	_, before, err := c.protection(ctx, bucket, key, "")
	if err != nil {
		return Protection{}, err
	}
	have, err := c.protectVersion(ctx, bucket, key, before, wanted, now)
	if err != nil || before == "" {
		return have, err
	}
	// Whoever has written a new version meanwhile took over the lock that was there before.
	if _, current, err := c.protection(ctx, bucket, key, ""); err != nil || current == before {
		return have, err
	}
	return c.protectVersion(ctx, bucket, key, "", wanted, now)
}

// LiftVersion lifts what can be lifted from a version that is not the current one, of which not every server says how it is
// protected. No error does not mean that the version is free: a GOVERNANCE retention may take some seconds to end, and nothing lifts
// COMPLIANCE.
func (c *Client) LiftVersion(ctx context.Context, bucket, key, version string) error {
	have := Protection{Mode: LockGovernance, Until: c.clock.Now().Add(liftDelay), LegalHold: true}
	return c.protect(ctx, bucket, key, version, have, Protection{})
}

func (c *Client) protectVersion(ctx context.Context, bucket, key, version string, wanted Protection, now time.Time) (Protection, error) {
	wanted = wanted.At(now)
	wanted.Until = wanted.Until.UTC().Truncate(time.Second)
	have, version, err := c.protection(ctx, bucket, key, version)
	if err != nil || have.At(now) == wanted {
		return have.At(now), err
	}
	refusal := c.protect(ctx, bucket, key, version, have.At(now), wanted)
	have, _, err = c.protection(ctx, bucket, key, version)
	have = have.At(now)
	if wanted.Mode == "" && have.Mode == LockGovernance {
		have = have.At(c.clock.Now().Add(liftDelay)) // it is about to end
	}
	switch {
	case err != nil:
		return have, err
	case have == wanted:
		return have, nil
	case IsTransient(refusal) || Reason(refusal) == ReasonCanceled:
		return have, refusal
	case have.Covers(wanted):
		return have, &Error{Op: "lift the lock of", Bucket: bucket, Key: key, Reason: ReasonLocked, Until: have.Until, detail: have.String()}
	default:
		return have, &Error{Op: "lock", Bucket: bucket, Key: key, Reason: ReasonObjectLockUnsupported, detail: fmt.Sprintf("wanted %s, the object has %s", wanted, have)}
	}
}

// Unprotect lifts what can be lifted from every version under a prefix, which must end with a slash. It fails with ReasonLocked
// where something cannot be, after it has lifted the rest.
func (c *Client) Unprotect(ctx context.Context, bucket, prefix string, now time.Time) error {
	versions, err := c.Versions(ctx, bucket, prefix)
	if err != nil {
		return err
	}
	var locked error
	for _, version := range versions {
		if version.DeleteMarker {
			continue
		}
		_, err := c.protectVersion(ctx, bucket, version.Key, version.VersionID, Protection{}, now)
		if err != nil && Reason(err) != ReasonLocked {
			return err
		}
		locked = cmp.Or(locked, err)
	}
	return locked
}

// protect sends what differs: the flag first where it is set, last where it is taken away, so that no moment is unprotected.
func (c *Client) protect(ctx context.Context, bucket, key, version string, have, wanted Protection) error {
	flag := func() error {
		status := minio.LegalHoldDisabled
		if wanted.LegalHold {
			status = minio.LegalHoldEnabled
		}
		if have.LegalHold == wanted.LegalHold {
			return nil
		}
		return c.wrap("set the legal hold of", bucket, key, c.core.PutObjectLegalHold(ctx, bucket, key, minio.PutObjectLegalHoldOptions{Status: &status, VersionID: version}))
	}
	retention := func() error {
		if have.Mode == wanted.Mode && have.Until.Equal(wanted.Until) {
			return nil
		}
		return c.retain(ctx, bucket, key, version, have, wanted)
	}
	steps := []func() error{flag, retention}
	if !wanted.LegalHold {
		steps = []func() error{retention, flag}
	}
	var first error
	for _, step := range steps {
		if err := step(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// liftDelay is how soon a retention ends that a server shortens and does not take away.
const liftDelay = 3 * time.Second

// retain writes a retention. To shorten a GOVERNANCE one, or to make it COMPLIANCE, has to be said. Nothing shortens a COMPLIANCE
// one.
func (c *Client) retain(ctx context.Context, bucket, key, version string, have, wanted Protection) error {
	put := func(p Protection) error {
		opts := minio.PutObjectRetentionOptions{VersionID: version, GovernanceBypass: have.Mode == LockGovernance && (have.Mode != p.Mode || p.Until.Before(have.Until))}
		if p.Mode != "" {
			mode := minio.Governance
			if p.Mode == LockCompliance {
				mode = minio.Compliance
			}
			opts.Mode, opts.RetainUntilDate = &mode, &p.Until
		}
		return c.wrap("set the retention of", bucket, key, c.core.PutObjectRetention(ctx, bucket, key, opts))
	}
	err := put(wanted)
	if err != nil && wanted.Mode == "" && have.Mode == LockGovernance {
		// Not every server takes a retention away, and none takes one that ended in the past.
		return put(Protection{Mode: LockGovernance, Until: c.clock.Now().Add(liftDelay).UTC().Truncate(time.Second)})
	}
	return err
}

// String describes the protection, such as "GOVERNANCE retention until 2027-01-01T00:00:00Z and legal hold".
func (p Protection) String() string {
	text := ""
	if p.Mode != "" {
		text = strings.ToUpper(string(p.Mode)) + " retention until " + p.Until.UTC().Format(time.RFC3339)
	}
	switch {
	case p.LegalHold && text != "":
		return text + " and legal hold"
	case p.LegalHold:
		return "legal hold"
	case text == "":
		return "no lock"
	}
	return text
}
