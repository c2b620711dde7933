// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func TestReadAheadGivesWhatItsSourceGives(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	rapid.Check(t, func(t *rapid.T) {
		content := bytes.Repeat([]byte("0123456789abcde"), rapid.IntRange(0, 120_000).Draw(t, "repeats"))
		want := rapid.SampledFrom([]error{nil, broken}).Draw(t, "end")
		var source io.Reader = bytes.NewReader(content)
		if want != nil {
			source = io.MultiReader(source, iotest.ErrReader(want))
		}
		ahead, err := newReadAhead(t.Context(), func(context.Context) (io.ReadCloser, error) { return io.NopCloser(source), nil })
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.LimitReader(ahead, rapid.Int64Range(0, 4_000_000).Draw(t, "limit")))
		if !bytes.HasPrefix(content, got) {
			t.Fatal("bytes differ")
		}
		if err != nil && !errors.Is(err, want) {
			t.Fatalf("error %v, want %v", err, want)
		}
		if err := errors.Join(ahead.Close(), ahead.Close()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestReadAheadStopsWaitingWhenItIsClosed(t *testing.T) {
	t.Parallel()
	ahead, err := newReadAhead(t.Context(), func(ctx context.Context) (io.ReadCloser, error) { return io.NopCloser(silence{ctx}), nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := ahead.Close(); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no such object")
	if _, err := newReadAhead(t.Context(), func(context.Context) (io.ReadCloser, error) { return nil, refused }); !errors.Is(err, refused) {
		t.Errorf("error %v, want %v", err, refused)
	}
}

// silence is a connection on which nothing comes.
type silence struct {
	ctx context.Context //nolint:containedctx // what a connection has instead
}

func (s silence) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}
