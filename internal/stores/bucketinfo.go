// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
)

// BucketInfoKey is the key of a Secret that a COSI driver makes for a BucketAccess. Its value is JSON.
const BucketInfoKey = "BucketInfo"

// bucketInfo is what COSI says of a bucket and how to reach it.
type bucketInfo struct {
	Spec struct {
		BucketName         string   `json:"bucketName"`
		AuthenticationType string   `json:"authenticationType"`
		Protocols          []string `json:"protocols"`
		SecretS3           struct {
			Endpoint        string `json:"endpoint"`
			Region          string `json:"region"`
			AccessKeyID     string `json:"accessKeyID"`
			AccessSecretKey string `json:"accessSecretKey"`
		} `json:"secretS3"`
	} `json:"spec"`
}

// readBucketInfo reads a Secret, and says in words for the platform team what is wrong with it. No word of its content goes
// into the message but the names of protocols and of the bucket.
func readBucketInfo(store *v1alpha1.RecordingStore, secret *corev1.Secret) (bucketInfo, error) {
	wrong := func(format string, args ...any) (bucketInfo, error) {
		return bucketInfo{}, failure(v1alpha1.ReasonBucketInfoInvalid, "Secret "+secret.Namespace+"/"+secret.Name+" "+format, args...)
	}
	encoded := secret.Data[BucketInfoKey]
	if len(encoded) == 0 {
		return wrong("has no key %s: name the Secret of a COSI BucketAccess", BucketInfoKey)
	}
	var info bucketInfo
	if err := json.Unmarshal(encoded, &info); err != nil {
		return wrong("holds a %s that is no JSON of COSI's: look at the driver that made it", BucketInfoKey)
	}
	s3 := &info.Spec.SecretS3
	for _, text := range []*string{&info.Spec.BucketName, &s3.Endpoint, &s3.Region, &s3.AccessKeyID, &s3.AccessSecretKey} {
		*text = credentials.Pasted([]byte(*text))
	}
	spec := info.Spec
	isS3 := func(protocol string) bool { return strings.EqualFold(protocol, "s3") }
	named := store.Spec.Buckets.Name
	switch {
	case !slices.ContainsFunc(spec.Protocols, isS3):
		return wrong("is for the protocols %q: ask for a bucket of protocol S3", spec.Protocols)
	case !strings.EqualFold(spec.AuthenticationType, "key"):
		return wrong("authenticates by %q: ask for a BucketAccess with the authentication type Key", spec.AuthenticationType)
	case spec.BucketName == "" || spec.SecretS3.Endpoint == "":
		return wrong("names no bucket, or no endpoint: look at the driver that made it")
	case spec.SecretS3.AccessKeyID == "" || spec.SecretS3.AccessSecretKey == "":
		return wrong("holds no accessKeyID, or no accessSecretKey: look at the driver that made it")
	case credentials.Unprintable(spec.SecretS3.AccessKeyID + spec.SecretS3.AccessSecretKey):
		return wrong("holds an accessKeyID or an accessSecretKey that " + unprintable)
	case named != "" && named != spec.BucketName:
		return wrong("is for bucket %s, and the store's buckets.name is %s: leave buckets.name away in a new RecordingStore, or name the right Secret", spec.BucketName, named)
	}
	return info, nil
}

// IsProvided reports whether a store's bucket is a COSI driver's, who alone makes and configures it.
func IsProvided(store *v1alpha1.RecordingStore) bool {
	return store.Spec.S3.BucketInfoSecretRef.Name != ""
}

// CredentialsRef names the Secret that a store's credentials are in.
func CredentialsRef(store *v1alpha1.RecordingStore) v1alpha1.SecretReference {
	if IsProvided(store) {
		return store.Spec.S3.BucketInfoSecretRef
	}
	return store.Spec.S3.CredentialsSecretRef
}

// Complete returns a store with endpoint, region and bucket filled in from its BucketInfo Secret, and a store that says them itself
// as it is. It fails as Open does.
func (r *Resolver) Complete(ctx context.Context, store *v1alpha1.RecordingStore) (*v1alpha1.RecordingStore, error) {
	if !IsProvided(store) {
		return store, nil
	}
	secret, err := r.credentials(ctx, store)
	if err != nil {
		return nil, err
	}
	info, err := readBucketInfo(store, secret)
	if err != nil {
		return nil, err
	}
	store = store.DeepCopy()
	if store.Spec.S3.Endpoint == "" { // else somebody reaches it another way: the API takes no endpoint beside a BucketInfo
		store.Spec.S3.Endpoint = info.Spec.SecretS3.Endpoint
	}
	store.Spec.S3.Region = info.Spec.SecretS3.Region
	store.Spec.Buckets.Name = info.Spec.BucketName
	return store, nil
}

// credentials reads the Secret with a store's credentials.
func (r *Resolver) credentials(ctx context.Context, store *v1alpha1.RecordingStore) (*corev1.Secret, error) {
	ref := CredentialsRef(store)
	secret, err := r.secret(ctx, ref, v1alpha1.ReasonCredentialsNotFound)
	switch {
	case apierrors.IsNotFound(err) && IsProvided(store):
		return nil, failure(v1alpha1.ReasonCredentialsNotFound, "There is no Secret %s/%s: it comes with a COSI BucketAccess, look whether that is granted", ref.Namespace, ref.Name)
	case apierrors.IsNotFound(err):
		return nil, failure(v1alpha1.ReasonCredentialsNotFound, "There is no Secret %s/%s: create it with the keys %s and %s",
			ref.Namespace, ref.Name, AccessKeyID, SecretAccessKey)
	}
	return secret, err
}
