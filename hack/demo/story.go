// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/testenv/stage"
)

// The sample recording, and how long its people wait for anything before the story is over.
const (
	namespace = "finance"
	recording = "q3-review"
	patience  = 10 * time.Minute
)

// story is the main job from beginning to end.
type story struct {
	*narrator
	stage *stage.Stage
	dir   string
	video string

	api    client.Client
	bucket *objectstore.Client
}

// walk tells the chapters in order. An error means that the story could not go on; claims that did not hold are summed up
// at the end.
func (s *story) walk(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	chapters := []struct {
		title string
		tell  func(context.Context) error
	}{
		{"A platform team applies YAML", s.applySamples},
		{"Somebody sends the recording", s.upload},
		{"It is processed", s.process},
		{"What lies in the bucket", s.inspectBucket},
		{"One person may watch, and not download", s.watchOnly},
		{"Another may download", s.download},
		{"Others are refused", s.refuse},
		{"Who touched it is written down", s.audit},
		{"A grant is taken back", s.revoke},
		{"A recording expires", s.expire},
		{"It comes back out of the trash", s.restore},
		{"It is gone for good", s.purge},
	}
	for _, chapter := range chapters {
		s.chapter("%s", chapter.title)
		if err := chapter.tell(ctx); err != nil {
			s.claim(strings.ToLower(chapter.title), err)
			break
		}
	}
	return s.sum()
}

func (s *story) prepare(ctx context.Context) error {
	scheme := runtime.NewScheme()
	err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
	if err != nil {
		return err
	}
	if s.api, err = client.New(s.stage.Config, client.Options{Scheme: scheme}); err != nil {
		return err
	}
	if s.bucket, err = objectstore.New(s.stage.S3.Config()); err != nil {
		return err
	}
	if s.video == "" {
		s.say("a sample meeting: slides and a spoken voice")
		s.video, err = makeSample(ctx, s.dir)
	}
	if err == nil {
		_, err = os.Stat(s.video)
	}
	return err
}

// kubectl shows a kubectl command, runs it, and shows what it printed.
func (s *story) kubectl(ctx context.Context, args ...string) error {
	s.say("$ kubectl %s", strings.Join(quoted(args), " "))
	out, err := s.stage.Kubectl(ctx, args...)
	if err == nil && out != "" {
		s.say("%s", out)
	}
	return err
}

// quoted puts quotation marks around what a shell would take apart.
func quoted(args []string) []string {
	shown := make([]string, len(args))
	for i, arg := range args {
		shown[i] = arg
		if strings.ContainsAny(arg, `{}"$ `) {
			shown[i] = "'" + arg + "'"
		}
	}
	return shown
}

// get reads an object of the namespace that the story plays in.
func (s *story) get(ctx context.Context, name string, into client.Object) error {
	return s.api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, into)
}

// until asks again and again, and gives up when the story's patience ends.
func until(ctx context.Context, what string, within time.Duration, seen func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := seen()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %s in vain for this: %s", within, what)
		case <-tick.C:
		}
	}
}

// stayUp says what there is to play with.
func (s *story) stayUp() {
	s.chapter("It stays up")
	s.say(`The gateway       %s
The accounts      alice, bob, carol, dave, erin @example.com, eve@partner.example, mallory@elsewhere.example
                  with their first names as passwords
kubectl           export KUBECONFIG=%s
                  kubectl get reelkeeper -A
The object store  %s (access key %s)
The logs          %s

Ctrl-C stops everything.`, s.stage.URL, s.stage.Kubeconfig, s.stage.S3.Endpoint, s.stage.S3.AccessKey, s.stage.Logs)
}
