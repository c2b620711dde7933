// SPDX-License-Identifier: Apache-2.0

const places = ['top-start', 'top-end', 'middle', 'bottom-start', 'bottom-end'];
const moveEvery = 20_000;
const checkEvery = 400;

/** What of its style the mark must keep: what else changes with the size of the window. */
const kept = [
  'display', 'visibility', 'opacity', 'color', 'textShadow', 'position', 'zIndex', 'clipPath', 'filter', 'transform', 'translate', 'scale', 'rotate',
  'mixBlendMode', 'maskImage', 'contentVisibility', 'textIndent', 'letterSpacing', 'pointerEvents',
] as const;

/** What can hide everything that is inside an element. */
const hiding = ['opacity', 'visibility', 'filter', 'clipPath', 'maskImage', 'contentVisibility', 'mixBlendMode'] as const;

type Looks = Record<string, string>;

/**
 * Draws over the picture who watches, and when, and moves it about. Playing stops for good when the mark is removed, hidden, covered or
 * changed. It deters: whoever changes this script, or points a camera at the screen, is not stopped.
 */
export class Watermark {
  private readonly element = document.createElement('div');
  private readonly words = document.createTextNode('');
  private readonly timers: number[] = [];
  private readonly observer = new MutationObserver((changes) => this.changed(changes));
  /** Everything that was in the page when the mark was made: what came later must not lie over it. */
  private readonly known: WeakSet<Element>;
  private readonly looks: Looks;
  private readonly around: Map<Element, Looks>;
  private readonly styles: string;
  private place = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly video: HTMLVideoElement,
    private readonly identity: string,
    private readonly tampered: () => void,
  ) {
    this.element.className = 'watermark';
    this.element.setAttribute('aria-hidden', 'true');
    this.element.append(this.words);
    // The mark takes clicks, so that the browser can tell what lies over it, and passes them on.
    this.element.addEventListener('click', () => video.click());
    root.append(this.element);
    this.move();
    this.known = new WeakSet(document.querySelectorAll('*'));
    this.looks = looksOf(this.element, kept);
    this.around = new Map(ancestors(this.element).map((element) => [element, looksOf(element, hiding)]));
    this.styles = styleSheets();
    this.timers.push(window.setInterval(() => this.move(), moveEvery), window.setInterval(() => this.check(), checkEvery));
    this.observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['style', 'class', 'hidden', 'popover'] });
    // A picture in picture is the video alone, without what lies over it. Full screen is the whole player.
    video.disablePictureInPicture = true;
    video.addEventListener('enterpictureinpicture', this.stopped);
  }

  remove(): void {
    this.timers.forEach((timer) => window.clearInterval(timer));
    this.observer.disconnect();
    this.video.removeEventListener('enterpictureinpicture', this.stopped);
    this.element.remove();
  }

  private readonly stopped = (): void => {
    this.remove();
    this.tampered();
  };

  private move(): void {
    this.place = (this.place + 1) % places.length;
    this.element.dataset['place'] = places[this.place];
    this.words.data = `${this.identity} · ${new Date().toLocaleString(document.documentElement.lang)}`;
  }

  /** Looks at once where something was changed that concerns the mark. */
  private changed(changes: MutationRecord[]): void {
    const touched = changes.some(({ type, target }) => type === 'attributes' && target === this.element);
    if (touched) this.stopped();
    else this.check();
  }

  private check(): void {
    if (!this.intact()) this.stopped();
  }

  private intact(): boolean {
    return this.isThere() && this.looksRight() && this.isBigEnough() && !this.isCovered()
      && (document.fullscreenElement === null || document.fullscreenElement.contains(this.element));
  }

  private isThere(): boolean {
    return this.element.parentNode === this.root && this.root.contains(this.video) && this.root.isConnected
      && this.words.parentNode === this.element && this.words.data.startsWith(this.identity);
  }

  private looksRight(): boolean {
    return same(this.looks, looksOf(this.element, kept)) && styleSheets() === this.styles
      && [...this.around].every(([element, looks]) => element.isConnected && same(looks, looksOf(element, hiding)));
  }

  /** It has a size that can be read, and lies within the picture. */
  private isBigEnough(): boolean {
    const mark = this.element.getBoundingClientRect();
    const picture = this.video.getBoundingClientRect();
    return mark.width >= 40 && mark.height >= 10 && parseFloat(getComputedStyle(this.element).fontSize) >= 9
      && overlap(mark, picture) > 0.6 * mark.width * mark.height;
  }

  private isCovered(): boolean {
    const mark = this.element.getBoundingClientRect();
    return this.isUnder(mark) || [...document.querySelectorAll('*')].some((element) => !this.known.has(element) && this.liesOver(element, mark));
  }

  /** Asks the browser what is to be seen at three places of the mark, as far as they are in the window. */
  private isUnder(mark: DOMRect): boolean {
    return [0.2, 0.5, 0.8].some((share) => {
      const over = document.elementFromPoint(mark.left + share * mark.width, mark.top + mark.height / 2);
      return over !== null && over !== this.element && (over === this.video || over === this.root || !this.known.has(over));
    });
  }

  /** Whether something that came later lies over the mark, also where it takes no clicks. */
  private liesOver(element: Element, mark: DOMRect): boolean {
    return overlap(element.getBoundingClientRect(), mark) > 0 && getComputedStyle(element).visibility === 'visible';
  }
}

function looksOf(element: Element, names: readonly string[]): Looks {
  const style = getComputedStyle(element) as unknown as Looks;
  return Object.fromEntries(names.map((name) => [name, style[name] ?? '']));
}

function same(a: Looks, b: Looks): boolean {
  return Object.keys(a).every((name) => a[name] === b[name]);
}

function ancestors(element: Element): Element[] {
  return element.parentElement ? [element.parentElement, ...ancestors(element.parentElement)] : [];
}

/** How many rules there are: a rule that is added can draw over the mark without any element. */
function styleSheets(): string {
  const rules = [...document.styleSheets].map((sheet) => `${sheet.disabled}${sheet.cssRules.length}`);
  return [...rules, document.adoptedStyleSheets.length].join();
}

function overlap(a: DOMRect, b: DOMRect): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return Math.max(width, 0) * Math.max(height, 0);
}
