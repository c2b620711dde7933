// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// How media comes.

func created(change func(*v1alpha1.MeetingRecording)) step {
	return step{name: "create", do: func(ctx context.Context, w *world) error { return w.create(ctx, change) }, reached: ready(v1alpha1.ReasonUploading)}
}

func multipart(r *v1alpha1.MeetingRecording) {
	size := resource.MustParse("1Mi")
	r.Spec.Source.Upload = &v1alpha1.UploadSource{Method: v1alpha1.UploadMultipart, Size: &size}
}

func imported() step {
	return step{
		name: "import",
		do: func(ctx context.Context, w *world) error {
			if _, err := w.objects.EnsureBucket(ctx, w.imports(), objectstore.BucketOptions{}); err != nil {
				return err
			}
			if _, err := w.objects.Put(ctx, w.imports(), "q3.mp4", bytes.NewReader(w.raw), int64(len(w.raw)), objectstore.PutOptions{}); err != nil {
				return err
			}
			return w.create(ctx, func(r *v1alpha1.MeetingRecording) {
				r.Spec.Source = v1alpha1.MediaSource{Object: &v1alpha1.ObjectSource{Bucket: w.imports(), Key: "q3.mp4"}}
			})
		},
		reached:  ready(v1alpha1.ReasonAvailable),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditUploaded, v1alpha1.AuditProcessed},
	}
}

func fetched() step {
	return step{
		name: "fetch",
		do: func(ctx context.Context, w *world) error {
			return w.create(ctx, func(r *v1alpha1.MeetingRecording) {
				r.Spec.Source = v1alpha1.MediaSource{URL: &v1alpha1.URLSource{URL: "https://" + elsewhereHost + "/q3.mp4"}}
			})
		},
		reached:  ready(v1alpha1.ReasonAvailable),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditUploaded, v1alpha1.AuditProcessed},
	}
}

func sent() step {
	return step{
		name:     "send",
		do:       func(ctx context.Context, w *world) error { return w.send(ctx, "url") },
		reached:  ready(v1alpha1.ReasonAvailable),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditUploaded, v1alpha1.AuditProcessed},
	}
}

func sentInParts() step {
	return step{
		name: "send in parts", do: func(ctx context.Context, w *world) error { return w.sendInParts(ctx) }, reached: ready(v1alpha1.ReasonAvailable),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditUploaded, v1alpha1.AuditProcessed},
	}
}

func newRecording(namespace, store string) *v1alpha1.MeetingRecording {
	return &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: recordingName},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting:  v1alpha1.MeetingFacts{ID: "872-114", Title: "Q3 review", Creator: "alice@example.com"},
			Source:   v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: store},
		},
	}
}

func (w *world) create(ctx context.Context, change func(*v1alpha1.MeetingRecording)) error {
	recording := newRecording(w.namespace, w.namespace)
	if change != nil {
		change(recording)
	}
	return w.admin.Create(ctx, recording)
}

// offer reads the Secret that says where to send the media. A person waits for it.
func (w *world) offer(ctx context.Context) (map[string][]byte, error) {
	recording := w.recording()
	if recording == nil {
		return nil, errors.New("there is no recording to send anything for")
	}
	var secret corev1.Secret
	err := w.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: recording.Status.Upload.SecretRef.Name}, &secret)
	return secret.Data, err
}

func (w *world) send(ctx context.Context, key string) error {
	offered, err := w.offer(ctx)
	if err != nil {
		return err
	}
	_, err = exchange(ctx, http.MethodPut, string(offered[key]), w.raw)
	return err
}

func (w *world) sendInParts(ctx context.Context) error {
	offered, err := w.offer(ctx)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(offered["partURLs"]), "\n")
	etag, err := exchange(ctx, http.MethodPut, first, w.raw)
	if err != nil {
		return err
	}
	complete := fmt.Sprintf("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", etag)
	_, err = exchange(ctx, http.MethodPost, string(offered["completeURL"]), []byte(complete))
	return err
}

// persistence is how often a person tries again whose upload fails.
const persistence = 20

// exchange sends a request as the person with the URL would, again and again, and returns the ETag of the answer.
func exchange(ctx context.Context, method, url string, body []byte) (etag string, err error) {
	for range persistence {
		if etag, err = exchangeOnce(ctx, method, url, body); err == nil {
			return etag, nil
		}
	}
	return "", err
}

func exchangeOnce(ctx context.Context, method, url string, body []byte) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	// A completion whose answer was lost is found done.
	if done := method == http.MethodPost && bytes.Contains(answer, []byte("NoSuchUpload")); response.StatusCode != http.StatusOK && !done {
		return "", fmt.Errorf("%s: %s: %s", method, response.Status, answer[:min(len(answer), 200)])
	}
	return response.Header.Get("ETag"), nil
}
