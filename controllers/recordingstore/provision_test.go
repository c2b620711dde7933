// SPDX-License-Identifier: Apache-2.0

//go:build unix

package recordingstore_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

func (f *fixture) owner() *objectstore.Client {
	f.t.Helper()
	owner, err := objectstore.New(f.server.Config())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(owner.Close)
	return owner
}

func TestR27AStoreIsNotMovedToAnEmptyServer(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	f.expectReady()
	id := f.store.Status.Location.ID
	if id == "" || f.store.Status.Location.Endpoint != f.server.Endpoint || f.store.Status.Location.Bucket != f.store.Spec.Buckets.Name {
		t.Fatalf("location = %+v", f.store.Status.Location)
	}
	empty := s3test.Start(t, s3test.Options{AccessKey: f.server.AccessKey, SecretKey: f.server.SecretKey})
	f.Update(t, f.store, func() { f.store.Spec.S3.Endpoint = empty.Endpoint })
	if _, err := stores.NewResolver(f.Client, kubetest.OperatorNamespace).Open(t.Context(), f.store.Name); stores.Reason(err) != v1alpha1.ReasonWrongBucket {
		t.Errorf("before its controller has looked, the store opens with %v", err)
	}
	message := f.expect(v1alpha1.ConditionBucketsReady, metav1.ConditionFalse, v1alpha1.ReasonWrongBucket)
	f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWrongBucket)
	if !strings.Contains(message, id) {
		t.Errorf("the message does not say how the bucket is known: %s", message)
	}
	f.expectRest()
	elsewhere, err := objectstore.New(empty.Config())
	if err != nil {
		t.Fatal(err)
	}
	if buckets, err := elsewhere.Buckets(t.Context(), ""); err != nil || len(buckets) > 0 {
		t.Errorf("made on the empty server: %v, %v", buckets, err)
	}

	// Somebody copies everything; the mark goes along.
	if _, err := elsewhere.EnsureBucket(t.Context(), f.store.Spec.Buckets.Name, objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	another := `{"version":1,"id":"another"}`
	for _, content := range []string{another, `{"version":1,"id":"` + id + `"}`} {
		f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWrongBucket)
		if _, err := elsewhere.Put(t.Context(), f.store.Spec.Buckets.Name, objectstore.MarkerKey, strings.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		f.clock.Step(10 * time.Minute)
	}
	f.expectReady()
	if at := f.store.Status.Location; at.ID != id || at.Endpoint != empty.Endpoint {
		t.Errorf("after the move: %+v", at)
	}
}

func TestAStoreMadeAnewKnowsItsBucket(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	f.expectReady()
	id := f.store.Status.Location.ID
	namespace := env.Namespace(t)
	stored := recording(namespace, f.store.Name)
	f.Create(t, stored)
	stored.Status.Storage = v1alpha1.StorageLocation{Bucket: f.store.Spec.Buckets.Name, Key: "media/x", ManifestKey: "manifests/x"}
	if err := f.Admin.Status().Update(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	f.Get(t, stored)
	again := func(bucket string) {
		f.Delete(t, f.store)
		if _, err := f.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)}); err != nil {
			t.Fatal(err)
		}
		f.store = &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: f.store.Name}, Spec: f.store.Spec}
		f.store.Spec.Buckets.Name = bucket
		f.Create(t, f.store)
	}
	bucket := f.store.Spec.Buckets.Name
	again("another-" + bucket)
	f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWrongBucket)
	again(bucket)
	f.expectReady()
	if got := f.store.Status.Location.ID; got != id {
		t.Errorf("id = %s, want %s", got, id)
	}
}

