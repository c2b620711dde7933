// SPDX-License-Identifier: Apache-2.0

// Package media turns what a meeting left behind into one encrypted object, and reads it back at any offset.
//
// The way in, step by step, each usable alone:
//
//	Sniff     which container is it? Our own look at the first bytes; nothing else chooses a demuxer
//	Inspect   is it whole, not encrypted, and does it refer to nothing outside itself?
//	Probe     what streams does it have? (ffprobe, locked down)
//	NewPlan   copy or transcode each stream (a pure function)
//	Convert   run ffmpeg over it, fragmented MP4 comes out of a pipe
//	Package   cut into segments, pad, encrypt, hash, tag: the media object streams out, its map comes back
//	Manifest  the authenticated map beside the media object
//
// The way out: a Reader over a manifest serves any byte range, as ciphertext or as plaintext, and checks every segment
// as it passes; Playlist describes the object to an HLS player.
//
// docs/media-format.md defines the format for those who want to write a decoder of their own.
//
// Nothing in this package knows Kubernetes, S3 or HTTP, and memory never grows with the length of a recording, other
// than by the 64 bytes a segment takes in a manifest.
package media
