// SPDX-License-Identifier: Apache-2.0

package recordingpolicy

import "sigs.k8s.io/controller-runtime/pkg/client"

// Heard does what the watch on recordings does.
func (r *Reconciler) Heard(recording client.Object) { r.census.markRecording(recording) }
