// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Tools are the two programs of the ffmpeg suite, by path.
type Tools struct {
	FFmpeg, FFprobe string
}

// FindTools looks for ffmpeg and ffprobe in PATH.
func FindTools() (Tools, error) {
	var tools Tools
	for name, path := range map[string]*string{"ffmpeg": &tools.FFmpeg, "ffprobe": &tools.FFprobe} {
		found, err := exec.LookPath(name)
		if err != nil {
			return Tools{}, fmt.Errorf("%s is needed for processing recordings; install it (Debian: apt-get install ffmpeg): %w", name, err)
		}
		*path = found
	}
	return tools, nil
}

// inputOptions lock the demuxer down. The container is forced, so that no playlist or script reader can be chosen by
// the content; only local files can be opened at all; a movie's references to other files are not followed; and the
// sizes that a header may claim are bounded. They go in front of the input, for ffmpeg and ffprobe alike.
func inputOptions(container Container, path string) []string {
	options := []string{
		"-f", string(container),
		"-protocol_whitelist", "file",
		"-format_whitelist", "mov,matroska",
		"-codec_whitelist", strings.Join(decoders, ","),
		"-max_pixels", "36000000", // 8K
		"-max_streams", "100",
	}
	if container == MP4 {
		options = append(options, "-enable_drefs", "0", "-use_absolute_path", "0")
	}
	// The prefix keeps a file name from being read as a protocol.
	return append(options, "-i", "file:"+path)
}

// decoders are those that meeting recordings and phones need; ffmpeg has hundreds more, and none of them is meant to
// meet an upload. Subtitles and covers are dropped later, but ffprobe gives up on a file with one stream it may not open.
var decoders = []string{
	"h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "av1", "libdav1d", "libaom-av1", "mpeg4", "h263", "mjpeg", "prores", "rawvideo",
	"aac", "opus", "libopus", "vorbis", "libvorbis", "mp3", "mp3float", "flac", "alac", "ac3", "eac3", "amrnb", "amrwb",
	"srt", "subrip", "ass", "ssa", "webvtt", "mov_text", "text", "dvdsub", "pgssub", "dvbsub", "png", "bmp", "gif",
	"pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_u8", "pcm_alaw", "pcm_mulaw",
}

const (
	// keptErrors is how much of the end of stderr is kept for the message of a failure.
	keptErrors = 2 << 10
	// killGrace is how long a process may take to close its pipes after it was killed.
	killGrace = 5 * time.Second
)

// command is one run of a tool.
type command struct {
	path   string
	args   []string
	stdout io.Writer
	// outputs become the file descriptors of the process from 3 on.
	outputs []*os.File
}

// run starts the tool in a process group of its own with next to no environment, and kills the whole group when ctx
// ends. An error carries the end of what the tool said.
func (c command) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.path, c.args...)
	stderr := &tail{limit: keptErrors}
	cmd.Stdout, cmd.Stderr = c.stdout, stderr
	cmd.Env = []string{"LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1"}
	cmd.SysProcAttr = processAttributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killGrace
	cmd.ExtraFiles = c.outputs
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("%s was stopped: %w", c.path, context.Cause(ctx))
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() { // a signal is somebody else's verdict
		return &toolError{tool: c.path, status: exit.Error(), said: stderr.String()}
	}
	return err
}

// ErrConversion says that ffmpeg gave up on a source. A copy may fail where transcoding (Limits.NoCopy) works.
var ErrConversion = errors.New("ffmpeg could not convert the recording")

// toolError is a tool's own refusal, as opposed to our failing to run it.
type toolError struct {
	tool, status, said string
}

func (e *toolError) Error() string {
	return fmt.Sprintf("%s ended with %s: %s", e.tool, e.status, e.said)
}

// Is makes every toolError an ErrConversion.
func (e *toolError) Is(target error) bool { return target == ErrConversion }

// tail keeps the last bytes that are written to it.
type tail struct {
	limit int
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	return string(bytes.ToValidUTF8(bytes.TrimSpace(t.kept), []byte("?")))
}
