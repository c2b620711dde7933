// SPDX-License-Identifier: Apache-2.0

/** Where in the picture the mark lies in turn, as shares of the room beside and above it. */
const places = [[0.05, 0.08], [0.95, 0.14], [0.5, 0.45], [0.08, 0.8], [0.92, 0.74]] as const;
const moveEvery = 20_000;

/** How many looks in a row may find the mark out of sight. Windows change their size, and bubbles lie over the picture for a while. */
const patience = 8;

/** The least share of the picture that the words take. As they are drawn it is three times as much. */
const leastShare = 0.0015;

/**
 * Draws over the picture who watches, and when, and moves it about. Playing stops when the mark is removed or changed, or cannot be seen
 * wherever it goes. How it looks exactly counts for nothing, because people's settings and extensions change that. It deters: whoever
 * changes this script, or points a camera at the screen, is not stopped.
 */
export class Watermark {
  private readonly element = document.createElement('div');
  private readonly words = document.createTextNode('');
  /** What was in the page when the mark was made. What came later, and is opaque, must not lie over it. */
  private readonly known: WeakSet<Element>;
  private said = '';
  private moved = 0;
  private turn = 0;
  private doubts = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly video: HTMLVideoElement,
    private readonly identity: string,
    private readonly tampered: () => void,
  ) {
    this.element.className = 'watermark';
    this.element.setAttribute('aria-hidden', 'true');
    this.element.translate = false; // a translation replaces the words
    this.element.append(this.words);
    // The mark takes clicks, so that the browser can tell what lies over it, and passes them on.
    this.element.addEventListener('click', this.click);
    root.append(this.element);
    this.known = new WeakSet(document.querySelectorAll('*'));
    // What shows the video alone shows it without what lies over it. Full screen is the whole player.
    video.disablePictureInPicture = true;
    video.disableRemotePlayback = true;
    this.move();
    // As often as the picture tells how far it is: there is no timer that could be stopped instead.
    video.addEventListener('timeupdate', this.look);
  }

  remove(): void {
    this.video.removeEventListener('timeupdate', this.look);
    this.element.remove();
  }

  private readonly click = (): void => this.video.click();

  private readonly look = (): void => {
    if (Date.now() - this.moved > moveEvery) this.move();
    this.settle();
    if (!this.isThere() || this.isAlone()) return this.stop();
    if (document.hidden || this.isSeen()) {
      this.doubts = Math.max(0, this.doubts - 0.1); // what hides it between two looks adds up all the same
      return;
    }
    this.doubts += 1;
    if (this.doubts > patience) return this.stop();
    this.move();
  };

  private stop(): void {
    this.remove();
    this.tampered();
  }

  private move(): void {
    this.turn = (this.turn + 1) % places.length;
    this.moved = Date.now();
    this.said = this.words.data = `${this.identity} · ${new Date().toLocaleString(document.documentElement.lang)}`;
    this.settle();
  }

  /** Lays the mark where it belongs, in the picture and not in the bars beside it, however large the picture is by now. */
  private settle(): void {
    const { offsetWidth: width, offsetHeight: height, videoWidth, videoHeight } = this.video;
    const scale = Math.min(width / (videoWidth || width || 1), height / (videoHeight || height || 1));
    const [across, down] = places[this.turn] ?? places[0];
    const lay = (room: number, picture: number, mark: number, share: number) => `${(room - picture) / 2 + Math.max(0, picture - mark) * share}px`;
    this.element.style.left = lay(width, (videoWidth || width) * scale, this.element.offsetWidth, across);
    this.element.style.top = lay(height, (videoHeight || height) * scale, this.element.offsetHeight, down);
  }

  private isThere(): boolean {
    return this.root.isConnected && this.video.parentNode === this.root && this.element.parentNode === this.root
      && this.words.parentNode === this.element && this.words.data === this.said;
  }

  private isAlone(): boolean {
    const full = document.fullscreenElement;
    return document.pictureInPictureElement === this.video || (full !== null && !full.contains(this.element));
  }

  private isSeen(): boolean {
    const picture = this.video.getBoundingClientRect();
    const words = common(this.wordsBox(), common(this.element.getBoundingClientRect(), picture));
    return area(words) >= leastShare * area(picture) && isOpaqueEnough(this.element) && !this.isUnder(words) && !this.isCovered(words);
  }

  private wordsBox(): DOMRect {
    const range = document.createRange();
    range.selectNodeContents(this.words);
    return range.getBoundingClientRect();
  }

  /** Whether the video lies above the mark, as far as they are in the window, or the mark has been put out of reach. */
  private isUnder(words: DOMRect): boolean {
    return [0.2, 0.5, 0.8].every((share) => {
      const stack = document.elementsFromPoint(words.left + share * words.width, words.top + words.height / 2);
      const [mark, video] = [stack.indexOf(this.element), stack.indexOf(this.video)];
      return video >= 0 && (mark < 0 || video < mark);
    });
  }

  /** Whether something opaque that came later lies over the mark, also where it takes no clicks. */
  private isCovered(words: DOMRect): boolean {
    const later = [...document.querySelectorAll('*')].filter((element) => !this.known.has(element));
    return later.some((element) => hides(element, words))
      || [...ancestors(this.element), ...this.root.querySelectorAll('*')].some((element) => drawsOver(element, words));
  }
}

