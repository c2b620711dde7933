// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
)

// Where a replica is asked what.
const (
	admitPath    = "/v1/admit"
	takePath     = "/v1/take"
	giveBackPath = "/v1/give-back"
)

// Bounds of what a replica says to another. They are wider than those of policies and media, and narrow enough that nothing overflows.
const (
	// maxMessage is in bytes: a recording has at most 65,536 segments, whose playing times are written as at most nine digits and a comma.
	maxMessage = 1 << 20
	// maxName is in bytes: the names of viewers, recordings and players are hashes and UIDs.
	maxName   = 64
	maxUnits  = 1<<16 + 1
	maxLength = 31 * 24 * time.Hour
	maxSpeed  = 1000
	maxTimes  = 1 << 30
)

// admitMessage asks whether a player's request is one too many.
type admitMessage struct {
	Viewer      string `json:"viewer"`
	Player      string `json:"player"`
	Began       int64  `json:"began"`
	MaxRequests int    `json:"maxRequests"`
	MaxPlayers  int    `json:"maxPlayers"`
}

func (m *admitMessage) visit() pacing.Visit {
	return pacing.Visit{Player: m.Player, Began: m.Began, MaxRequests: m.MaxRequests, MaxPlayers: m.MaxPlayers}
}

func (m *admitMessage) validate() error {
	return errors.Join(name("viewer", m.Viewer), name("player", m.Player), between("maxRequests", m.MaxRequests, 0, maxTimes), between("maxPlayers", m.MaxPlayers, 0, maxTimes))
}

// unitsMessage asks for units of a recording, or gives them back. Times are in milliseconds.
type unitsMessage struct {
	Viewer    string  `json:"viewer"`
	Recording string  `json:"recording"`
	Ahead     int64   `json:"ahead"`
	Speed     float64 `json:"speed"`
	Length    int64   `json:"length"`
	// First is the first unit, and Plays are how long it and those that follow it play.
	First int     `json:"first"`
	Plays []int64 `json:"plays"`
}

// newUnits is about units that follow one another, of which there is at least one.
func newUnits(viewer, recording string, terms pacing.Terms, units []pacing.Unit) *unitsMessage {
	m := &unitsMessage{
		// More ahead than any recording is long makes no difference.
		Viewer: viewer, Recording: recording, Ahead: min(terms.MaxAhead, maxLength).Milliseconds(), Speed: terms.Speed, Length: terms.Length.Milliseconds(),
		First: units[0].Index, Plays: make([]int64, 0, len(units)),
	}
	for _, unit := range units {
		m.Plays = append(m.Plays, unit.Plays.Milliseconds())
	}
	return m
}

func (m *unitsMessage) terms() pacing.Terms {
	return pacing.Terms{MaxAhead: millis(m.Ahead), Speed: m.Speed, Length: millis(m.Length)}
}

func (m *unitsMessage) units() []pacing.Unit {
	units := make([]pacing.Unit, 0, len(m.Plays))
	for i, plays := range m.Plays {
		units = append(units, pacing.Unit{Index: m.First + i, Plays: millis(plays)})
	}
	return units
}

func (m *unitsMessage) validate() error {
	longest := maxLength.Milliseconds()
	problems := []error{
		name("viewer", m.Viewer), name("recording", m.Recording), between("ahead", m.Ahead, 0, longest), between("speed", m.Speed, 1, maxSpeed),
		between("length", m.Length, 0, longest), between("first", m.First, 0, maxUnits-1), between("the number of units", len(m.Plays), 1, maxUnits-m.First),
	}
	for _, plays := range m.Plays {
		problems = append(problems, between("plays", plays, 0, longest))
	}
	return errors.Join(problems...)
}

// admitAnswer and takeAnswer are what is answered. Times are in nanoseconds, so that nobody is told to come back too early.
type (
	admitAnswer struct {
		Wait    time.Duration `json:"wait,omitempty"`
		Crowded bool          `json:"crowded,omitempty"`
	}
	takeAnswer struct {
		Wait time.Duration `json:"wait,omitempty"`
		Sold bool          `json:"sold,omitempty"`
	}
	// giveBackAnswer is that it was heard.
	giveBackAnswer struct{}
)

func (a *admitAnswer) validate() error    { return between("wait", a.Wait, 0, time.Hour) }
func (a *takeAnswer) validate() error     { return between("wait", a.Wait, 0, 2*maxLength) }
func (a *giveBackAnswer) validate() error { return nil }

type message interface{ validate() error }

// decode reads one message, which has to be all there is, and nothing that it may not be.
func decode(from io.Reader, into message) error {
	body, err := io.ReadAll(io.LimitReader(from, maxMessage+1))
	if err != nil {
		return err
	}
	if len(body) > maxMessage {
		return fmt.Errorf("more than %d bytes", maxMessage)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one message")
	}
	return into.validate()
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

func name(field, value string) error {
	if value == "" || len(value) > maxName {
		return fmt.Errorf("%s has %d bytes, not 1 to %d", field, len(value), maxName)
	}
	return nil
}

func between[T int | int64 | float64 | time.Duration](field string, value, least, most T) error {
	if value >= least && value <= most {
		return nil
	}
	return fmt.Errorf("%s is %v, not %v to %v", field, value, least, most)
}
