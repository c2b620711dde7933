// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// tokenMount is where Kubernetes mounts the token with which a Pod talks to the API server.
const tokenMount = "/var/run/secrets/kubernetes.io/serviceaccount" //nolint:gosec // a place, not a secret

// household is where a Pod lives on this machine.
type household struct {
	dir     string            // all of it, private
	volumes map[string]string // places of volumes by name
}

// home is the working directory and HOME of processes that have no other.
func (h household) home() string { return filepath.Join(h.dir, "home") }

// terminationLog is the file that a container's terminationMessagePath stands for.
func (h household) terminationLog(container string) string {
	return filepath.Join(h.dir, "termination", container)
}

// mounts are the places of a container's paths.
func (h household) mounts(c *corev1.Container) mounts {
	all := []mount{{c.TerminationMessagePath, h.terminationLog(c.Name)}}
	for _, m := range c.VolumeMounts {
		all = append(all, mount{m.MountPath, filepath.Join(h.volumes[m.Name], m.SubPath)})
	}
	return newMounts(all...)
}

// command says how to start a container. It fails while something that its environment refers to is missing.
func (n *Node) command(ctx context.Context, s sources, h household, c *corev1.Container) (process.Spec, error) {
	places := h.mounts(c)
	variables := environment{s: s, places: places, values: map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": h.home(), "HOSTNAME": s.pod.Name, "LANG": "C.UTF-8",
	}}
	if err := n.letIn(s.pod.Namespace, h, places, variables.values); err != nil {
		return process.Spec{}, err
	}
	if err := variables.fill(ctx, c); err != nil {
		return process.Spec{}, err
	}
	var argv []string
	for _, word := range slices.Concat(c.Command, c.Args) {
		argv = append(argv, places.rewrite(expand(word, variables.lookup)))
	}
	if len(c.Command) == 0 {
		argv = append([]string{n.options.Entrypoint}, argv...)
	} else {
		argv[0] = n.program(argv[0])
	}
	dir := places.rewrite(c.WorkingDir)
	if dir == c.WorkingDir { // it is in no volume, so it would have to be in the image
		dir = h.home()
	}
	return process.Spec{Name: "container " + c.Name, Path: argv[0], Args: argv[1:], Env: variables.list(), Dir: dir}, nil
}

// program is what a container's command means on this machine.
func (n *Node) program(name string) string {
	for _, key := range []string{name, filepath.Base(name)} {
		if program, found := n.options.Commands[key]; found {
			return program
		}
	}
	return name
}

// letIn gives a container that has a ServiceAccount's token a kubeconfig, since the in-cluster configuration reads
// from a fixed path where nothing is.
func (n *Node) letIn(namespace string, h household, places mounts, variables map[string]string) error {
	volume := places.rewrite(tokenMount)
	if volume == tokenMount {
		return nil
	}
	config := rest.AnonymousClientConfig(n.config)
	config.BearerTokenFile = filepath.Join(volume, "token")
	path := filepath.Join(h.dir, "kubeconfig")
	variables["KUBECONFIG"] = path
	return controlplane.WriteKubeconfig(path, config, namespace)
}

// environment is the making of a container's environment variables. Nothing of the node's own gets in but PATH.
type environment struct {
	s      sources
	places mounts
	values map[string]string
}

func (e environment) fill(ctx context.Context, c *corev1.Container) error {
	for _, from := range c.EnvFrom {
		if err := e.fillFrom(ctx, from); err != nil {
			return err
		}
	}
	for _, variable := range c.Env {
		value, exists, err := e.value(ctx, variable)
		if err != nil {
			return fmt.Errorf("environment variable %s: %w", variable.Name, err)
		}
		if exists {
			e.values[variable.Name] = value
		}
	}
	return nil
}

func (e environment) fillFrom(ctx context.Context, from corev1.EnvFromSource) error {
	var data map[string][]byte
	var err error
	switch {
	case from.SecretRef != nil:
		data, err = e.s.secret(ctx, from.SecretRef.Name, from.SecretRef.Optional)
	case from.ConfigMapRef != nil:
		data, err = e.s.configMap(ctx, from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
	}
	for key, value := range data {
		e.values[from.Prefix+key] = string(value)
	}
	return err
}

// value is a variable's; it does not exist when an optional reference leads nowhere.
func (e environment) value(ctx context.Context, variable corev1.EnvVar) (value string, exists bool, err error) {
	from := variable.ValueFrom
	switch {
	case from == nil:
		return e.places.rewrite(expand(variable.Value, e.lookup)), true, nil
	case from.FieldRef != nil:
		value, err := e.s.field(from.FieldRef.FieldPath)
		return value, true, err
	case from.SecretKeyRef != nil:
		data, err := e.s.secret(ctx, from.SecretKeyRef.Name, from.SecretKeyRef.Optional)
		return keyOf(data, from.SecretKeyRef.Key, from.SecretKeyRef.Optional, err)
	case from.ConfigMapKeyRef != nil:
		data, err := e.s.configMap(ctx, from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Optional)
		return keyOf(data, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional, err)
	default:
		return "", false, fmt.Errorf("the development node does not know where it comes from: give a value instead")
	}
}

func keyOf(data map[string][]byte, key string, optional *bool, err error) (string, bool, error) {
	if err != nil {
		return "", false, err
	}
	value, exists := data[key]
	if !exists && !isTrue(optional) {
		return "", false, fmt.Errorf("waiting for the key %q", key)
	}
	return string(value), exists, nil
}

func (e environment) lookup(name string) (string, bool) {
	value, exists := e.values[name]
	return value, exists
}

func (e environment) list() []string {
	var list []string
	for _, name := range sortedKeys(e.values) {
		list = append(list, name+"="+e.values[name])
	}
	return list
}
