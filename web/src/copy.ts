// SPDX-License-Identifier: Apache-2.0

/** Lets a button put the value of a field into the clipboard, and say so. Without script, or a clipboard, it stays hidden. */
export function offerToCopy(button: HTMLButtonElement): void {
  const field = document.getElementById(button.dataset['copy'] ?? '');
  // The clipboard is not there where the page came by http.
  if (!(field instanceof HTMLInputElement) || !('clipboard' in navigator)) return;
  button.setAttribute('aria-live', 'polite');
  button.hidden = false;
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(field.value).then(
      () => { button.textContent = button.dataset['copied'] ?? ''; },
      () => { field.select(); },
    );
  });
}
