// SPDX-License-Identifier: Apache-2.0

// Package meetingrecording leads a recording through its life.
//
//	            ┌──────────── incoming ─────────────┐   ┌────────── kept ───────────┐
//	created ──▶ waiting for media ──▶ a Job packages ──▶ Available ──▶ Trashed ──▶ purged
//	            (upload or import)    and encrypts it        ▲  expiry or  │
//	                     │                 │                 └── restore ──┘
//	                     └──▶ Stalled ◀────┘  (the media can never work)
//
//	deleted at any time ──▶ leaving: nothing arrived → cleaned up; else a tombstone stays in the bucket until the purge date
//
// Every pass has the same shape. observe reads everything that the decision needs, once. decide, a pure function over that
// observation, says what to do, what the status is and when to look again. perform carries the steps out, one write each; then
// the status is written if it differs, and only then people are told by events.
//
// No step relies on the one before it having been seen: a pass that dies anywhere is repeated from what is there. What is
// there is, in this order of trust, the bucket (a manifest that authenticates means processed), the Jobs and the status. The
// status alone remembers three things that nothing else could: the dates, that an input can never work (Stalled), and
// which media a person has been shown.
//
// Views from the cache can be old. Whatever cannot be taken back is therefore guarded: status writes, expiry and deletion
// carry the resourceVersion that was decided upon, and an attempt is started only after the API server itself was asked.
package meetingrecording
