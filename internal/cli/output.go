// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// formats are the values of --output.
var formats = []string{"table", "wide", "json", "yaml"}

// output is how reports are printed.
type output struct{ format string }

func (o *output) bind(root *cobra.Command) {
	root.PersistentFlags().StringVarP(&o.format, "output", "o", "table", "how to print: "+strings.Join(formats, ", "))
	// The flag exists, and that is the only error.
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// check refuses formats that there are not, before anything is read.
func (o *output) check() error {
	if !slices.Contains(formats, o.format) {
		return fmt.Errorf("there is no --output %q: use one of %s", o.format, strings.Join(formats, ", "))
	}
	return nil
}

// write writes the report: as JSON or YAML the report itself, else the tables.
func (o *output) write(w io.Writer, report any, tables func(*page)) error {
	switch o.format {
	case "json":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	case "yaml":
		text, err := yaml.Marshal(report)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	default:
		p := &page{wide: o.format == "wide"}
		tables(p)
		_, err := io.WriteString(w, p.text.String())
		return err
	}
}

// page is what a person reads.
type page struct {
	wide bool
	text strings.Builder
}

// line writes one line of text.
func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

// table writes rows under a header, after a blank line if there is something above it. Without rows it writes nothing.
func (p *page) table(header []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	if p.text.Len() > 0 {
		p.line("")
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	for line := range strings.Lines(table.String()) {
		p.text.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// words joins names by blanks, "–" for none.
func words[T ~string](list []T) string {
	if len(list) == 0 {
		return "–"
	}
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = string(item)
	}
	return strings.Join(texts, " ")
}

// yes writes a truth as people do.
func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
