// SPDX-License-Identifier: BSD-3-Clause
//
// Shows the packages that match as one types: takes the list (#packages) out of the page that the form leads to. On that page the
// address follows, so that a reload or a link shows the same; on others the list appears below the form, a few packages only.
const WAIT_MS = 150;
const FEW = 10;

const form = document.querySelector('form.search');
const input = form.elements.search;
const isOnList = location.pathname === '/packages';
const status = Object.assign(document.createElement('p'), { className: 'heard' });
status.setAttribute('role', 'status'); // announced when its text changes
form.after(status);

let list = document.getElementById('packages');
if (!list) {
  list = Object.assign(document.createElement('div'), { id: 'packages' });
  status.after(list);
}

function wantedAddress() {
  const address = new URL('/packages', location.href);
  for (const [name, value] of new FormData(form)) if (value.trim() !== '') address.searchParams.set(name, value);
  return address;
}

let timer, asking;

async function show() {
  const address = wantedAddress();
  asking?.abort();
  if (!isOnList && !address.searchParams.has('search')) {
    list.replaceChildren();
    status.textContent = '';
    return;
  }
  const own = (asking = new AbortController());
  const source = new URL(address);
  if (!isOnList) source.searchParams.set('limit', FEW);
  try {
    const response = await fetch(source, { signal: own.signal });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    if (own !== asking) return;
    const found = page.getElementById('packages');
    const sentence = page.querySelector('main > p')?.textContent ?? 'The search did not work.';
    if (found) {
      list.replaceChildren(...found.childNodes);
      if (isOnList) history.replaceState(null, '', address);
    } else {
      list.replaceChildren(Object.assign(document.createElement('p'), { textContent: sentence }));
    }
    status.textContent = list.querySelector('p')?.textContent ?? '';
  } catch (error) {
    if (own === asking && error.name !== 'AbortError') status.textContent = 'The registry cannot be reached.';
  }
}

function showSoon() {
  clearTimeout(timer);
  timer = setTimeout(show, WAIT_MS);
}

input.addEventListener('input', showSoon);
form.elements.sort?.addEventListener('change', showSoon);
form.addEventListener('submit', (event) => {
  if (!isOnList) return; // a page of its own
  event.preventDefault();
  clearTimeout(timer);
  show();
});
