// SPDX-License-Identifier: Apache-2.0

import type { Captions } from './captions';
import { SeekPreview, type Sheet } from './previews';

/** What the controls are called, as the page says it in the reader's language. */
type Words = Record<string, string>;

const speeds = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const hideAfter = 3000;

/**
 * The controls over the picture: buttons, two sliders and a list, all of them native, so that keyboards and screen readers know
 * them. Full screen shows the whole player and not the video alone, so that a watermark stays where it is.
 */
export class Controls {
  private readonly bar = document.createElement('div');
  private readonly play: HTMLButtonElement;
  private readonly mute: HTMLButtonElement;
  private readonly captions: HTMLButtonElement;
  private readonly captionsIn = document.createElement('select');
  private readonly seek: HTMLInputElement;
  private readonly volume: HTMLInputElement;
  private readonly clock = document.createElement('span');
  private readonly speed = document.createElement('select');
  private readonly speeds: number[];
  private hiding: number | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly video: HTMLVideoElement,
    private readonly words: Words,
    maxSpeed: number,
    sheet: Sheet | undefined,
    private readonly texts: Captions,
  ) {
    this.speeds = speeds.filter((speed) => speed <= maxSpeed);
    this.bar.className = 'controls';
    this.play = this.button('play', () => this.toggle());
    this.seek = this.slider('seek', '1', (value) => { video.currentTime = value; });
    this.seek.classList.add('seek');
    this.clock.className = 'clock';
    this.mute = this.button('mute', () => { video.muted = !video.muted; });
    this.volume = this.slider('volume', '0.05', (value) => { video.volume = value; video.muted = value === 0; });
    this.volume.max = '1';
    this.captions = this.button('captions', () => texts.toggle());
    this.addLanguages();
    this.addSpeeds();
    const full = this.button('fullscreen', () => void this.toggleFullscreen());
    full.hidden = !document.fullscreenEnabled;
    this.bar.append(this.seek, this.play, this.clock, this.mute, this.volume, this.speed, this.captions, this.captionsIn, full);
    new SeekPreview(this.bar, this.seek, sheet, clockTime);
    root.append(this.bar);
    // Somebody who waits sees that something comes.
    for (const event of ['waiting', 'stalled', 'seeking']) video.addEventListener(event, () => this.waits(video.readyState < video.HAVE_FUTURE_DATA));
    for (const event of ['playing', 'canplay', 'seeked', 'error', 'emptied']) video.addEventListener(event, () => this.waits(false));
    for (const event of ['play', 'pause', 'timeupdate', 'durationchange', 'volumechange', 'ratechange', 'progress', 'seeking']) {
      video.addEventListener(event, () => this.show());
    }
    for (const event of ['addtrack', 'change']) video.textTracks.addEventListener(event, () => this.show());
    video.addEventListener('click', () => this.toggle());
    root.addEventListener('keydown', (event) => this.key(event));
    for (const event of ['pointermove', 'pointerdown', 'focusin', 'keydown']) root.addEventListener(event, () => this.awake());
    video.addEventListener('pause', () => this.awake());
    this.show();
    this.awake();
    this.play.focus();
  }

  remove(): void {
    window.clearTimeout(this.hiding);
    this.root.classList.remove('idle');
    this.waits(false);
    this.bar.remove();
  }

  private button(name: string, action: () => void): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = `control ${name}`;
    button.addEventListener('click', action);
    this.label(button, name);
    return button;
  }

  private label(element: HTMLElement, name: string): void {
    const text = this.words[name] ?? name;
    if (element.getAttribute('aria-label') === text) return;
    element.setAttribute('aria-label', text);
    element.title = text;
  }

  private slider(name: string, step: string, action: (value: number) => void): HTMLInputElement {
    const input = document.createElement('input');
    input.type = 'range';
    input.min = '0';
    input.step = step;
    input.className = name;
    input.addEventListener('input', () => action(Number(input.value)));
    this.label(input, name);
    return input;
  }

  private addSpeeds(): void {
    this.label(this.speed, 'speed');
    for (const speed of this.speeds) this.speed.append(new Option(`${speed}×`, String(speed), speed === 1, speed === 1));
    this.speed.addEventListener('change', () => { this.video.playbackRate = Number(this.speed.value); });
  }

  private addLanguages(): void {
    this.label(this.captionsIn, 'captionsIn');
    this.texts.labels.forEach((label, i) => this.captionsIn.append(new Option(label, String(i))));
    this.captionsIn.addEventListener('change', () => this.texts.choose(Number(this.captionsIn.value)));
  }

  private toggle(): void {
    if (this.video.paused) void this.video.play().catch(() => undefined);
    else this.video.pause();
  }

  private async toggleFullscreen(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this.root.requestFullscreen().catch(() => undefined);
  }

  /** Shows what is so: nothing is kept here that the video does not know itself. */
  private show(): void {
    const { video } = this;
    const length = Number.isFinite(video.duration) ? video.duration : 0;
    this.label(this.play, video.paused ? 'play' : 'pause');
    this.play.classList.toggle('playing', !video.paused);
    this.label(this.mute, video.muted ? 'unmute' : 'mute');
    this.mute.classList.toggle('muted', video.muted);
    this.volume.value = String(video.muted ? 0 : video.volume);
    this.seek.max = String(Math.floor(length));
    this.seek.value = String(Math.floor(video.currentTime));
    const text = `${clockTime(video.currentTime)} / ${clockTime(length)}`;
    this.clock.textContent = text;
    this.seek.setAttribute('aria-valuetext', text);
    this.speed.value = String(video.playbackRate);
    const { labels, shown } = this.texts;
    this.captions.hidden = labels.length === 0;
    this.captions.setAttribute('aria-pressed', String(shown >= 0));
    this.captionsIn.hidden = labels.length < 2 || shown < 0;
    this.captionsIn.value = String(shown);
  }

  /** The keys that people know from other players. Sliders and lists keep their own. */
  private key(event: KeyboardEvent): void {
    const onControl = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement || event.target instanceof HTMLButtonElement;
    if (event.ctrlKey || event.metaKey || event.altKey || (onControl && [' ', 'Enter', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].includes(event.key) && !(event.target instanceof HTMLButtonElement && event.key.startsWith('Arrow')))) return;
    const action = this.actions()[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  private actions(): Record<string, () => void> {
    const { video } = this;
    const by = (seconds: number) => () => { video.currentTime = Math.max(0, Math.min(video.duration || 0, video.currentTime + seconds)); };
    const louder = (by: number) => () => { video.volume = Math.max(0, Math.min(1, video.volume + by)); video.muted = false; };
    const faster = (by: number) => () => { video.playbackRate = this.speeds[Math.max(0, Math.min(this.speeds.length - 1, this.speeds.indexOf(video.playbackRate) + by))] ?? 1; };
    return {
      ' ': () => this.toggle(), k: () => this.toggle(), j: by(-10), l: by(10), ArrowLeft: by(-5), ArrowRight: by(5),
      ArrowUp: louder(0.1), ArrowDown: louder(-0.1), m: () => { video.muted = !video.muted; }, f: () => void this.toggleFullscreen(),
      c: () => this.texts.toggle(), '<': faster(-1), '>': faster(1), Home: () => { video.currentTime = 0; },
    };
  }

  /** Says that the picture is on its way, to screen readers too. */
  private waits(so: boolean): void {
    this.root.classList.toggle('waiting', so);
    this.video.setAttribute('aria-busy', String(so));
  }

  /** The controls go while nobody needs them, and never while the keyboard is on one of them. */
  private awake(): void {
    this.root.classList.remove('idle');
    window.clearTimeout(this.hiding);
    this.hiding = window.setTimeout(() => {
      if (!this.video.paused && !this.bar.querySelector(':focus-visible')) this.root.classList.add('idle');
    }, hideAfter);
  }
}

function clockTime(seconds: number): string {
  const whole = Math.floor(seconds);
  const pad = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}
