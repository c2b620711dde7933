// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/media/worker"
)

// Keys of the Secret with the credentials of a source.url.
const (
	keyHost     = "host"
	keyToken    = "token"
	keyUsername = "username"
	keyPassword = "password"
)

// fetchView is what a source.url needs besides its spec.
type fetchView struct {
	// problem says what is wrong with the credentials.
	problem problem
	// authorization is a header for host alone; empty where the spec names no credentials.
	authorization worker.Secret
	host          string
}

// observeFetch reads the credentials, past the cache, which holds no Secrets of tenants.
func (r *Reconciler) observeFetch(ctx context.Context, o *observation) error {
	from := o.recording.Spec.Source.URL
	if from == nil || from.CredentialsSecretRef.Name == "" {
		return nil
	}
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: o.recording.Namespace, Name: from.CredentialsSecretRef.Name}
	switch err := r.options.Direct.Get(ctx, key, &secret); {
	case apierrors.IsNotFound(err):
		o.fetch.problem = problem{v1alpha1.ReasonCredentialsNotFound, fmt.Sprintf(
			"There is no Secret %s with the credentials of source.url: create it, of the type %s", key.Name, v1alpha1.SecretTypeURLCredentials)}
	case err != nil:
		return fmt.Errorf("read Secret %s: %w", key, err)
	default:
		o.fetch = credentialsOf(&secret)
	}
	return nil
}

// credentialsOf reads a Secret. One of another type is not for this: whoever may make recordings could else have the tokens of
// ServiceAccounts sent to themselves. For the same reason it names the host that it is for.
func credentialsOf(secret *corev1.Secret) fetchView {
	wrong := func(format string, args ...any) fetchView {
		return fetchView{problem: problem{v1alpha1.ReasonCredentialsNotFound, fmt.Sprintf("Secret "+secret.Name+" "+format, args...)}}
	}
	if secret.Type != v1alpha1.SecretTypeURLCredentials {
		return wrong("is not of the type %s, and is therefore not sent anywhere: make another one of that type", v1alpha1.SecretTypeURLCredentials)
	}
	host, token, username := credentials.Pasted(secret.Data[keyHost]), credentials.Pasted(secret.Data[keyToken]), credentials.Pasted(secret.Data[keyUsername])
	switch {
	case host == "":
		return wrong("has no key %s: add it, the credentials are sent to that host alone", keyHost)
	case token != "" && username != "":
		return wrong("has both %s and %s: keep one of them", keyToken, keyUsername)
	case credentials.Unprintable(token):
		return wrong("has a line break within its key %s, or another character that cannot be printed: put it in again in one line, as UTF-8", keyToken)
	case token != "":
		return fetchView{host: host, authorization: worker.Secret("Bearer " + token)}
	case username != "":
		pair := username + ":" + credentials.PastedPassword(secret.Data[keyPassword])
		return fetchView{host: host, authorization: worker.Secret("Basic " + base64.StdEncoding.EncodeToString([]byte(pair)))}
	}
	return wrong("has neither the key %s nor the keys %s and %s: add them", keyToken, keyUsername, keyPassword)
}

// urlNotAllowed looks at the store's rules. That the address is not inside one's own network is for the worker to see, when the
// name is resolved.
func urlNotAllowed(o *observation) problem {
	from := o.recording.Spec.Source.URL
	if from == nil {
		return problem{}
	}
	host := hostOf(from)
	verdict, err := o.store.open.AllowsURL(host, o.store.labels)
	if err != nil {
		return problem{v1alpha1.ReasonStoreNotReady, err.Error()}
	}
	if verdict != "" {
		return problem{v1alpha1.ReasonURLNotAllowed, fmt.Sprintf("RecordingStore %s does not let namespace %s fetch from %s: %s",
			o.recording.StoreName(), o.recording.Namespace, host, verdict)}
	}
	return problem{}
}

func credentialsMissing(o *observation) problem { return o.fetch.problem }

// hostOf names where media is fetched from, without the path and query, which may be secret.
func hostOf(from *v1alpha1.URLSource) string {
	parsed, err := url.Parse(from.URL)
	if err != nil {
		return "an address that cannot be read"
	}
	return parsed.Hostname()
}

// fetches says that the media is brought by the worker.
func fetches(o *observation) bool { return o.recording.Spec.Source.URL != nil }

// incomingSize is how many bytes a recording that is to be processed has, or at most has: of what is fetched, nobody knows before.
func incomingSize(o *observation) int64 {
	from := o.recording.Spec.Source.URL
	if from == nil {
		return o.raw.size
	}
	limit := o.store.open.MaxSize()
	if from.MaxSize != nil {
		limit = min(limit, from.MaxSize.Value())
	}
	return limit
}

// newFetch is the worker's part of it.
func newFetch(o *observation) *worker.Fetch {
	from, rules := o.recording.Spec.Source.URL, o.store.open.Object.Spec.Intake.URLs
	return &worker.Fetch{
		URL: from.URL, SHA256: from.SHA256,
		Authorization: o.fetch.authorization, CredentialsHost: o.fetch.host,
		Hosts: rules.Hosts, PrivateAddresses: rules.PrivateAddresses == v1alpha1.PrivateAddressesAllowed, CABundle: rules.CABundle,
	}
}
