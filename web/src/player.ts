// SPDX-License-Identifier: Apache-2.0

import Hls, { ErrorDetails, Events, type ErrorData } from 'hls.js/light';

import { Captions, type CaptionTrack } from './captions';
import { Controls } from './controls';
import type { Sheet } from './previews';
import { Watermark } from './watermark';

interface ViewSession {
  playlist: string;
  token: string;
  /** The fastest speed of watching, 1 as it was recorded. */
  maxSpeed: number;
  /** Who watches, where the picture has to carry it, and what to say when that is tampered with. */
  watermark: string;
  tampered: string;
  /** What to say when more was asked for than is given out. */
  tooMuch: string;
  /** Small pictures along the recording; null without any. */
  previews: Sheet | null;
  /** What is said, as text. */
  captions: CaptionTrack[];
}

interface Refusal {
  message?: string;
  remedy?: string;
}

/**
 * The player of a recording's page. Nothing is asked of the server before somebody presses play: that is when watching
 * starts, and is written down.
 */
export class Player {
  private readonly video: HTMLVideoElement;
  private readonly button: HTMLButtonElement;
  private readonly status: HTMLElement;
  private hls: Hls | undefined;
  private session: ViewSession | undefined;
  private controls: Controls | undefined;
  private watermark: Watermark | undefined;
  private captions: Captions | undefined;
  private renewedAt = 0;

  constructor(private readonly root: HTMLElement) {
    this.video = find(root, 'video');
    this.button = find(root, 'button');
    this.status = find(root, '[role=status]');
    this.button.disabled = false;
    this.button.addEventListener('click', () => void this.start());
  }

  private async start(): Promise<void> {
    if (!Hls.isSupported() || !window.crypto?.subtle) return this.say(this.text('unsupported'));
    this.button.disabled = true;
    if (!(await this.open())) {
      this.button.disabled = false;
      return;
    }
    this.button.hidden = true;
    const words = JSON.parse(this.root.dataset['words'] ?? '{}') as Record<string, string>;
    this.captions = new Captions(this.video, this.session?.captions ?? [], words['captions'] ?? '');
    this.controls = new Controls(this.root, this.video, words, this.session?.maxSpeed ?? 1, this.session?.previews ?? undefined, this.captions);
    this.mark();
    this.load(0);
    await this.video.play().catch(() => undefined);
  }

  /** Asks for a view session; a player that has one already asks to go on with it. */
  private async open(): Promise<boolean> {
    const response = await fetch(this.root.dataset['player'] ?? '', {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams(this.session ? { renew: this.session.token } : {}),
    }).catch(() => undefined);
    if (response?.ok) {
      this.session = (await response.json()) as ViewSession;
      this.say('');
      return true;
    }
    const refusal = (await response?.json().catch(() => undefined)) as Refusal | undefined;
    this.say([refusal?.message ?? this.text('failed'), refusal?.remedy].filter(Boolean).join(' '));
    return false;
  }

  /** Draws who watches over the picture. What the page says counts for nothing: it can be changed before anybody presses play. */
  private mark(): void {
    const { watermark, tampered } = this.session ?? {};
    this.watermark?.remove();
    this.watermark = watermark ? new Watermark(this.root, this.video, watermark, () => this.stop(tampered)) : undefined;
  }

  private load(position: number): void {
    if (!this.session) return;
    this.hls?.destroy();
    this.hls = new Hls({
      startPosition: position, enableWorker: true, backBufferLength: 60, maxBufferLength: 30, maxMaxBufferLength: 60, fragLoadPolicy: patient(),
    });
    this.hls.on(Events.ERROR, (_event, data) => void this.recover(data));
    this.hls.loadSource(this.session.playlist);
    this.hls.attachMedia(this.video);
  }

  /** View sessions end; the player then goes on with a new one, as long as the person may watch. */
  private async recover(data: ErrorData): Promise<void> {
    if (!data.fatal || !this.hls) return;
    if (data.details === ErrorDetails.BUFFER_APPEND_ERROR) return this.hls.recoverMediaError();
    const tooMuch = data.response?.code === 429 ? this.session?.tooMuch : undefined;
    const position = this.video.currentTime;
    const playing = !this.video.paused;
    this.hls.destroy();
    this.hls = undefined;
    // To go on with a new session would only stop the player that stopped this one.
    if (tooMuch) return this.stop(tooMuch);
    // A second failure at once is no matter of a session's age.
    if (Date.now() - this.renewedAt < 10_000 || !(await this.open())) return this.stop();
    this.renewedAt = Date.now();
    this.captions?.renew(this.session?.captions ?? []);
    this.load(position);
    if (playing) await this.video.play().catch(() => undefined);
  }

  private stop(why = ''): void {
    if (why) this.say(why);
    this.hls?.destroy();
    this.hls = undefined;
    this.watermark?.remove();
    this.video.pause();
    this.video.removeAttribute('src');
    this.video.load();
    this.controls?.remove();
    this.captions?.remove();
    this.button.hidden = false;
    this.button.disabled = false;
    this.session = undefined;
    if (!this.status.textContent) this.say(this.text('failed'));
  }

  private say(message: string): void {
    this.status.textContent = message;
    this.status.hidden = message === '';
  }

  private text(key: 'failed' | 'unsupported'): string {
    return this.root.dataset[key] ?? '';
  }
}

/** A segment may be refused for being asked for too early (429): it is asked for again a little later. */
function patient(): typeof Hls.DefaultConfig.fragLoadPolicy {
  const { default: usual } = Hls.DefaultConfig.fragLoadPolicy;
  const { errorRetry } = usual;
  return {
    default: {
      ...usual,
      errorRetry: errorRetry && {
        ...errorRetry,
        shouldRetry: (config, count, _isTimeout, response, retry) => retry || (response?.code === 429 && !!config && count < config.maxNumRetry),
      },
    },
  };
}

function find<T extends HTMLElement>(root: HTMLElement, selector: string): T {
  const element = root.querySelector<T>(selector);
  if (!element) throw new Error(`the player has no ${selector}`);
  return element;
}
