// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// AssetsVariable names a directory with etcd, kube-apiserver and kubectl, as for controller-runtime's envtest.
const AssetsVariable = "KUBEBUILDER_ASSETS"

// Binaries are the paths of the programs.
type Binaries struct {
	Etcd, APIServer, Kubectl string
	// ControllerManager is empty when it was not asked for.
	ControllerManager string
}

// find looks for the programs, first in KUBEBUILDER_ASSETS where that is set, and else in bin/controlplane. Since
// these assets never contain kube-controller-manager, that one may come from bin/controlplane in either case.
func find(controllerManager bool) (Binaries, error) {
	root, err := Root()
	if err != nil {
		return Binaries{}, err
	}
	built := filepath.Join(root, "bin", "controlplane")
	assets := os.Getenv(AssetsVariable)
	first := assets
	if first == "" {
		first = built
	}
	var found Binaries
	programs := []struct {
		name    string
		path    *string
		folders []string
	}{
		{"etcd", &found.Etcd, []string{first}},
		{"kube-apiserver", &found.APIServer, []string{first}},
		{"kubectl", &found.Kubectl, []string{first}},
		{"kube-controller-manager", &found.ControllerManager, []string{first, built}},
	}
	if !controllerManager {
		programs = programs[:3]
	}
	for _, program := range programs {
		if *program.path = lookIn(program.name, program.folders); *program.path == "" {
			return Binaries{}, missing(program.name, assets, program.folders)
		}
	}
	return found, nil
}

func lookIn(name string, folders []string) string {
	for _, folder := range folders {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path
		}
	}
	return ""
}

func missing(name, assets string, folders []string) error {
	if assets == "" {
		return fmt.Errorf("%s is not in %s: run `make controlplane` (about five minutes the first time), or set %s to a directory that has it",
			name, folders[0], AssetsVariable)
	}
	if len(folders) == 1 {
		return fmt.Errorf("%s is not in %s, which %s names: put it there, or unset %s and run `make controlplane`",
			name, assets, AssetsVariable, AssetsVariable)
	}
	return fmt.Errorf("%s is neither in %s, which %s names, nor in %s: run `make controlplane`", name, assets, AssetsVariable, folders[1])
}

// Root is the repository's top directory: the nearest one above the working directory that holds go.mod and hack/controlplane. `go
// test` runs in the package's directory, so tests find it from anywhere in the tree.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working directory: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if isRoot(dir) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no directory above %s is a checkout of Reelkeeper: change into one", start)
		}
	}
}

// isRoot tells our top directory from those of the modules under hack, which have a go.mod too.
func isRoot(dir string) bool {
	for _, name := range []string{"go.mod", filepath.Join("hack", "controlplane", "go.mod")} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}
