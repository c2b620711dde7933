// SPDX-License-Identifier: Apache-2.0

const interval = 2000;

interface State {
  available: boolean;
  text: string;
  percent?: number;
}

/** Follows the processing of a recording, and shows the page anew when it is done. */
export async function followProgress(element: HTMLElement): Promise<void> {
  const url = element.dataset['progress'] ?? '';
  const bar = element.querySelector('progress');
  const text = element.querySelector('[role=status]');
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, interval));
    const response = await fetch(url, { headers: { accept: 'application/json' } }).catch(() => undefined);
    if (!response) continue; // the network; it may come back
    if (!response.ok) return location.reload();
    const state = (await response.json()) as State;
    if (state.available) return location.reload();
    if (bar && state.percent !== undefined) bar.value = state.percent;
    if (text && text.textContent !== state.text) text.textContent = state.text;
  }
}
