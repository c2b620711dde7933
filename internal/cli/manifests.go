// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// readFiles returns the YAML documents of files, of the YAML and JSON files below directories, and of "-", standard input.
func readFiles(paths []string, stdin io.Reader) ([][]byte, error) {
	var documents [][]byte
	for _, path := range paths {
		if path == "-" {
			found, err := split(stdin)
			if err != nil {
				return nil, fmt.Errorf("reading standard input: %w", err)
			}
			documents = append(documents, found...)
			continue
		}
		files, err := filesBelow(path)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", path, err)
			}
			found, err := split(bytes.NewReader(content))
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", file, err)
			}
			documents = append(documents, found...)
		}
	}
	return documents, nil
}

// filesBelow returns the file itself, or the YAML and JSON files below a directory, without hidden ones: where a ConfigMap is mounted,
// hidden directories hold everything once more.
func filesBelow(path string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if file != path && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() && (file == path || slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file))) {
			files = append(files, file)
		}
		return nil
	})
	return files, err
}

// split separates the documents of a YAML stream and the items of lists among them, and drops empty ones.
func split(in io.Reader) ([][]byte, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(in))
	var documents [][]byte
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		var content any
		if err := yaml.Unmarshal(document, &content); err != nil {
			return nil, err
		}
		if content == nil {
			continue
		}
		documents = append(documents, itemsOf(document)...)
	}
}

// itemsOf returns the objects of a list, such as kubectl get prints; of any other document itself.
func itemsOf(document []byte) [][]byte {
	var list struct {
		Kind  string            `json:"kind"`
		Items []json.RawMessage `json:"items"`
	}
	if err := yaml.Unmarshal(document, &list); err != nil || list.Kind != "List" {
		return [][]byte{document} // what is no object at all is told where the document is read
	}
	var items [][]byte
	for _, item := range list.Items {
		items = append(items, item)
	}
	return items
}

// readChange reads the policies among the documents. Others, as they stand beside policies in a repository, are left out and counted.
func readChange(documents [][]byte, namespace string) (change report.Change, others int, err error) {
	others, err = eachOfOurs(documents, func(document []byte, about *metav1.PartialObjectMetadata) (read bool, err error) {
		switch about.Kind {
		case policy.KindCluster:
			var p v1alpha1.ClusterRecordingPolicy
			err = decode(document, about, &p)
			change.ClusterPolicies = append(change.ClusterPolicies, p)
		case policy.KindNamespace:
			var p v1alpha1.RecordingPolicy
			err = decode(document, about, &p)
			p.Namespace = cmp.Or(p.Namespace, namespace)
			change.Policies = append(change.Policies, p)
		default:
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return change, others, err
	}
	if len(change.ClusterPolicies)+len(change.Policies) == 0 {
		return change, others, fmt.Errorf("there is no %s and no %s in it: name the files with policies by -f", policy.KindNamespace, policy.KindCluster)
	}
	return change, others, nil
}

// eachOfOurs hands over the documents of our own kinds, one after the other, to what says whether it reads them. Those that it does not,
// and all others, are counted.
func eachOfOurs(documents [][]byte, read func(document []byte, about *metav1.PartialObjectMetadata) (bool, error)) (others int, err error) {
	for _, document := range documents {
		var about metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(document, &about); err != nil {
			return others, fmt.Errorf("it is no Kubernetes object: %w", err)
		}
		wanted := false
		if strings.HasPrefix(about.APIVersion, v1alpha1.SchemeGroupVersion.Group+"/") {
			if wanted, err = read(document, &about); err != nil {
				return others, err
			}
		}
		if !wanted {
			others++
		}
	}
	return others, nil
}

// manifestsIn reads the documents of files by what reads those of one kind, and says how many are left out.
func manifestsIn[T any](c *command, cmd *cobra.Command, files []string, read func(documents [][]byte, namespace string) (T, int, error)) (found T, err error) {
	documents, err := readFiles(files, cmd.InOrStdin())
	if err != nil {
		return found, err
	}
	namespace, err := c.cluster.namespace()
	if err != nil {
		return found, err
	}
	found, others, err := read(documents, namespace)
	if err == nil && others > 0 {
		cmd.PrintErrf("%d other documents are left out.\n", others)
	}
	return found, err
}

// decode reads a document strictly: a field that is misspelt is a rule that does not hold.
func decode(document []byte, about *metav1.PartialObjectMetadata, into any) error {
	if about.APIVersion != v1alpha1.SchemeGroupVersion.String() {
		return fmt.Errorf("%s %s has apiVersion %s: this plugin understands %s", about.Kind, about.Name, about.APIVersion, v1alpha1.SchemeGroupVersion)
	}
	if err := yaml.UnmarshalStrict(document, into); err != nil {
		return fmt.Errorf("%s %s: %w", about.Kind, about.Name, err)
	}
	if about.Name == "" {
		return fmt.Errorf("a %s has no metadata.name: give it one", about.Kind)
	}
	return nil
}

// readMeeting reads the meeting of a preflight: a MeetingRecording of which only the namespace, the labels and the meeting count.
func readMeeting(documents [][]byte, namespace string) (*v1alpha1.MeetingRecording, error) {
	if len(documents) != 1 {
		return nil, fmt.Errorf("the file holds %d documents: write one MeetingRecording, docs/plugin.md shows one", len(documents))
	}
	meeting := &v1alpha1.MeetingRecording{}
	if err := yaml.UnmarshalStrict(documents[0], meeting); err != nil {
		return nil, fmt.Errorf("it is no MeetingRecording, docs/plugin.md shows one: %w", err)
	}
	if meeting.Kind != "" && meeting.Kind != "MeetingRecording" {
		return nil, fmt.Errorf("it is a %s: write a MeetingRecording, docs/plugin.md shows one", meeting.Kind)
	}
	if meeting.Namespace == "" {
		meeting.Namespace = namespace
	}
	if meeting.Name == "" {
		meeting.Name = "meeting"
	}
	return meeting, nil
}
