// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/media"
)

// workerProcess, when set in the environment, makes the test binary a worker for that spec file: the benchmark measures a
// process of its own, as a Job is one.
const workerProcess = "REELKEEPER_BENCH_SPEC"

// usage is what such a process says when it is done.
type usage struct {
	SelfKiB   int64         // peak resident memory of the worker
	FFmpegKiB int64         // of the largest of its children
	Download  time.Duration // until the raw recording was in the scratch folder
	CPU       time.Duration // of the worker and its children, user and system
}

// downloadTimer notes when the raw recording has been read.
type downloadTimer struct {
	Store
	rawURL string
	done   time.Time
}

func (d *downloadTimer) Get(ctx context.Context, url string, off int64) (io.ReadCloser, int64, error) {
	body, size, err := d.Store.Get(ctx, url, off)
	if url != d.rawURL || err != nil {
		return body, size, err
	}
	return closing{body, func() { d.done = time.Now() }}, size, nil
}

type closing struct {
	io.ReadCloser
	then func()
}

func (c closing) Close() error { defer c.then(); return c.ReadCloser.Close() }

// asWorker runs the worker and prints its usage.
func asWorker(specPath string) error {
	spec, err := LoadSpec(specPath)
	if err != nil {
		return err
	}
	store, err := NewStore(spec)
	if err != nil {
		return err
	}
	defer store.Close()
	tools, err := media.FindTools()
	if err != nil {
		return err
	}
	start, timed := time.Now(), &downloadTimer{Store: store, rawURL: spec.RawURL}
	env := Environment{Scratch: filepath.Dir(specPath), Store: timed, Tools: tools, Clock: clock.RealClock{}, Log: logr.Discard()}
	if _, err := Run(context.Background(), spec, env); err != nil {
		return err
	}
	var self, children syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return err
	}
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(usage{
		SelfKiB: self.Maxrss, FFmpegKiB: children.Maxrss, Download: timed.done.Sub(start), CPU: cpuTime(self) + cpuTime(children),
	})
}

func cpuTime(used syscall.Rusage) time.Duration {
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// runProcess runs the worker as a process of its own.
func (b *bench) runProcess(spec Spec) (time.Duration, usage) {
	b.tb.Helper()
	content, err := json.Marshal(spec)
	if err != nil {
		b.tb.Fatal(err)
	}
	path := filepath.Join(b.tb.TempDir(), "spec.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.tb.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), workerProcess+"="+path)
	cmd.Stderr = os.Stderr
	start := time.Now()
	out, err := cmd.Output()
	took := time.Since(start)
	if err != nil {
		b.tb.Fatalf("the worker's process: %v: %s", err, out)
	}
	var used usage
	if err := json.Unmarshal(out, &used); err != nil {
		b.tb.Fatal(err)
	}
	return took, used
}

// rates are bit rates of meetings in kbit/s, by what vendors tell administrators to plan for: 200 MB an hour of video (Zoom) and 400
// MB an hour (Microsoft Teams). Plain copying costs by the frame, packaging by the byte as well, so that the rate matters.
var rates = []int{445, 890}

// audioRate is the part of it that is sound, in kbit/s.
const audioRate = 128

// meeting is a 720p H.264 and AAC recording of so many minutes, kept for later runs.
func meeting(tb testing.TB, rate, minutes int) string {
	tb.Helper()
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("reelkeeper-bench-%dk", rate)) //nolint:usetesting // it is meant to stay
	if err := os.MkdirAll(folder, 0o700); err != nil {
		tb.Fatal(err)
	}
	minute, whole := filepath.Join(folder, "minute.mp4"), filepath.Join(folder, fmt.Sprintf("meeting-%d.mp4", minutes))
	ffmpeg := func(path string, args ...string) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		args = append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), "-f", "mp4", path+".part")
		if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
			tb.Fatalf("making %s: %v: %s", path, err, out)
		}
		if err := os.Rename(path+".part", path); err != nil {
			tb.Fatal(err)
		}
	}
	ffmpeg(minute, "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30:duration=60", "-f", "lavfi", "-i", "sine=frequency=300:duration=60:sample_rate=48000",
		"-c:v", "libx264", "-preset", "veryfast", "-b:v", kilobits(rate-audioRate), "-maxrate", kilobits(2*rate), "-bufsize", kilobits(8*rate),
		"-g", "60", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", kilobits(audioRate), "-ac", "2")
	ffmpeg(whole, "-stream_loop", strconv.Itoa(minutes-1), "-i", minute, "-c", "copy")
	return whole
}

