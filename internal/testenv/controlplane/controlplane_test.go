// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// stopBound is how long somebody at a terminal waits after Ctrl-C, also while clients still watch.
const stopBound = 10 * time.Second

func TestRestartKeepsObjectsAndTokens(t *testing.T) {
	dir := t.TempDir()
	plane := start(t, dir)
	admin := clientset(t, plane.Config)
	accounts := admin.CoreV1().ServiceAccounts(metav1.NamespaceDefault)
	if _, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "kept"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := accounts.CreateToken(t.Context(), "kept", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	watch, err := accounts.Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()

	wall := clock.RealClock{}
	asked := wall.Now()
	if err := plane.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if took := wall.Since(asked); took > stopBound {
		t.Errorf("Stop took %s, want at most %s", took, stopBound)
	}

	config := rest.AnonymousClientConfig(start(t, dir).Config)
	config.BearerToken = token.Status.Token
	who, err := clientset(t, config).AuthenticationV1().SelfSubjectReviews().Create(t.Context(), &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("using a token from before the restart: %v", err)
	}
	if got, want := who.Status.UserInfo.Username, "system:serviceaccount:default:kept"; got != want {
		t.Errorf("the token is %q's, want %q", got, want)
	}
}

func start(t *testing.T, dir string) *ControlPlane {
	t.Helper()
	plane, err := Start(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plane.Kill)
	return plane
}

func clientset(t *testing.T, config *rest.Config) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}
