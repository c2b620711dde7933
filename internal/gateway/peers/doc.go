// SPDX-License-Identifier: Apache-2.0

// Package peers has the replicas of the gateway count together how fast a person is given what they watch. Only the counting goes from one to
// another, never media.
//
// Each viewer has a home among the replicas that are ready, and all replicas work out by themselves which one it is (rendezvous hashing). A
// replica that serves somebody whose home is another one asks there:
//
//	player -> replica --- may carol have 4 s of this, ahead by at most 3 min? --> her home
//	player <- replica <-- yes, in 0 s ------------------------------------------- her home
//
// Where the home does not answer at once, the replica counts by itself, as it does where there is no other. Whoever is asked answers, also if by
// what it knows somebody else is the home: for a moment replicas can see things differently, and nothing is ever passed on.
package peers
