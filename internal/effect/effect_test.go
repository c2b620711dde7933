// SPDX-License-Identifier: Apache-2.0

package effect_test

import (
	"errors"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
)

func TestAWriteWithoutAGateIsMade(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	if err := effect.Do(t.Context(), "test: write", func() error { return refused }); !errors.Is(err, refused) {
		t.Errorf("Do = %v, want what the write returns", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	cases := map[string]struct {
		fault    effecttest.Fault
		answer   error
		wantMade bool
		wantErr  error
	}{
		"dying before makes no write":                 {fault: effecttest.DieBefore, wantErr: effecttest.ErrDied},
		"dying after has made it":                     {fault: effecttest.DieAfter, wantMade: true, wantErr: effecttest.ErrDied},
		"an answer that is lost is that of a write":   {fault: effecttest.LoseAnswer, wantMade: true, wantErr: effecttest.ErrAnswerLost},
		"a refusal comes before the fault that waits": {fault: effecttest.DieAfter, answer: refused, wantMade: true, wantErr: refused},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := false
			ctx := effect.With(t.Context(), func(_ effect.Name, write func() error) error { return tc.fault.Strike(write) })
			err := effect.Do(ctx, "test: write", func() error {
				made = true
				return tc.answer
			})
			if made != tc.wantMade || !errors.Is(err, tc.wantErr) {
				t.Errorf("the write was made: %t, Do = %v; want %t, %v", made, err, tc.wantMade, tc.wantErr)
			}
		})
	}
}
