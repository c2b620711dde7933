// SPDX-License-Identifier: Apache-2.0

// Package objectstore keeps buckets and objects on any S3 server. Nothing outside it knows S3.
//
// What every server must do is little: put, ranged get, head, delete, list and multipart uploads. Versioning, object
// lock, conditional writes and the rest are found out by Probe, which tries them, and are replaced by other means where
// they are missing. No server is trusted by its name or version.
//
// Every error carries a reason (see Reason) and a message that tells the operator what to do next. Neither credentials nor
// the query strings of presigned URLs appear in errors.
//
// The package presigned is the other half: it moves bytes with nothing but presigned URLs, for those who hold no credentials.
package objectstore
