// SPDX-License-Identifier: BSD-3-Clause
//
// Keeps the lists of jobs of a page up to date: whenever a job changes, the page is asked for again, and its lists are replaced.

const PAUSE_MS = 1000; // between two questions
const LISTS = '[data-live]';

let isDue = false, isBusy = false;

// The keyboard's focus stays on the same link.
function replace(list, other) {
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
  list.replaceWith(other);
  if (focused) [...other.querySelectorAll('a')].find((link) => link.getAttribute('href') === focused)?.focus();
}

async function update() {
  isDue = true;
  if (isBusy) return;
  isBusy = true;
  while (isDue) {
    isDue = false;
    try {
      const answer = await fetch(location.href, { cache: 'no-store' });
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const list of document.querySelectorAll(LISTS)) {
        const other = answer.ok && page.getElementById(list.id);
        if (other && other.outerHTML !== list.outerHTML) replace(list, other);
      }
    } catch {
      // the next event asks again
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  isBusy = false;
}

if (document.querySelector(LISTS)) {
  const source = new EventSource('/api/v1/jobs/events?kinds=all');
  for (const name of ['job', 'reset']) source.addEventListener(name, update);
}
