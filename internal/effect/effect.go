// SPDX-License-Identifier: Apache-2.0

// Package effect is the one place through which everything goes that controllers change in the world: objects of the API
// server, and objects, uploads and buckets of object stores.
//
// A controller that dies must be able to go on from between any two writes. Whether it can is not seen by reading, so every
// write has a name and passes through Do, where a test can end the process before it, after it, or take its answer away:
//
//	err := effect.Do(ctx, "trash: remove the tombstone", func() error {
//		_, err := objects.DeleteAllVersions(ctx, bucket, key)
//		return err
//	})
//
// One effect is one call of one client. A test of this package reads the code of the controllers, and of all they import, and
// fails where a write is made outside an effect; `make fault-test` fails where an effect is never struck.
package effect

import "context"

// Name says what an effect does: "who: what", as in "trash: remove the tombstone". It is a constant in the call of Do, or a
// constant to which the one thing is added that differs, such as the action of an audit event.
type Name string

// Gate decides what becomes of a write. It calls write once or not at all and returns what the controller gets to see.
type Gate func(name Name, write func() error) error

type gateKey struct{}

// With returns a context in which all effects pass through a gate. Only tests have one. It comes with the context, because
// effects lie under several clients and packages that know nothing of one another, and all of them have the context.
func With(ctx context.Context, gate Gate) context.Context {
	return context.WithValue(ctx, gateKey{}, gate)
}

// Do makes one write.
func Do(ctx context.Context, name Name, write func() error) error {
	if gate, ok := ctx.Value(gateKey{}).(Gate); ok && gate != nil {
		return gate(name, write)
	}
	return write()
}
