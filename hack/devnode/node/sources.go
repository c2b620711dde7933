// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"fmt"
	"maps"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// tokenSeconds is how long mounted ServiceAccount tokens last at least, since nobody renews them: a day.
const tokenSeconds = 24 * 60 * 60

// sources reads what a Pod refers to. Its errors say what is missing, never what is in it.
type sources struct {
	client kubernetes.Interface
	pod    *corev1.Pod
}

// secret returns a Secret's data; nil if it does not exist and is optional.
func (s sources) secret(ctx context.Context, name string, optional *bool) (map[string][]byte, error) {
	secret, err := s.client.CoreV1().Secrets(s.pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && isTrue(optional) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for Secret %s: %w", name, err)
	}
	return secret.Data, nil
}

// configMap returns a ConfigMap's data, text and binary; nil if it does not exist and is optional.
func (s sources) configMap(ctx context.Context, name string, optional *bool) (map[string][]byte, error) {
	config, err := s.client.CoreV1().ConfigMaps(s.pod.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && isTrue(optional) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("waiting for ConfigMap %s: %w", name, err)
	}
	data := maps.Clone(config.BinaryData)
	if data == nil {
		data = map[string][]byte{}
	}
	for key, value := range config.Data {
		data[key] = []byte(value)
	}
	return data, nil
}

// token requests a token of the Pod's ServiceAccount that is worth nothing once the Pod is gone.
func (s sources) token(ctx context.Context, wanted *corev1.ServiceAccountTokenProjection) ([]byte, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: new(int64(tokenSeconds)),
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: s.pod.Name, UID: s.pod.UID},
	}}
	if wanted.Audience != "" {
		request.Spec.Audiences = []string{wanted.Audience}
	}
	account := s.pod.Spec.ServiceAccountName
	granted, err := s.client.CoreV1().ServiceAccounts(s.pod.Namespace).CreateToken(ctx, account, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("requesting a token of ServiceAccount %s: %w", account, err)
	}
	return []byte(granted.Status.Token), nil
}

// field returns what a fieldRef names.
func (s sources) field(path string) (string, error) {
	if key, found := subscript(path, "metadata.labels"); found {
		return s.pod.Labels[key], nil
	}
	if key, found := subscript(path, "metadata.annotations"); found {
		return s.pod.Annotations[key], nil
	}
	value, known := map[string]string{
		"metadata.name":           s.pod.Name,
		"metadata.namespace":      s.pod.Namespace,
		"metadata.uid":            string(s.pod.UID),
		"metadata.labels":         keyValues(s.pod.Labels),
		"metadata.annotations":    keyValues(s.pod.Annotations),
		"spec.nodeName":           s.pod.Spec.NodeName,
		"spec.serviceAccountName": s.pod.Spec.ServiceAccountName,
		"status.podIP":            address,
		"status.podIPs":           address,
		"status.hostIP":           address,
		"status.hostIPs":          address,
	}[path]
	if !known {
		return "", fmt.Errorf("the development node knows no field %q: take it out of the Pod", path)
	}
	return value, nil
}

func subscript(path, field string) (string, bool) {
	rest, found := strings.CutPrefix(path, field+"['")
	if !found {
		return "", false
	}
	return strings.CutSuffix(rest, "']")
}

// keyValues writes a map as the downward API does in files: key="value", one a line, sorted.
func keyValues(values map[string]string) string {
	var lines []string
	for _, key := range sortedKeys(values) {
		lines = append(lines, fmt.Sprintf("%s=%q", key, values[key]))
	}
	return strings.Join(lines, "\n")
}

func isTrue(b *bool) bool { return b != nil && *b }
