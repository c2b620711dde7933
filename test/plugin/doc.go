// SPDX-License-Identifier: Apache-2.0

// Package plugin tests the commands of the kubectl plugin that look into object stores, against a real API server and a real
// store. Its tests make stores and recordings; those of internal/cli share a fixture that nothing may change.
package plugin
