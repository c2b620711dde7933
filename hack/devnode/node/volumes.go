// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// file is one file of a volume.
type file struct {
	data []byte
	mode fs.FileMode
}

// files are a volume's, by path.
type files map[string]file

// materialise puts all of the Pod's volumes into dir, one directory each, and returns their places by name. It can be
// repeated until everything that it needs exists.
func (s sources) materialise(ctx context.Context, dir string) (map[string]string, error) {
	places := make(map[string]string, len(s.pod.Spec.Volumes))
	for _, volume := range s.pod.Spec.Volumes {
		if volume.HostPath != nil {
			places[volume.Name] = volume.HostPath.Path
			continue
		}
		content, err := s.volume(ctx, volume)
		if err != nil {
			return nil, fmt.Errorf("volume %s: %w", volume.Name, err)
		}
		places[volume.Name] = filepath.Join(dir, volume.Name)
		if err := content.write(places[volume.Name]); err != nil {
			return nil, fmt.Errorf("writing volume %s: %w", volume.Name, err)
		}
	}
	return places, nil
}

// volume gathers the files of a volume of a kind that supported lets pass.
func (s sources) volume(ctx context.Context, volume corev1.Volume) (files, error) {
	switch {
	case volume.Secret != nil:
		data, err := s.secret(ctx, volume.Secret.SecretName, volume.Secret.Optional)
		if err != nil {
			return nil, err
		}
		return pick(data, volume.Secret.Items, volume.Secret.DefaultMode, volume.Secret.Optional)
	case volume.ConfigMap != nil:
		data, err := s.configMap(ctx, volume.ConfigMap.Name, volume.ConfigMap.Optional)
		if err != nil {
			return nil, err
		}
		return pick(data, volume.ConfigMap.Items, volume.ConfigMap.DefaultMode, volume.ConfigMap.Optional)
	case volume.DownwardAPI != nil:
		return s.downward(volume.DownwardAPI.Items, volume.DownwardAPI.DefaultMode)
	case volume.Projected != nil:
		return s.projected(ctx, volume.Projected)
	default: // emptyDir
		return nil, nil
	}
}

func (s sources) projected(ctx context.Context, volume *corev1.ProjectedVolumeSource) (files, error) {
	all := files{}
	for _, source := range volume.Sources {
		part, err := s.projection(ctx, source, volume.DefaultMode)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, part)
	}
	return all, nil
}

func (s sources) projection(ctx context.Context, source corev1.VolumeProjection, mode *int32) (files, error) {
	switch {
	case source.Secret != nil:
		data, err := s.secret(ctx, source.Secret.Name, source.Secret.Optional)
		if err != nil {
			return nil, err
		}
		return pick(data, source.Secret.Items, mode, source.Secret.Optional)
	case source.ConfigMap != nil:
		data, err := s.configMap(ctx, source.ConfigMap.Name, source.ConfigMap.Optional)
		if err != nil {
			return nil, err
		}
		return pick(data, source.ConfigMap.Items, mode, source.ConfigMap.Optional)
	case source.DownwardAPI != nil:
		return s.downward(source.DownwardAPI.Items, mode)
	case source.ServiceAccountToken != nil:
		token, err := s.token(ctx, source.ServiceAccountToken)
		return files{source.ServiceAccountToken.Path: {token, 0o600}}, err
	default:
		return nil, errors.New("it projects something that the development node does not know: take it out of the Pod")
	}
}

func (s sources) downward(items []corev1.DownwardAPIVolumeFile, mode *int32) (files, error) {
	found := files{}
	for _, item := range items {
		if item.FieldRef == nil {
			return nil, fmt.Errorf("the development node has no resources to tell in file %s: take it out of the Pod", item.Path)
		}
		value, err := s.field(item.FieldRef.FieldPath)
		if err != nil {
			return nil, err
		}
		found[item.Path] = file{[]byte(value), ownerMode(item.Mode, mode)}
	}
	return found, nil
}

// pick makes files of an object's data: all keys, or those in items under the paths given there.
func pick(data map[string][]byte, items []corev1.KeyToPath, mode *int32, optional *bool) (files, error) {
	found := files{}
	for _, item := range items {
		value, exists := data[item.Key]
		if !exists && !isTrue(optional) {
			return nil, fmt.Errorf("waiting for the key %q", item.Key)
		}
		if exists {
			found[item.Path] = file{value, ownerMode(item.Mode, mode)}
		}
	}
	if len(items) == 0 {
		for key, value := range data {
			found[key] = file{value, ownerMode(nil, mode)}
		}
	}
	return found, nil
}

// ownerMode is the first mode given, for the owner alone: all is run by one user, and others have no business here.
func ownerMode(modes ...*int32) fs.FileMode {
	for _, mode := range modes {
		if mode != nil {
			return fs.FileMode(*mode&0o700 | 0o400)
		}
	}
	return 0o600
}

// write makes dir with these files. os.Root keeps a path such as "../x" from leading out of it.
func (f files) write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing to lose: the files have been closed
	for path, content := range f {
		if err := root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := root.RemoveAll(path); err != nil { // a repetition meets files that may not be written to
			return err
		}
		if err := root.WriteFile(path, content.data, content.mode); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
