// SPDX-License-Identifier: Apache-2.0

//go:build unix

package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// AuditWrites is an audit policy that logs every successful or refused write once, when it is answered, and no reads.
var AuditWrites = []byte(`apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
rules:
- {level: None, verbs: [get, list, watch]}
- {level: None, nonResourceURLs: ["*"]}
- {level: Metadata}
`)

// ReadAudit reads an audit log from its beginning. A line that is just being written is left for the next time.
func ReadAudit(path string) ([]auditv1.Event, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the audit log (was Options.AuditPolicy set?): %w", err)
	}
	defer file.Close()
	var events []auditv1.Event
	for lines := json.NewDecoder(file); ; {
		var event auditv1.Event
		err := lines.Decode(&event)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the audit log %s after %d events: %w", path, len(events), err)
		}
		events = append(events, event)
	}
}
