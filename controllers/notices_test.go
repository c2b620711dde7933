// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controllers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
)

// TestR22MessagesReachTheWebhook runs the whole table: a request and a download reach the webhook that a Secret names.
func TestR22MessagesReachTheWebhook(t *testing.T) {
	came := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		came <- string(body)
	}))
	t.Cleanup(hook.Close)
	admin, finance := env.Client(t, kube.Scheme()), env.Namespace(t)
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: finance, Name: "told"}}
	policy.Spec.Audit.DownloadNotice = v1alpha1.NotifyImmediate
	recording := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: finance, Name: "q3"}}
	recording.Spec.Meeting = v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com"}
	recording.Spec.Source.Upload = &v1alpha1.UploadSource{}
	create(t, admin, policy, recording, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: webhookSecret},
		Data:       map[string][]byte{"url": []byte(hook.URL), "secret": []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")},
	})
	startManager(t, "reelkeeper-manager")

	const dave = "dave@example.com"
	request := &v1alpha1.AccessRequest{ObjectMeta: metav1.ObjectMeta{Namespace: finance, Name: "replay"}}
	request.Spec = v1alpha1.AccessRequestSpec{
		RecordingRef: v1alpha1.RecordingReference{Name: recording.Name}, Requester: v1alpha1.RequestParty{Name: dave},
		Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}, Reason: "I could not attend", Duration: "3d",
	}
	create(t, env.As(t, kube.Scheme(), dave, "system:masters"), request)
	await(t, admin, request, func() bool {
		return meta.IsStatusConditionTrue(request.Status.Conditions, v1alpha1.ConditionNotified)
	})
	if body := <-came; !strings.Contains(body, `"access.requested"`) || !strings.Contains(body, "alice@example.com") {
		t.Errorf("what came is %s, want that alice is asked", body)
	}
	gateway := env.As(t, kube.Scheme(), "system:serviceaccount:reelkeeper-system:reelkeeper-gateway")
	err := audit.NewRecorder(gateway, clock.RealClock{}).Record(t.Context(), audit.Event{
		Namespace: finance, Action: v1alpha1.AuditDownloaded, Outcome: v1alpha1.OutcomeAllowed, Actor: audit.User("erin@example.com", ""),
		Recording: audit.RecordingOf(recording), Reason: "PermittedByRole",
	})
	if err != nil {
		t.Fatal(err)
	}
	if body := <-came; !strings.Contains(body, `"recording.downloaded"`) || !strings.Contains(body, "erin@example.com") {
		t.Errorf("what came is %s, want that alice hears of erin", body)
	}
	checkNoPanics(t)
}
