// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(# [a-z.]+)\n(.*?)```")

// TestTheDocumentedInstallationsAreAccepted offers to the API server what comes out of the values and of the kustomization that
// docs/install.md shows.
func TestTheDocumentedInstallationsAreAccepted(t *testing.T) {
	if err := install(); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, block := range yamlBlock.FindAllStringSubmatch(string(page), -1) {
		blocks[block[1]] = block[2]
	}
	for name, render := range map[string]func(*testing.T, string) string{"# values.yaml": fromValues, "# kustomization.yaml": fromKustomization} {
		t.Run(name, func(t *testing.T) {
			if blocks[name] == "" {
				t.Fatalf("docs/install.md has no block that begins with %q", name)
			}
			objects := render(t, blocks[name])
			if strings.Count(objects, "https://recordings.example.com") == 0 {
				t.Error("the address of the gateway got lost")
			}
			file := writeFile(t, t.TempDir(), "objects.yaml", objects)
			env.Kubectl(t, "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", file)
		})
	}
}

// partLabel is how a ClusterRole says that it is part of Kubernetes' own admin, edit or view.
const partLabel = "rbac.authorization.k8s.io/aggregate-to-"

var roleRow = regexp.MustCompile("(?m)^\\| (reelkeeper-[a-z-]+) \\| .* \\| (?:being part of `([a-z]+)`|your binding) \\|$")

// TestTheDocumentedRolesAreThoseThereAre compares the table of docs/install.md with the ClusterRoles for people.
func TestTheDocumentedRolesAreThoseThereAre(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for _, row := range roleRow.FindAllStringSubmatch(string(page), -1) {
		said[row[1]] = row[2]
	}
	roles, err := os.ReadFile(filepath.Join(configDir, "rbac", "users.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]string{}
	for document := range strings.SplitSeq(string(roles), "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict([]byte(document), &role); err != nil {
			t.Fatal(err)
		}
		part := ""
		for label := range role.Labels {
			if of, aggregated := strings.CutPrefix(label, partLabel); aggregated {
				part = of
			}
		}
		there[role.Name] = part
	}
	if diff := cmp.Diff(there, said); diff != "" {
		t.Errorf("(-config/rbac/users.yaml +docs/install.md):\n%s", diff)
	}
}

func fromValues(t *testing.T, values string) string {
	t.Helper()
	file := writeFile(t, t.TempDir(), "values.yaml", values)
	out, err := runHelm(t.Context(), env, "template", "reelkeeper", chartDir, "--namespace", operatorNamespace, "--values", file, mutatingPolicies)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fromKustomization takes this tree in the place of the release that the page names.
func fromKustomization(t *testing.T, kustomization string) string {
	t.Helper()
	dir := t.TempDir()
	here, err := filepath.Abs(configDir)
	if err != nil {
		t.Fatal(err)
	}
	local, err := filepath.Rel(dir, here)
	if err != nil {
		t.Fatal(err)
	}
	remote := regexp.MustCompile(`https://github\.com/\S+//config(/\S+)\?ref=\S+`)
	if !remote.MatchString(kustomization) {
		t.Fatalf("the kustomization names no release:\n%s", kustomization)
	}
	writeFile(t, dir, "kustomization.yaml", remote.ReplaceAllString(kustomization, local+"$1"))
	writeFile(t, dir, "gateway-config.yaml", `{apiVersion: v1, kind: ConfigMap, metadata: {name: reelkeeper-gateway, namespace: reelkeeper-system}}`)
	return env.Kubectl(t, "kustomize", dir)
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
