// SPDX-License-Identifier: Apache-2.0

//go:build unix

package stage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

// tokenSeconds is how long the ServiceAccounts' tokens last: longer than any demo stays up.
const tokenSeconds = 24 * 60 * 60

// serviceAccountKubeconfig writes a kubeconfig that holds nothing but a fresh token of the ServiceAccount.
func (s *Stage) serviceAccountKubeconfig(ctx context.Context, name string) (string, error) {
	clientset, err := kubernetes.NewForConfig(s.Config)
	if err != nil {
		return "", err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenSeconds))}}
	granted, err := clientset.CoreV1().ServiceAccounts(Namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("requesting a token for ServiceAccount %s: %w", name, err)
	}
	config := rest.AnonymousClientConfig(s.Config)
	config.BearerToken = granted.Status.Token
	path := filepath.Join(s.options.Dir, name+".kubeconfig")
	return path, controlplane.WriteKubeconfig(path, config, Namespace)
}

// install applies what an administrator would: kinds, rights and admission policies, without the Deployments, whose
// programs run here as processes.
func (s *Stage) install(ctx context.Context) error {
	for _, part := range []string{"config/namespace", "config/crd", "config/rbac", "config/admission"} {
		if _, err := s.Kubectl(ctx, "apply", "--server-side", "--force-conflicts", "--kustomize", filepath.Join(s.root, part)); err != nil {
			return err
		}
	}
	_, err := s.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=60s", "crd",
		"recordingstores.reelkeeper.io", "clusterrecordingpolicies.reelkeeper.io", "recordingpolicies.reelkeeper.io",
		"meetingrecordings.reelkeeper.io", "accessgrants.reelkeeper.io", "accessrequests.reelkeeper.io", "auditevents.reelkeeper.io")
	if err != nil || s.options.Kubeconfig != "" {
		return err // a cluster that is there already is used as it is
	}
	return controlplane.AwaitAdmission(ctx, s.Config)
}

// writeSecrets writes what config/samples/recordingstore.yaml refers to.
func (s *Stage) writeSecrets(ctx context.Context) error {
	clientset, err := kubernetes.NewForConfig(s.Config)
	if err != nil {
		return err
	}
	secrets := clientset.CoreV1().Secrets(Namespace)
	credentials := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "s3"},
		StringData: map[string]string{"accessKeyID": s.S3.AccessKey, "secretAccessKey": s.S3.SecretKey},
	}
	_, err = secrets.Create(ctx, credentials, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = secrets.Update(ctx, credentials, metav1.UpdateOptions{})
	}
	return err
}

// writeGatewayConfig writes the gateway's configuration and the files that it names.
func (s *Stage) writeGatewayConfig() (string, error) {
	dir := s.options.Dir
	clientSecret, sessionKey, config := filepath.Join(dir, "client-secret"), filepath.Join(dir, "session-key"), filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(clientSecret, []byte(s.oidc.ClientSecret), 0o600); err != nil {
		return "", err
	}
	key, err := exec.Command(s.binary("reelkeeper"), "gateway", "session-key").Output()
	if err != nil {
		return "", fmt.Errorf("making a session key: %w", err)
	}
	if err := os.WriteFile(sessionKey, key, 0o600); err != nil {
		return "", err
	}
	text, err := yaml.Marshal(map[string]any{
		"signIn":       map[string]any{"issuer": s.Issuer, "clientID": s.oidc.ClientID, "clientSecretFile": clientSecret},
		"organisation": map[string]any{"domains": []string{"example.com"}},
		"session":      map[string]any{"keyFile": sessionKey},
	})
	if err != nil {
		return "", err
	}
	return config, os.WriteFile(config, text, 0o600)
}

// Sample returns a file of config/samples as it is applied on the stage: the store's endpoint is the stage's own.
func (s *Stage) Sample(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(s.root, "config", "samples", name))
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(string(text), SampleEndpoint, s.S3.Endpoint), nil
}

// SampleEndpoint is the object store that the samples speak of.
const SampleEndpoint = "https://minio.storage:9000"
