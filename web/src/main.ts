// SPDX-License-Identifier: Apache-2.0

import { localiseTimes } from './times';

localiseTimes(document);

const copies = document.querySelectorAll<HTMLButtonElement>('[data-copy]');
if (copies.length > 0) {
  void import('./copy').then(({ offerToCopy }) => copies.forEach(offerToCopy));
}

const player = document.querySelector<HTMLElement>('[data-player]');
if (player) {
  // The player's code is the bulk of all script; pages without a player do not load it.
  void import('./player').then(({ Player }) => new Player(player));
}

const progress = document.querySelector<HTMLElement>('[data-progress]');
if (progress) {
  void import('./progress').then(({ followProgress }) => followProgress(progress));
}
