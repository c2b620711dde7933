// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	all := []string{"etcd", "kube-apiserver", "kubectl", "kube-controller-manager"}
	cases := map[string]struct {
		assets, built     []string
		assetsUnset       bool
		controllerManager bool
		wantErr           []string
	}{
		"what was built is enough":  {assetsUnset: true, built: all, controllerManager: true},
		"the assets alone are used": {assets: all, controllerManager: true},
		"the assets never have a controller manager, which was built": {
			assets: all[:3], built: all, controllerManager: true,
		},
		"the assets need no controller manager when nobody asks for it": {assets: all[:3]},
		"nothing was built": {
			assetsUnset: true, wantErr: []string{"etcd is not in", "run `make controlplane`", "KUBEBUILDER_ASSETS"},
		},
		"the assets lack kubectl, and what was built does not replace it": {
			assets: all[:2], built: all, wantErr: []string{"kubectl is not in", "unset KUBEBUILDER_ASSETS"},
		},
		"a controller manager is nowhere": {
			assets: all[:3], built: all[:3], controllerManager: true,
			wantErr: []string{"kube-controller-manager is neither in", "run `make controlplane`"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root, assets := t.TempDir(), t.TempDir()
			touch(t, root, "go.mod", "hack/controlplane/go.mod")
			touch(t, filepath.Join(root, "bin", "controlplane"), tc.built...)
			touch(t, assets, tc.assets...)
			t.Chdir(root)
			t.Setenv(AssetsVariable, assets)
			if tc.assetsUnset {
				t.Setenv(AssetsVariable, "")
			}
			found, err := find(tc.controllerManager)
			if tc.wantErr == nil {
				if err != nil {
					t.Fatalf("find: %v", err)
				}
				if (found.ControllerManager != "") != tc.controllerManager || found.Etcd == "" || found.APIServer == "" || found.Kubectl == "" {
					t.Errorf("find: %+v", found)
				}
				return
			}
			for _, want := range tc.wantErr {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("find: error %v does not say %q", err, want)
				}
			}
		})
	}
}

// touch makes executable files.
func touch(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
