// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// AfterStart lets pass what happens, and not what is there at the start. It is for objects that a controller watches for the sake of
// others, all of which it looks at in the beginning anyway: a hundred thousand recordings would each be asked whom they concern.
var AfterStart = predicate.Funcs{CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList }}