// R27: who makes a store anew before the backup of its Secret is back gets no keyset that opens nothing.
func TestR27AStoreMadeAnewOverRecordingsGetsNoNewKeyset(t *testing.T) {
	for _, layout := range []v1alpha1.BucketLayout{v1alpha1.LayoutShared, v1alpha1.LayoutPerNamespace} {
		t.Run(string(layout), func(t *testing.T) {
			f := newFixture(t, s3test.Options{}, func(f *fixture) { f.store.Spec.Buckets.Layout = layout })
			namespace := env.Namespace(t)
			f.Create(t, recording(namespace, f.store.Name))
			f.expectReady()
			secret := f.keysetSecret()
			f.Get(t, secret)
			backup := secret.Data
			objects, err := objectstore.New(f.server.Config())
			if err != nil {
				t.Fatal(err)
			}
			content := strings.NewReader("{}")
			if _, err := objects.Put(t.Context(), stores.Bucket(f.store, namespace), "manifests/"+namespace+"/uid/1.json", content, content.Size(), objectstore.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			f.Delete(t, secret)
			f.Delete(t, f.store)
			f.restart()
			f.store = &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: f.store.Name}, Spec: f.store.Spec}
			f.Create(t, f.store)
			message := f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonKeysetInvalid)
			if !strings.Contains(message, "restore the Secret") || f.Exists(t, f.keysetSecret()) {
				t.Errorf("the keyset is there: %v; message %q", f.Exists(t, f.keysetSecret()), message)
			}
			f.Create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}, Data: backup})
			f.expectReady()
		})
	}
}

// cosi turns the store into one that takes what a COSI driver made.
func cosi(f *fixture) {
	f.store.Spec.S3 = v1alpha1.S3Endpoint{BucketInfoSecretRef: v1alpha1.SecretReference{Namespace: kubetest.OperatorNamespace, Name: f.credentials.Name}}
	f.store.Spec.Buckets = v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared}
	f.credentials.Data = bucketInfo(f, nil)
}

func bucketInfo(f *fixture, changes map[string]any) map[string][]byte {
	f.t.Helper()
	spec := map[string]any{
		"bucketName": "cosi-3f1", "authenticationType": "KEY", "protocols": []string{"s3"},
		"secretS3": map[string]string{"endpoint": f.server.Endpoint, "region": f.server.Region, "accessKeyID": f.server.AccessKey, "accessSecretKey": f.server.SecretKey},
	}
	maps.Copy(spec, changes)
	encoded, err := json.Marshal(map[string]any{"metadata": map[string]string{"name": "bc-1"}, "spec": spec})
	if err != nil {
		f.t.Fatal(err)
	}
	return map[string][]byte{stores.BucketInfoKey: encoded}
}

func TestABucketThatACOSIDriverMade(t *testing.T) {
	f := newFixture(t, s3test.Options{}, cosi)
	f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonStoreError)
	owner := f.owner()
	if exists, err := owner.BucketExists(t.Context(), "cosi-3f1"); exists || err != nil {
		t.Fatalf("the bucket was made, which is the driver's to do (%v)", err)
	}
	if _, err := owner.EnsureBucket(t.Context(), "cosi-3f1", objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	f.clock.Step(10 * time.Minute)
	f.expectReady()
	if stores.Can(f.store, v1alpha1.CapabilityVersioning) {
		t.Error("versioning was turned on in a bucket that is the driver's")
	}
	if at := f.store.Status.Location; at.Bucket != "cosi-3f1" || at.Endpoint != f.server.Endpoint {
		t.Errorf("location = %+v", at)
	}
	f.expectRest()
	cases := map[string]struct {
		data      map[string][]byte
		want, say string
	}{
		"no BucketInfo":    {map[string][]byte{"other": []byte("x")}, v1alpha1.ReasonBucketInfoInvalid, "has no key BucketInfo"},
		"no JSON":          {map[string][]byte{stores.BucketInfoKey: []byte("hush {")}, v1alpha1.ReasonBucketInfoInvalid, "no JSON of COSI's"},
		"Azure":            {bucketInfo(f, map[string]any{"protocols": []string{"azure"}}), v1alpha1.ReasonBucketInfoInvalid, "ask for a bucket of protocol S3"},
		"IAM":              {bucketInfo(f, map[string]any{"authenticationType": "IAM"}), v1alpha1.ReasonBucketInfoInvalid, "authentication type Key"},
		"no endpoint":      {bucketInfo(f, map[string]any{"secretS3": map[string]string{}}), v1alpha1.ReasonBucketInfoInvalid, "no endpoint"},
		"no credentials":   {bucketInfo(f, map[string]any{"secretS3": map[string]string{"endpoint": f.server.Endpoint}}), v1alpha1.ReasonBucketInfoInvalid, "no accessKeyID"},
		"another bucket":   {bucketInfo(f, map[string]any{"bucketName": "cosi-other"}), v1alpha1.ReasonWrongBucket, "has no"},
		"wrong secret key": {bucketInfo(f, map[string]any{"secretS3": map[string]string{"endpoint": f.server.Endpoint, "accessKeyID": f.server.AccessKey, "accessSecretKey": "wrong"}}), v1alpha1.ReasonBadCredentials, "check the access key"},
		"wrapped key":      {bucketInfo(f, map[string]any{"secretS3": map[string]string{"endpoint": f.server.Endpoint, "accessKeyID": f.server.AccessKey, "accessSecretKey": "hu\nsh"}}), v1alpha1.ReasonBucketInfoInvalid, "has a line break within"},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		tc := cases[name]
		f.Update(t, f.credentials, func() { f.credentials.Data = tc.data })
		message := f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, tc.want)
		if !strings.Contains(message, tc.say) || strings.Contains(message, "hush") {
			t.Errorf("%s: %s", name, message)
		}
		f.Update(t, f.credentials, func() { f.credentials.Data = bucketInfo(f, nil) })
		f.expectReady()
	}
	f.Update(t, f.credentials, func() {
		f.credentials.Data = bucketInfo(f, map[string]any{"bucketName": "cosi-3f1\n", "secretS3": map[string]string{
			"endpoint": f.server.Endpoint + "\n", "accessKeyID": f.server.AccessKey + "\n", "accessSecretKey": f.server.SecretKey + "\n"}})
	})
	f.expectReady()
}

