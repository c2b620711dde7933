// SPDX-License-Identifier: Apache-2.0

// Package keyrotation gives a store's keyset a new key when spec.encryption.keyGeneration asks for one, wraps the recordings'
// data keys with it, and retires the keys that nothing needs any more. Media is never touched.
//
//	                 add               promote              rewrap            disable, remove
//	keyset       A wraps  │  A wraps, B unwraps  │  B wraps, A unwraps  │  the same  │  B alone
//	manifests    by A     │  by A                │  by A                │  by B      │  by B
//
// Every step is one write of the Secret, of the status or of a manifest, decided from what the Secret, the status and the
// buckets hold at that moment, and can be repeated. Between two changes of the keyset lies the time in which every component
// gets to see it: the gateway must have a key before anything is wrapped with it, and nobody may still wrap with a key that is
// retired.
//
// Which generation the newest key is for stands in annotations of the Secret, written together with the key: a process that
// dies in between does not add a second one.
package keyrotation
