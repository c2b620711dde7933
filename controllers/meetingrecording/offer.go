// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// The keys of the Secret that says where to send the media. Every URL is good for whoever has it, until validUntil.
//
//	method      Put or Multipart
//	validUntil  when the URLs end; the Secret is renewed twelve hours before
//	url         Put: takes the media with one PUT request
//	curl        Put: the command to do so
//	partURLs    Multipart: one URL a line; the nth takes the nth part with PUT and answers with its ETag
//	partSize    Multipart: how many bytes each part but the last has
//	completeURL Multipart: takes a POST of the CompleteMultipartUpload document with the ETags
//	abortURL    Multipart: takes a DELETE that discards what was sent
//	uploadID    Multipart: how the object store calls the upload
//	upload.sh   Multipart: a shell script that does all of it
const (
	keyMethod      = "method"
	keyValidUntil  = "validUntil"
	keyURL         = "url"
	keyCurl        = "curl"
	keyPartURLs    = "partURLs"
	keyPartSize    = "partSize"
	keyCompleteURL = "completeURL"
	keyAbortURL    = "abortURL"
	keyUploadID    = "uploadID"
	keyScript      = "upload.sh"
)

// The annotations of that Secret are for the controller, which reads them without reading the URLs.
const (
	annotationValidUntil = "reelkeeper.io/valid-until"
	annotationDeadline   = "reelkeeper.io/upload-deadline"
	annotationSigner     = "reelkeeper.io/upload-signer"
)

// Parts of an upload: large enough that there are few URLs, small enough that a broken one is soon sent again.
const (
	leastUploadPart = 64 << 20
	mostUploadParts = 400
	mebibyte        = 1 << 20
)

// uploadPartsFor cuts an upload of this size into parts of whole MiB.
func uploadPartsFor(size int64) (partSize int64, parts int) {
	partSize = max(leastUploadPart, (size+mostUploadParts-1)/mostUploadParts)
	partSize = (partSize + mebibyte - 1) / mebibyte * mebibyte
	return partSize, int(max((size+partSize-1)/partSize, 1))
}

// offer is what the Secret is made of.
type offer struct {
	validUntil, deadline time.Time
	// signer tells whose signature the URLs carry.
	signer string
	data   map[string]string
}

func putOffer(url string) map[string]string {
	return map[string]string{
		keyMethod: string(v1alpha1.UploadPut),
		keyURL:    url,
		keyCurl:   fmt.Sprintf("curl --fail --upload-file recording.mp4 '%s'\n", url),
	}
}

func multipartOffer(uploadID string, partSize int64, partURLs []string, completeURL, abortURL string) map[string]string {
	return map[string]string{
		keyMethod:      string(v1alpha1.UploadMultipart),
		keyUploadID:    uploadID,
		keyPartSize:    strconv.FormatInt(partSize, 10),
		keyPartURLs:    strings.Join(partURLs, "\n") + "\n",
		keyCompleteURL: completeURL,
		keyAbortURL:    abortURL,
		keyScript:      fmt.Sprintf(uploadScript, partSize/mebibyte, completeURL),
	}
}

// uploadScript needs nothing but sh, dd and curl. Its arguments are the size of a part in MiB and the URL that completes.
const uploadScript = `#!/bin/sh
# Sends a recording in parts. In an empty directory, with this Secret's keys partURLs and upload.sh saved as files:
#   sh upload.sh /path/to/recording.mp4
set -eu
file=${1:?usage: sh upload.sh FILE}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
while read -r url; do
  dd if="$file" of="$work/part" bs=1048576 skip=$((n * %[1]d)) count=%[1]d 2>/dev/null
  [ -s "$work/part" ] || break
  n=$((n + 1))
  curl --fail --silent --show-error --retry 5 --output /dev/null --dump-header "$work/headers" --upload-file "$work/part" "$url"
  etag=$(sed -n 's/^[Ee][Tt][Aa][Gg]: *//p' "$work/headers" | tr -d '\r' | tail -n 1)
  printf '<Part><PartNumber>%%d</PartNumber><ETag>%%s</ETag></Part>' "$n" "$etag" >>"$work/parts"
  echo "part $n sent"
done <partURLs
{ printf '<CompleteMultipartUpload>'; cat "$work/parts"; printf '</CompleteMultipartUpload>'; } >"$work/complete"
curl --fail --silent --show-error --header 'Content-Type: application/xml' --data-binary "@$work/complete" --output "$work/answer" '%[2]s'
if grep -q '<Error>' "$work/answer"; then cat "$work/answer"; exit 1; fi
echo "done"
`

// secret is the whole Secret, for server-side apply.
func (f offer) secret(recording *v1alpha1.MeetingRecording) *corev1ac.SecretApplyConfiguration {
	data := map[string][]byte{keyValidUntil: []byte(f.validUntil.UTC().Format(time.RFC3339) + "\n")}
	for key, value := range f.data {
		data[key] = []byte(value)
	}
	return corev1ac.Secret(uploadSecretName(recording.Name), recording.Namespace).
		WithLabels(map[string]string{v1alpha1.LabelRecordingUID: string(recording.UID)}).
		WithAnnotations(map[string]string{
			annotationValidUntil: f.validUntil.UTC().Format(time.RFC3339),
			annotationDeadline:   f.deadline.UTC().Format(time.RFC3339),
			annotationSigner:     f.signer,
		}).
		WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("MeetingRecording").
			WithName(recording.Name).WithUID(recording.UID).WithController(true)).
		WithData(data)
}

// viewOfUpload reads the metadata of that Secret, which whoever may change Secrets of the namespace may change too.
func viewOfUpload(recording *v1alpha1.MeetingRecording, secret *metav1.ObjectMeta, now time.Time) uploadView {
	view := uploadView{found: true, foreign: !metav1.IsControlledBy(secret, recording), signer: secret.Annotations[annotationSigner]}
	view.validUntil = dateWithin(uploadFor, secret.Annotations[annotationValidUntil], now)
	view.deadline = dateWithin(uploadPatience, secret.Annotations[annotationDeadline], now)
	return view
}

// dateWithin reads a date that is no further away than what is ever written. One that somebody spoiled is zero: the URLs are
// then renewed, and the wait begins anew. One that was put off would have the bucket asked every second for as long.
func dateWithin(limit time.Duration, text string, now time.Time) time.Time {
	date, err := time.Parse(time.RFC3339, text)
	if err != nil || date.After(now.Add(limit)) {
		return time.Time{}
	}
	return date
}
