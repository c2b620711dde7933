// SPDX-License-Identifier: Apache-2.0

// Package archive is what a bucket says of recordings when nobody else can be asked: what their manifests, states and tombstones
// mean, for the controllers that write them and for the people who get recordings back by them.
//
//	manifest    what was packaged, and the key to it; written once          authentic by the recording's own data key
//	state       what has become of the recording since: labels, spec, dates  authentic by the same data key
//	tombstone   that its MeetingRecording was deleted, and when the media    an entry in a calendar, believed only where
//	            goes for good                                                the state says the same
//
// The bucket is enough to make every MeetingRecording again. Nothing here asks the API server.
package archive
