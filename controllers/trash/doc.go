// SPDX-License-Identifier: Apache-2.0

// Package trash lets go for good of recordings whose MeetingRecording object is already gone.
//
// When a MeetingRecording is deleted (by hand, with its namespace, or by a GitOps tool), its media stays in the bucket
// until the purge date, and a tombstone beside it says what lies there and until when. Tombstones sort by that date, so
// the Sweeper reads the head of one listing to know what is due and when to look again.
//
//	recording deleted ── tombstone written ── … until the purge date … ── media, staging, manifest purged ── Purged recorded ── tombstone removed
//
// Raw uploads that came late, which no recording needs any more, are cleared away on the same rounds; see clearLate.
//
// The tombstone goes last: whoever dies on the way finds it again and goes on. The manifest, which holds the only wrapped
// copy of the data key, goes after the media, because without it nobody could tell what was still to be removed.
package trash
