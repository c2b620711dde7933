// SPDX-License-Identifier: Apache-2.0

package ended

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Name is what sessions are found by that are over: the hash of something that they have in common. Whoever reads it learns no session's ID,
// and of an account or address only whether it is one that they know already.
type Name string

// nameBytes is how much of the hash is kept: nobody finds two things of one name.
const nameBytes = 16

// name hashes what the parts say. They are quoted, so that no two lists of parts look the same.
func name(of string, parts ...string) Name {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q", of, parts))
	return Name(hex.EncodeToString(sum[:nameBytes]))
}

// Session is the one session with this ID.
func Session(id string) Name { return name("session", id) }

// Account is all sessions of an account of an identity provider.
func Account(issuer, subject string) Name { return name("account", issuer, subject) }

// Login is all sessions that came of one sign-in at an identity provider, by the name that it has there (sid).
func Login(issuer, sid string) Name { return name("login", issuer, sid) }

// Address is all sessions of who has an e-mail address, in lower case: through one identity provider, or with an empty issuer through any.
func Address(email, issuer string) Name { return name("address", email, issuer) }

// Token is a logout token that was taken. No session has this name.
func Token(issuer, id string) Name { return name("token", issuer, id) }
