// SPDX-License-Identifier: Apache-2.0

// Package access answers one question: may this person do this with this recording now?
//
// Decide is a function of its arguments, and everything that asks the question asks it here. What is not allowed is
// refused. In this order:
//
//  1. Who they are. Without a verified name nobody has a role. An outsider has the role External, also one who attended,
//     hosted or made the meeting. A member of the organisation has every role that the meeting's facts give, else Internal.
//  2. The audiences are the outer bound: the policy's own and those of the organisation's overrides, all of which have to
//     admit. A grant admits whom it names to Internal and Invited; nothing admits to Departments but belonging to one.
//  3. Roles permit: somebody with several may do what any of them may. A role label that a policy names raises this for
//     a member of the organisation who may view already.
//  4. Grants permit what they say to whom they name, while they count: accepted by their controller, within their dates,
//     their password given, and within the policy as it is now.
//  5. Labels and overrides limit all of it: somebody with role labels that are named may view and download only
//     what all of them list, and the organisation's overrides say the most that a role can be given by any means.
//  6. The recording's own state comes last: in the trash it can only be restored, purged or held; while a hold or a lock
//     lies on it, it is neither trashed nor purged; where recording is disabled, none can be started.
//
// Policies in DryRun take no part in the answer. Where they would have refused what is allowed, the decision says so.
package access
