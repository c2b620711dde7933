// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"context"
	"fmt"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// storeInUse makes a store whose status says what its controller has counted.
func storeInUse(t *testing.T, name string, recordings, deleted int32) string {
	t.Helper()
	admin := env.Client(t, scheme)
	secret := func(name string) v1alpha1.SecretReference {
		return v1alpha1.SecretReference{Namespace: operatorNamespace, Name: name}
	}
	store := &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.RecordingStoreSpec{
			S3:                v1alpha1.S3Endpoint{Endpoint: "https://minio.storage:9000", CredentialsSecretRef: secret("s3")},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: "recordings"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: secret("kek")},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	if err := admin.Create(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	store.Status.Usage = v1alpha1.StoreUsage{Recordings: &recordings, Bytes: new(int64(0)), DeletedRecordings: &deleted}
	if err := admin.Status().Update(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	return name
}

// everywhere makes somebody who has ClusterRoles in the whole cluster, and returns the person when the API server knows.
func everywhere(t *testing.T, name string, roles ...string) person {
	t.Helper()
	clientset := env.Clientset(t)
	for _, role := range roles {
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name + "-" + role},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		}
		_, err := clientset.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		verb := map[string]string{"reelkeeper-platform": "delete", "reelkeeper-bypass": "bypass"}[role]
		eventually(t, func(context.Context) error {
			if r := (right{resource: "recordingstores.reelkeeper.io"}); !allowed(t, clientset, name, verb, r) {
				return fmt.Errorf("the API server does not know yet that %s may %s", name, r.says(verb))
			}
			return nil
		})
	}
	return person(name)
}

// R27: a store that recordings use does not go with one command, whoever gives it.
func TestR27KubectlCannotDeleteAStoreInUse(t *testing.T) {
	installed(t)
	platform := everywhere(t, "platform-team", "reelkeeper-platform")
	deletes := func(who person, name string) error {
		return who.kubectl(t, "delete", "recordingstore", name, "--wait=false")
	}
	remedy := "Delete and purge them first, or, with the verb bypass on recordingstores.reelkeeper.io, annotate the store with reelkeeper.io/delete-in-use=<reason>"
	for name, says := range map[string]string{
		storeInUse(t, "with-recordings", 12, 0): "is in use by 12 recordings and 0 deleted ones that can still be restored, and cannot be deleted",
		storeInUse(t, "with-restorable", 0, 7):  "is in use by 0 recordings and 7 deleted ones that can still be restored, and cannot be deleted",
		storeInUse(t, "with-both", 1, 2):        "is in use by 1 recordings and 2 deleted ones",
	} {
		for _, who := range []person{administrator, platform} {
			t.Run(fmt.Sprint(name, ", ", who), func(t *testing.T) {
				wantRefusal(t, deletes(who, name), "RecordingStore "+name+" "+says, remedy)
				wantRefusal(t, who.kubectl(t, "delete", "recordingstores", "--field-selector=metadata.name="+name, "--wait=false"), says)
			})
		}
		wantDone(t, "a label of a store in use", platform.kubectl(t, "label", "recordingstore", name, "a=b"))
	}
	wantDone(t, "a store without recordings is deleted", deletes(platform, storeInUse(t, "empty", 0, 0)))
}

func TestR27AStoreInUseIsLetGoByThoseWithTheVerbWhoSayWhy(t *testing.T) {
	installed(t)
	platform := everywhere(t, "platform-team", "reelkeeper-platform")
	entitled := everywhere(t, "head-of-platform", "reelkeeper-platform", "reelkeeper-bypass")
	name := storeInUse(t, "retired", 3, 0)
	note := func(who person, value string) error {
		return who.kubectl(t, "annotate", "recordingstore", name, v1alpha1.AnnotationDeleteInUse+value, "--overwrite")
	}
	refusal := []string{"needs the verb bypass on recordingstores.reelkeeper.io", "ClusterRole reelkeeper-bypass"}
	wantRefusal(t, note(platform, "=tidying up"), refusal...)
	wantDone(t, "letting the store go", note(entitled, "=the bucket has moved to another cluster"))
	wantRefusal(t, note(platform, "-"), refusal...)
	wantRefusal(t, platform.kubectl(t, "delete", "recordingstore", name, "--wait=false"), "is in use by 3 recordings")
	wantDone(t, "thinking better of it", note(entitled, "-"))
	wantRefusal(t, entitled.kubectl(t, "delete", "recordingstore", name, "--wait=false"), "is in use by 3 recordings")
	wantDone(t, "letting it go after all", note(entitled, "=the bucket has moved to another cluster"))
	wantDone(t, "deleting a store in use", entitled.kubectl(t, "delete", "recordingstore", name, "--wait=false"))
}