/** Nothing from the mark up to the page makes what is in it vanish. */
function isOpaqueEnough(mark: Element): boolean {
  const own = getComputedStyle(mark);
  const around = [own, ...ancestors(mark).map((element) => getComputedStyle(element))];
  return own.visibility === 'visible' && own.mixBlendMode === 'normal' && alpha(own.webkitTextFillColor) >= 0.3
    && around.reduce((share, style) => share * Number(style.opacity), 1) >= 0.6
    && around.every((style) => [style.clipPath, style.maskImage].every((value) => (value ?? 'none') === 'none')
      && style.contentVisibility !== 'hidden' && !/opacity|blur|url/.test(style.filter));
}

function hides(element: Element, words: DOMRect): boolean {
  const style = getComputedStyle(element);
  return area(common(element.getBoundingClientRect(), words)) > 0.6 * area(words) && style.visibility === 'visible' && Number(style.opacity) > 0.5
    && (isOpaque(style) || element.matches('canvas, img, video, iframe, svg, object, embed'));
}

/** Whether an element has something painted before or after it that lies over others. None of ours has. */
function drawsOver(element: Element, words: DOMRect): boolean {
  return ['::before', '::after'].some((name) => {
    const style = getComputedStyle(element, name);
    return ['absolute', 'fixed'].includes(style.position) && !['none', 'normal'].includes(style.content) && isOpaque(style)
      && parseFloat(style.width) * parseFloat(style.height) > 0.6 * area(words);
  });
}

function isOpaque(style: CSSStyleDeclaration): boolean {
  return style.backgroundImage !== 'none' || (style.backdropFilter ?? 'none') !== 'none' || alpha(style.backgroundColor) > 0.5;
}

/** How opaque a computed colour is: 0.5 of rgba(0, 0, 0, 0.5), 1 of rgb(0, 0, 0). */
function alpha(color: string): number {
  const found = /^rgba\(.*,\s*([\d.]+)\)$|\/\s*([\d.]+)\)$/.exec(color);
  return found ? Number(found[1] ?? found[2]) : 1;
}

function ancestors(element: Element): Element[] {
  return element.parentElement ? [element.parentElement, ...ancestors(element.parentElement)] : [];
}

function common(a: DOMRect, b: DOMRect): DOMRect {
  const [left, top] = [Math.max(a.left, b.left), Math.max(a.top, b.top)];
  return new DOMRect(left, top, Math.max(0, Math.min(a.right, b.right) - left), Math.max(0, Math.min(a.bottom, b.bottom) - top));
}

function area({ width, height }: DOMRect): number {
  return width * height;
}
