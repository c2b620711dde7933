// SPDX-License-Identifier: Apache-2.0

package playback

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

const (
	maxProgress = 4 << 10
	// progressKept is how long one answer does for everybody who looks.
	progressKept    = time.Second
	progressTimeout = 2 * time.Second
)

// Progress returns how far the worker says that the processing of a recording is, in percent. It is zero where the worker
// has said nothing, or cannot be asked: progress is a courtesy.
func (o *Opener) Progress(ctx context.Context, recording *v1alpha1.MeetingRecording) int {
	id := "progress\n" + recording.StoreName() + "\n" + recording.Namespace + "\n" + recording.StorageUID()
	if known, found := o.opened.Get(id); found {
		return known.(int)
	}
	ctx, cancel := context.WithTimeout(ctx, progressTimeout)
	defer cancel()
	percent := o.readProgress(ctx, recording)
	o.opened.Add(id, percent, progressKept)
	return percent
}

func (o *Opener) readProgress(ctx context.Context, recording *v1alpha1.MeetingRecording) int {
	store, err := o.stores.Open(ctx, recording.StoreName())
	if err != nil {
		return 0
	}
	names, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	if err != nil {
		return 0
	}
	body, _, err := store.Objects.Get(ctx, store.Bucket(recording.Namespace), names.ProgressKey(), objectstore.GetOptions{})
	if err != nil {
		return 0
	}
	defer body.Close()
	var progress struct {
		Percent int `json:"percent"`
	}
	if err := json.NewDecoder(io.LimitReader(body, maxProgress)).Decode(&progress); err != nil {
		return 0
	}
	return min(max(progress.Percent, 0), 100)
}
