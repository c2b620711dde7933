// SPDX-License-Identifier: Apache-2.0

package media

import "fmt"

// Reason says in one word why an input can never be packaged.
type Reason string

const (
	// Empty means that there are no bytes at all.
	Empty Reason = "Empty"
	// Truncated means that so much is missing at the end that nothing can be played.
	Truncated Reason = "Truncated"
	// NotAVideo means that the bytes are no container that Reelkeeper accepts, or one without sound and picture.
	NotAVideo Reason = "NotAVideo"
	// Encrypted means that the media inside is encrypted with a key that Reelkeeper does not have.
	Encrypted Reason = "Encrypted"
	// TooLarge means that the input, or what would become of it, exceeds the limit that was set for it.
	TooLarge Reason = "TooLarge"
)

// InputError says that this input can never work, however often it is tried: a terminal failure. Every other error of
// this package may go away with another try.
type InputError struct {
	Reason Reason
	// Message is one sentence for the person who uploaded the input: what is wrong and what to do about it.
	Message string
}

// Error returns the reason and the message.
func (e *InputError) Error() string { return string(e.Reason) + ": " + e.Message }

func inputError(reason Reason, format string, args ...any) error {
	return &InputError{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
