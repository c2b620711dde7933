// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"sync"
	"time"
)

const (
	// fetchesAtOnce is how many byte ranges a replica reads from object stores at the same time. Each holds 256 KiB.
	fetchesAtOnce = 512
	// fetchesEach is how many of them one person may have: a player needs one or two, a program that loads parts side by side eight.
	fetchesEach = 16
	// queueFor is how long a request waits for its turn, busyWait when to try again where that was not enough.
	queueFor, busyWait = 2 * time.Second, 5 * time.Second
)

// pressure bounds how much is read from object stores at the same time.
type pressure struct {
	all, each int
	turns     chan struct{}

	mutex sync.Mutex
	lanes map[string]*lane
}

// lane are the turns of one person, as long as they have any or wait for one.
type lane struct {
	turns chan struct{}
	users int
}

func newPressure(all, each int) *pressure {
	return &pressure{all: all, each: each, turns: make(chan struct{}, all), lanes: map[string]*lane{}}
}

// enter waits for a turn of somebody who counts for so many people. It returns nil where none came in time.
func (p *pressure) enter(ctx context.Context, who string, people int) (leave func()) {
	ctx, cancel := context.WithTimeout(ctx, queueFor)
	defer cancel()
	fetchesWaiting.Inc()
	defer fetchesWaiting.Dec()
	own := p.lane(who, people)
	if !took(ctx, own.turns) {
		p.leave(who, own)
		missed(ctx, limitOfPerson)
		return nil
	}
	if !took(ctx, p.turns) {
		<-own.turns
		p.leave(who, own)
		missed(ctx, limitOfReplica)
		return nil
	}
	fetchesRunning.Inc()
	return sync.OnceFunc(func() {
		fetchesRunning.Dec()
		<-p.turns
		<-own.turns
		p.leave(who, own)
	})
}

func took(ctx context.Context, turns chan struct{}) bool {
	select {
	case turns <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pressure) lane(who string, people int) *lane {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	own := p.lanes[who]
	if own == nil {
		own = &lane{turns: make(chan struct{}, p.each*people)}
		p.lanes[who] = own
	}
	own.users++
	return own
}

func (p *pressure) leave(who string, own *lane) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if own.users--; own.users == 0 {
		delete(p.lanes, who)
	}
}
