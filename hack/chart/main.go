// SPDX-License-Identifier: Apache-2.0

// Command chart writes those templates of the Helm chart that say the same as config/, so that there is one source: the
// CRDs, the rights, the admission policies, the network policies. What depends on values beyond that is written by hand
// beside them, and test/chart compares the whole of it with config/default.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	templates = "charts/reelkeeper/templates"
	namespace = "reelkeeper-system"

	// mutatingPolicies is there from Kubernetes 1.36 on.
	mutatingPolicies = `.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"`
)

// source is a group of files of config/ and what becomes of them.
type source struct {
	// pattern names the files.
	pattern string
	// into is the directory for the templates.
	into string
	// when is the condition under which they are installed, always when it is empty.
	when string
	// convert turns a file's text, in which braces are escaped already, into a template's.
	convert func(string) string
}

var sources = []source{
	{pattern: "config/crd/reelkeeper.io_*.yaml", into: "crds", when: ".Values.crds.install", convert: keep},
	{pattern: "config/rbac/manager.yaml", into: "generated", convert: inRelease},
	{pattern: "config/rbac/gateway.yaml", into: "generated", convert: inRelease},
	{pattern: "config/rbac/worker.yaml", into: "generated", convert: inRelease},
	{pattern: "config/rbac/leader-election.yaml", into: "generated", convert: inRelease},
	{pattern: "config/rbac/users.yaml", into: "generated", when: ".Values.userRoles.create", convert: inRelease},
	{pattern: "config/admission/attribution-kept.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/attribution.yaml", into: "generated", when: mutatingPolicies, convert: inRelease},
	{pattern: "config/admission/auditevents.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/ended-sessions.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/erasure.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/finalizers-kept.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/finalizers.yaml", into: "generated", when: mutatingPolicies, convert: inRelease},
	{pattern: "config/admission/gateway-writes.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/grant-uses.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/holds.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/locks.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/public-grants.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/requests.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/retention.yaml", into: "generated", convert: inRelease},
	{pattern: "config/admission/stores.yaml", into: "generated", convert: inRelease},
	{pattern: "config/network/policies.yaml", into: "generated", when: ".Values.networkPolicies.enabled", convert: inRelease},
	{pattern: "config/gateway/metrics-service.yaml", into: "generated", convert: inRelease},
	{pattern: "config/gateway/peers-service.yaml", into: "generated", convert: inRelease},
	{pattern: "config/manager/service.yaml", into: "generated", convert: inRelease},
	{pattern: "config/manager/poddisruptionbudget.yaml", into: "generated", when: "gt (int .Values.manager.replicas) 1", convert: inRelease},
	{pattern: "config/gateway/poddisruptionbudget.yaml", into: "generated", when: "gt (int .Values.gateway.replicas) 1", convert: inRelease},
}

func main() {
	if err := generate(); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func generate() error {
	for _, directory := range []string{"crds", "generated"} {
		// What is no longer in config/ has to go from the chart too.
		if err := os.RemoveAll(filepath.Join(templates, directory)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(templates, directory), 0o755); err != nil {
			return err
		}
	}
	for _, s := range sources {
		if err := s.write(); err != nil {
			return err
		}
	}
	return nil
}

func (s source) write() error {
	files, err := filepath.Glob(s.pattern)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no file matches %s: run this in the repository's top directory", s.pattern)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(s.target(file), s.template(file, text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// target names the template after the file and, where several directories have one of that name, the directory.
func (s source) target(file string) string {
	name := filepath.Base(file)
	if s.into != "crds" {
		name = filepath.Base(filepath.Dir(file)) + "-" + name
	}
	return filepath.Join(templates, s.into, name)
}

func (s source) template(file string, text []byte) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "{{- /* Generated from %s by `make manifests`; change it there. */ -}}\n", file)
	body := s.convert(escape(string(text)))
	if s.when == "" {
		out.WriteString(body)
		return out.Bytes()
	}
	fmt.Fprintf(&out, "{{- if %s }}\n%s{{- end }}\n", s.when, body)
	return out.Bytes()
}

// escape keeps text that happens to look like a template from being one.
func escape(text string) string {
	return strings.ReplaceAll(text, "{{", "{{`{{`}}")
}

// inRelease moves an object into the release's namespace and gives it the release's labels. The namespace is also part of
// names of ServiceAccounts in admission policies.
func inRelease(text string) string {
	text = strings.ReplaceAll(text, namespace, "{{ .Release.Namespace }}")
	return strings.ReplaceAll(text,
		"\n    app.kubernetes.io/part-of: reelkeeper\n",
		"\n    {{- include \"reelkeeper.labels\" . | nindent 4 }}\n")
}

// keep lets a CRD, and with it every recording, survive `helm uninstall`.
func keep(text string) string {
	return strings.Replace(text,
		"\n  annotations:\n",
		"\n  annotations:\n    {{- if .Values.crds.keep }}\n    helm.sh/resource-policy: keep\n    {{- end }}\n", 1)
}