func TestCORSIsSetWhereTheServerCan(t *testing.T) {
	f := newFixture(t, s3test.Options{}, func(f *fixture) {
		f.store.Spec.S3.CORS.AllowedOrigins = []string{"https://recordings.example.com"}
	})
	f.expectReady()
	f.expect(v1alpha1.ConditionCORSReady, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
	f.expectRest()
	owner := f.owner()
	options := objectstore.BucketOptions{CORSOrigins: []string{"https://recordings.example.com"}}
	if state, err := owner.EnsureBucket(t.Context(), f.store.Spec.Buckets.Name, options); err != nil || len(state.Changed) > 0 {
		t.Errorf("CORS is not set: %+v, %v", state, err)
	}
	f.Update(t, f.store, func() { f.store.Spec.S3.CORS.AllowedOrigins = []string{"https://other.example.com"} })
	f.expectReady()
	options.CORSOrigins = f.store.Spec.S3.CORS.AllowedOrigins
	if state, err := owner.EnsureBucket(t.Context(), f.store.Spec.Buckets.Name, options); err != nil || len(state.Changed) > 0 {
		t.Errorf("changed origins are not set: %+v, %v", state, err)
	}
	f.Update(t, f.store, func() { f.store.Spec.S3.CORS = v1alpha1.CORSSpec{} })
	f.expectReady()
	if meta.FindStatusCondition(f.store.Status.Conditions, v1alpha1.ConditionCORSReady) != nil {
		t.Error("there is still a condition about CORS")
	}
}

func TestUploadsThatNobodyFinishesAreDiscarded(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	f.clock.SetTime(time.Now())
	f.expectReady()
	namespace := env.Namespace(t)
	waiting := recording(namespace, f.store.Name)
	f.Create(t, waiting)
	owner, bucket := f.owner(), f.store.Spec.Buckets.Name
	keys := []string{"staging/finance/uid-1/raw", "media/finance/uid-2/1.mp4", "other/finance/uid-3/raw", "staging/" + namespace + "/" + string(waiting.UID) + "/raw"}
	for _, key := range keys {
		if _, err := owner.CreateMultipart(t.Context(), bucket, key, ""); err != nil {
			t.Fatal(err)
		}
	}
	left := func() []string {
		var found []string
		for upload, err := range owner.Uploads(t.Context(), bucket, "") {
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, upload.Key)
		}
		slices.Sort(found)
		return found
	}
	f.clock.Step(7 * 24 * time.Hour)
	f.reconcile()
	if got := left(); len(got) != 4 {
		t.Errorf("left after 7 days: %v", got)
	}
	f.clock.Step(25 * time.Hour)
	f.reconcile()
	if got, want := left(), []string{keys[2], keys[3]}; !slices.Equal(got, want) {
		t.Errorf("left after 8 days: %v, want %v", got, want)
	}
}