func kilobits(rate int) string { return strconv.Itoa(rate) + "k" }

// plainCopy is what packaging is measured against: ffmpeg alone, from the same file to fragmented MP4 on the same disk.
func plainCopy(tb testing.TB, path string) (took, cpu time.Duration) {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), "copy.mp4")
	start := time.Now()
	cmd := exec.Command("ffmpeg", "-v", "error", "-nostdin", "-y", "-i", path, "-c", "copy", "-movflags", "frag_keyframe+empty_moov", out)
	if said, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("ffmpeg: %v: %s", err, said)
	}
	took = time.Since(start)
	if err := os.Remove(out); err != nil {
		tb.Fatal(err)
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// fresh uploads a meeting to an empty bucket. In production no two attempts share a key; here a
// version that an earlier round left would be copied aside by the server, on our time.
func (b *bench) fresh(rate, minutes int) Spec {
	b.tb.Helper()
	for _, prefix := range []string{"staging/", "media/", "manifests/"} {
		if _, err := b.client.DeleteAllVersionsUnder(b.tb.Context(), bucket, prefix); err != nil {
			b.tb.Fatal(err)
		}
	}
	b.put(meeting(b.tb, rate, minutes))
	return b.spec(64)
}

// copyRounds are enough for a median on a machine that does other things too.
const copyRounds = 7

// BenchmarkPackageCopy compares packaging a half-hour meeting that needs no transcoding (inspect, package, encrypt, upload to a
// real S3 server, read back, verify, manifest, and the start of the process) with "ffmpeg -c copy" of the same file, one after the
// other in every round, and prints both. The target is a ratio of 2.0 at most, on two cores that nobody else uses. All numbers are
// medians of the rounds; "whole" is with the download of the raw recording besides. CPU time is the worker's and its
// ffmpeg's. The peak memory for 3 and for 30 minutes should not differ.
func BenchmarkPackageCopy(b *testing.B) {
	for _, rate := range rates {
		b.Run(kilobits(rate), func(b *testing.B) { benchmarkPackageCopy(b, rate) })
	}
}

func benchmarkPackageCopy(b *testing.B, rate int) {
	b.Helper()
	bench := newBench(b)
	_, short := bench.runProcess(bench.fresh(rate, 3))

	path := meeting(b, rate, 30)
	medians := map[string][]float64{}
	var long usage
	for b.Loop() {
		for range copyRounds {
			spec := bench.fresh(rate, 30)
			theirs, theirsCPU := plainCopy(b, path)
			whole, used := bench.runProcess(spec)
			ours := whole - used.Download
			long.SelfKiB, long.FFmpegKiB = max(long.SelfKiB, used.SelfKiB), max(long.FFmpegKiB, used.FFmpegKiB)
			for unit, value := range map[string]float64{
				"ffmpeg-copy-s": theirs.Seconds(), "ffmpeg-copy-cpu-s": theirsCPU.Seconds(),
				"package-s": ours.Seconds(), "whole-s": whole.Seconds(), "whole-cpu-s": used.CPU.Seconds(),
				"ratio": ours.Seconds() / theirs.Seconds(), "whole-ratio": whole.Seconds() / theirs.Seconds(),
			} {
				medians[unit] = append(medians[unit], value)
			}
			b.Logf("ffmpeg -c copy %.2f s, packaging %.2f s: ratio %.2f", theirs.Seconds(), ours.Seconds(), ours.Seconds()/theirs.Seconds())
		}
	}
	b.ReportMetric(0, "ns/op")
	for unit, values := range medians {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], unit)
	}
	for unit, kib := range map[string]int64{
		"worker-MiB-3min": short.SelfKiB, "worker-MiB-30min": long.SelfKiB,
		"ffmpeg-MiB-3min": short.FFmpegKiB, "ffmpeg-MiB-30min": long.FFmpegKiB,
	} {
		b.ReportMetric(float64(kib)/1024, unit)
	}
}
