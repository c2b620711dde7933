// SPDX-License-Identifier: Apache-2.0

package pages

import "strconv"

// Item is something by its name, and its page where the reader may see that.
type Item struct {
	Name, Path string
}

// Measure is one bar of a chart, and one row of the table behind it.
type Measure struct {
	Item
	// Value decides how long the bar is, Text is what stands beside it.
	Value int64
	Text  string
}

// Chart is a bar chart with the table behind it.
type Chart struct {
	// ID tells it apart on the page. Title says what it shows, Of and In are the headings of the table.
	ID, Title, Of, In string
	Bars              []Bar
	// Height is that of the picture, which is as wide as there is room.
	Height int
}

// Bar is a measure, and where it stands in the picture.
type Bar struct {
	Measure
	// Short is the name as the picture has room for it.
	Short string
	// NameAt, BarAt and TextAt are how far down they stand.
	NameAt, BarAt, TextAt int
	// Width is how long the bar is and Beside where the text stands, in percent of the picture.
	Width, Beside string
}

// The name of a bar stands above it, so that there is room for both on a phone.
const (
	rowHeight  = 40
	barLongest = 78.0
	nameLength = 36
)

// NewChart lays a chart out. The longest bar takes all the room, one that is not zero can be seen.
func NewChart(id, title, of, in string, rows []Measure) *Chart {
	chart := &Chart{ID: id, Title: title, Of: of, In: in, Height: rowHeight * len(rows)}
	var most int64
	for _, row := range rows {
		most = max(most, row.Value)
	}
	for i, row := range rows {
		top, width := i*rowHeight, 0.0
		if row.Value > 0 {
			width = max(0.5, float64(row.Value)/float64(most)*barLongest)
		}
		chart.Bars = append(chart.Bars, Bar{
			Measure: row, Short: shortened(row.Name), NameAt: top + 14, BarAt: top + 20, TextAt: top + 31,
			Width: percent(width), Beside: percent(width + 1.5),
		})
	}
	return chart
}

func percent(n float64) string { return strconv.FormatFloat(n, 'f', 1, 64) + "%" }

func shortened(name string) string {
	if runes := []rune(name); len(runes) > nameLength {
		return string(runes[:nameLength-1]) + "…"
	}
	return name
}

// Ending is a recording that expires soon.
type Ending struct {
	Item
	At *Moment
}

// OverviewContent is the page Overview.
type OverviewContent struct {
	// Count is how many recordings there are, Storage how much room they take.
	Count, Storage string
	// EndingCount is how many expire soon, RefusedCount how many attempts were refused of late.
	EndingCount, RefusedCount string
	Charts                    []*Chart
	// Ending are those that expire next.
	Ending []Ending
}