func TestAnotherAuthorityTakesOver(t *testing.T) {
	dir := t.TempDir()
	f := newFixture(t, s3test.Options{Dir: dir, TLS: true})
	f.expectReady()
	options := s3test.Options{Dir: dir, TLS: true, Address: f.server.Address, AccessKey: f.server.AccessKey, SecretKey: f.server.SecretKey}
	before := string(f.server.CABundle)
	f.server.Close()
	f.server = s3test.Start(t, options)
	if string(f.server.CABundle) == before {
		t.Fatal("the certificate is the same")
	}
	f.clock.Step(10 * time.Minute)
	f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonTLS)
	// Both at once, as one does while certificates change.
	f.Update(t, f.store, func() { f.store.Spec.S3.CABundle = before + string(f.server.CABundle) })
	f.expectReady()
}

func TestCredentialsRotateWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	f := newFixture(t, s3test.Options{Dir: dir})
	f.expectReady()
	options := s3test.Options{Dir: dir, Address: f.server.Address, AccessKey: f.server.AccessKey, SecretKey: "another-secret-key"}
	f.server.Close()
	f.server = s3test.Start(t, options)
	f.setCredentials(options.AccessKey, options.SecretKey)
	f.expectReady()
}

func TestWhatNobodyMayKnowIsNotInTheMessages(t *testing.T) {
	f := newFixture(t, s3test.Options{}, cosi, func(f *fixture) {
		f.credentials.Data = map[string][]byte{stores.BucketInfoKey: []byte(`{"spec": {"secretS3": {"accessSecretKey": ` + "hush}")}
	})
	message := f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonBucketInfoInvalid)
	if strings.Contains(message, "hush") {
		t.Errorf("message: %s", message)
	}
	f.Delete(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: f.credentials.Namespace, Name: f.credentials.Name}})
	f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCredentialsNotFound)
}

func TestUsageCountsWhatWasDeletedAndNotPurged(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	f.expectReady()
	namespace := env.Namespace(t)
	stored := recording(namespace, f.store.Name)
	f.Create(t, stored)
	f.UpdateStatus(t, stored, func() {
		stored.Status.Media = v1alpha1.MediaFacts{Duration: "6s", Bytes: 1000, SHA256: strings.Repeat("0", 64)}
	})
	owner := f.owner()
	for _, key := range []string{"media/" + namespace + "/" + string(stored.UID) + "/1.mp4", "media/" + namespace + "/gone/1.mp4", "media/" + namespace + "/gone/2.mp4", "media/other/gone-too/1.mp4", "manifests/other/gone-too/1.json"} {
		if _, err := owner.Put(t.Context(), f.store.Spec.Buckets.Name, key, strings.NewReader("12345"), 5, objectstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	f.clock.Step(10 * time.Minute)
	f.expectReady()
	usage := f.store.Status.Usage
	if *usage.Recordings != 1 || *usage.Bytes != 1000 || *usage.DeletedRecordings != 2 || *usage.DeletedBytes != 15 {
		t.Errorf("usage: %d recordings, %d bytes, of deleted ones %d and %d", *usage.Recordings, *usage.Bytes, *usage.DeletedRecordings, *usage.DeletedBytes)
	}
	seen := map[string]float64{}
	families, err := metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			name := []string{family.GetName()}
			mine := false
			for _, label := range metric.GetLabel() {
				mine = mine || label.GetName() == "store" && label.GetValue() == f.store.Name
				if slices.Contains([]string{"namespace", "state", "kind"}, label.GetName()) {
					name = append(name, strings.ReplaceAll(label.GetValue(), namespace, "here"))
				}
			}
			if mine {
				seen[strings.Join(name, " ")] = metric.GetGauge().GetValue()
			}
		}
	}
	want := map[string]float64{
		"reelkeeper_store_bytes here kept": 1000, "reelkeeper_store_bytes here deleted": 10, "reelkeeper_store_recordings here": 1,
		"reelkeeper_store_bytes other kept": 0, "reelkeeper_store_bytes other deleted": 5, "reelkeeper_store_recordings other": 0,
		"reelkeeper_orphans media": 0, "reelkeeper_orphans recordings": 0,
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	f.expectRest()
}
