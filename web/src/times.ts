// SPDX-License-Identifier: Apache-2.0

/** Shows the times of a page, which the server writes in UTC, in the reader's own language and time zone. */
export function localiseTimes(root: ParentNode): void {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'long', timeStyle: 'short' });
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium' });
  for (const element of root.querySelectorAll<HTMLTimeElement>('time[datetime]')) {
    const time = new Date(element.dateTime);
    if (!Number.isNaN(time.getTime())) element.textContent = ('date' in element.dataset ? day : format).format(time);
  }
}
