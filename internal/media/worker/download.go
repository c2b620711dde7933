// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/reelkeeper/reelkeeper/internal/fetch"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// copyBuffer is the size of the buffers that bytes pass through.
const copyBuffer = 1 << 20

// raw is the downloaded input.
type raw struct {
	path   string
	bytes  int64
	sha256 media.Digest
}

// download puts the raw recording into the scratch folder, where ffmpeg can seek in it, and hashes it on the way.
func (w *work) download(ctx context.Context) (raw, error) {
	if w.spec.Fetch != nil {
		return w.fetch(ctx, *w.spec.Fetch)
	}
	body, size, err := w.store.Get(ctx, w.spec.RawURL, 0)
	if err != nil {
		return raw{}, fail(SourceUnreachable, "reading the raw recording", err)
	}
	defer body.Close()
	if size > w.spec.MaxBytes {
		return raw{}, tooLarge(w.spec.MaxBytes)
	}
	path := w.scratchFile()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return raw{}, fail(Internal, "writing to the scratch folder", err)
	}
	defer file.Close()
	result, err := w.fill(file, body, size)
	if err != nil {
		return raw{}, err
	}
	result.path = path
	return result, fail(Internal, "writing to the scratch folder", file.Close())
}

// fetch downloads from an address that somebody chose.
func (w *work) fetch(ctx context.Context, from Fetch) (raw, error) {
	client, err := fetch.New(fetch.Options{Hosts: from.Hosts, PrivateAddresses: from.PrivateAddresses, CABundle: []byte(from.CABundle)})
	if err != nil {
		return raw{}, fail(Internal, "preparing to fetch", err)
	}
	path := w.scratchFile()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return raw{}, fail(Internal, "writing to the scratch folder", err)
	}
	defer file.Close()
	request := fetch.Request{
		URL: from.URL, Authorization: string(from.Authorization), CredentialsHost: from.CredentialsHost, MaxBytes: w.spec.MaxBytes, SHA256: from.SHA256,
	}
	result, err := client.Download(ctx, request, file, func(done, total int64) {
		if total > 0 {
			w.progress.report(Downloading, float64(done)/float64(total))
		}
	})
	if err != nil {
		return raw{}, err
	}
	return raw{path: path, bytes: result.Bytes, sha256: result.SHA256}, fail(Internal, "writing to the scratch folder", file.Close())
}

func (w *work) fill(file io.Writer, body io.Reader, size int64) (raw, error) {
	hash := sha256.New()
	buf := make([]byte, copyBuffer)
	var result raw
	for {
		n, readErr := body.Read(buf)
		hash.Write(buf[:n])
		if _, err := file.Write(buf[:n]); err != nil {
			return raw{}, fail(Internal, "writing the raw recording to the scratch folder (is it full?)", err)
		}
		if result.bytes += int64(n); result.bytes > w.spec.MaxBytes {
			return raw{}, tooLarge(w.spec.MaxBytes)
		}
		if size > 0 {
			w.progress.report(Downloading, float64(result.bytes)/float64(size))
		}
		if errors.Is(readErr, io.EOF) {
			break
		}
		if readErr != nil {
			return raw{}, fail(SourceUnreachable, "reading the raw recording", readErr)
		}
	}
	if result.bytes != size {
		return raw{}, fail(SourceUnreachable, "reading the raw recording", fmt.Errorf("%d of %d bytes came", result.bytes, size))
	}
	hash.Sum(result.sha256[:0])
	return result, nil
}

func tooLarge(limit int64) error {
	return &media.InputError{Reason: media.TooLarge, Message: fmt.Sprintf(
		"The recording is larger than %d bytes, the limit for uploads. Upload a shorter or smaller one, or ask for a higher limit.", limit)}
}
