// SPDX-License-Identifier: Apache-2.0

/** What is said in a recording, as text in one language. */
export interface CaptionTrack {
  url: string;
  /** BCP 47, und where nobody knows. */
  language: string;
  /** What the recording calls it; empty for nothing. */
  title: string;
}

const remembered = 'captions';
const none = 'off';
const loaded = 2;

/**
 * The captions of a video, as tracks of its own: the browser loads one when it is shown. Which, or none, is what the person chose last
 * in this browser; until they choose, it is what the browser itself is set to.
 */
export class Captions {
  private readonly tracks: HTMLTrackElement[];

  constructor(video: HTMLVideoElement, list: CaptionTrack[], unknown: string) {
    this.tracks = list.map(({ url, language, title }) => {
      const track = document.createElement('track');
      track.kind = 'captions';
      track.srclang = language;
      track.label = title || nameOf(language) || unknown;
      track.src = url;
      return track;
    });
    video.append(...this.tracks);
    const last = recall();
    if (last === none) this.show(-1);
    else if (last !== null) this.show(this.tracks.findIndex((track) => track.srclang === last));
  }

  get labels(): string[] {
    return this.tracks.map((track) => track.label);
  }

  /** Which is shown, -1 for none. */
  get shown(): number {
    return this.tracks.findIndex(({ track }) => track.mode === 'showing');
  }

  choose(index: number): void {
    this.show(index);
    remember(this.tracks[index]?.srclang ?? none);
  }

  toggle(): void {
    if (this.tracks.length > 0) this.choose(this.shown < 0 ? this.usual() : -1);
  }

  /** What has not been loaded yet is loaded by the new view. */
  renew(list: CaptionTrack[]): void {
    this.tracks.forEach((track, i) => {
      const url = list[i]?.url;
      if (url && track.readyState !== loaded) track.src = url;
    });
  }

  remove(): void {
    this.tracks.splice(0).forEach((track) => track.remove());
  }

  private show(index: number): void {
    this.tracks.forEach(({ track }, i) => { track.mode = i === index ? 'showing' : 'disabled'; });
  }

  /** The captions in the language of the page, else the first. */
  private usual(): number {
    const page = primary(document.documentElement.lang);
    return Math.max(0, this.tracks.findIndex((track) => primary(track.srclang) === page));
  }
}

const primary = (language: string) => language.split('-')[0];

/** What a language is called in that of the page; empty for one that has no name. */
function nameOf(language: string): string {
  if (language === 'und') return '';
  try {
    return new Intl.DisplayNames([document.documentElement.lang], { type: 'language', fallback: 'none' }).of(language) ?? '';
  } catch {
    return ''; // a tag that is private use alone
  }
}

/** What was chosen last; null where nothing was, or the browser keeps nothing. */
function recall(): string | null {
  try {
    return window.localStorage.getItem(remembered);
  } catch {
    return null;
  }
}

function remember(choice: string): void {
  try {
    window.localStorage.setItem(remembered, choice);
  } catch {
    // The browser keeps nothing; then the choice holds for this page.
  }
}
