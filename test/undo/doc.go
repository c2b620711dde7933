// SPDX-License-Identifier: Apache-2.0

// Package undo tests that mistakes can be undone: recordings are deleted in every way in which that happens, one by one and by the
// thousand, or their whole cluster is lost; the kubectl plugin brings them back, a real manager does its part, and what is back is
// compared byte for byte.
package undo
