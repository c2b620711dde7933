// SPDX-License-Identifier: Apache-2.0

const places = ['top-start', 'top-end', 'middle', 'bottom-start', 'bottom-end'];
const interval = 20_000;

/**
 * Draws over the picture who watches, and when, and moves it about. Whoever removes it by the browser's tools stops the
 * playback; it deters, it does not stop a camera.
 */
export class Watermark {
  private readonly element = document.createElement('div');
  private place = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly video: HTMLVideoElement,
    private readonly identity: string,
  ) {
    this.element.className = 'watermark';
    this.element.setAttribute('aria-hidden', 'true');
    root.append(this.element);
    this.move();
    setInterval(() => this.move(), interval);
    video.addEventListener('timeupdate', () => this.check());
    // A picture in picture is the video alone, without what lies over it. Full screen is the whole player.
    video.disablePictureInPicture = true;
  }

  private move(): void {
    this.place = (this.place + 1) % places.length;
    this.element.dataset['place'] = places[this.place];
    this.element.textContent = `${this.identity} · ${new Date().toLocaleString(document.documentElement.lang)}`;
  }

  private check(): void {
    const style = getComputedStyle(this.element);
    const shown = this.root.contains(this.element) && this.element.textContent?.includes(this.identity)
      && style.display !== 'none' && style.visibility === 'visible' && Number(style.opacity) > 0.1;
    if (!shown || document.fullscreenElement === this.video) this.video.pause();
  }
}
