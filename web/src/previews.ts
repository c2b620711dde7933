// SPDX-License-Identifier: Apache-2.0

/** The pictures of a recording along its length, as they stand in rows on one sheet. */
export interface Sheet {
  url: string;
  /** Seconds from one picture to the next. */
  every: number;
  count: number;
  columns: number;
  width: number;
  height: number;
}

/**
 * What a pointer over the seek bar would lead to: the time, and the picture where there are any. The slider itself says its
 * value to screen readers, so this is for eyes only.
 */
export class SeekPreview {
  private readonly box = document.createElement('div');
  private readonly frame = document.createElement('div');
  private readonly picture = document.createElement('img');
  private readonly time = document.createElement('span');

  constructor(
    private readonly bar: HTMLElement,
    private readonly seek: HTMLInputElement,
    private readonly sheet: Sheet | undefined,
    private readonly clock: (seconds: number) => string,
  ) {
    this.box.className = 'preview';
    this.box.setAttribute('aria-hidden', 'true');
    this.box.hidden = true;
    this.frame.className = 'frame';
    this.picture.alt = '';
    this.frame.hidden = true;
    this.frame.append(this.picture);
    this.box.append(this.frame, this.time);
    bar.append(this.box);
    seek.addEventListener('pointermove', (event) => this.at(event.clientX));
    seek.addEventListener('pointerdown', (event) => this.at(event.clientX));
    for (const event of ['pointerleave', 'pointercancel', 'blur']) seek.addEventListener(event, () => { this.box.hidden = true; });
    seek.addEventListener('pointerup', (event) => { this.box.hidden = event.pointerType !== 'mouse'; });
  }

  /** Shows what is at a place of the bar. The sheet is loaded when somebody first looks. */
  private at(x: number): void {
    const track = this.seek.getBoundingClientRect();
    // The middle of the slider's thumb goes from half its width to half its width before the end.
    const thumb = 16;
    const part = Math.min(1, Math.max(0, (x - track.left - thumb / 2) / (track.width - thumb)));
    const seconds = part * Number(this.seek.max);
    this.time.textContent = this.clock(seconds);
    this.box.hidden = false;
    this.show(seconds);
    const bar = this.bar.getBoundingClientRect();
    const half = this.box.offsetWidth / 2;
    const middle = Math.min(Math.max(x - bar.left, half), bar.width - half);
    this.box.style.insetInlineStart = `${getComputedStyle(this.bar).direction === 'rtl' ? bar.width - middle - half : middle - half}px`;
  }

  private show(seconds: number): void {
    const { sheet, picture, frame } = this;
    if (!sheet) return;
    if (!picture.src) {
      picture.addEventListener('load', () => { frame.hidden = false; });
      picture.addEventListener('error', () => { frame.hidden = true; });
      picture.src = sheet.url;
    }
    const index = Math.min(sheet.count - 1, Math.floor(seconds / sheet.every));
    frame.style.inlineSize = `${sheet.width}px`;
    frame.style.blockSize = `${sheet.height}px`;
    picture.style.translate = `${-(index % sheet.columns) * sheet.width}px ${-Math.floor(index / sheet.columns) * sheet.height}px`;
  }
}
