// SPDX-License-Identifier: BSD-3-Clause
//
// The page of a job (services/gateway/web/job_page.c) follows it: whenever the job's events tell of something new, the page is
// asked for once more, after the last line that is shown, and its lines are added. Earlier and later lines and other selections
// come in the same way. Without this script all of that are links and a form.

const MOST_LINES = 5000; // in the page while it is followed; earlier ones leave it, and come back by the link
const WHOLE_PART = 500; // lines of an answer that has no room for more (LOG_PART_LINES)
const RETRY_MS = 3000;

const id = location.pathname.split('/').at(-1);
const find = (selector, within = document) => within.querySelector(selector);
const lines = (within = document) => find('#log ol.log', within);
const isRunning = () => ['pending', 'running'].includes(find('#job').dataset.state);
const isAtEnd = () => !find('#log a.after[data-more]');

let isFollowing = false;
let followButton;

async function get(parameters) {
  const answer = await fetch(`${location.pathname}?${parameters}`, { cache: 'no-store' });
  if (!answer.ok) throw new Error(`The page is answered by ${answer.status}.`);
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

// The level and the text that were chosen last.
function selection() {
  const chosen = new URLSearchParams(location.search), kept = new URLSearchParams();
  for (const name of ['level', 'search']) if (chosen.get(name)) kept.set(name, chosen.get(name));
  return kept;
}

function scrollToEnd() { lines().scrollTop = lines().scrollHeight; }

function setFollowing(value) {
  isFollowing = value;
  followButton.setAttribute('aria-pressed', value);
  if (value) scrollToEnd();
}

// Puts the page's element in place of ours, unless they are the same.
function replace(selector, page) {
  const here = find(selector), there = find(selector, page);
  if (here && there && here.outerHTML !== there.outerHTML) here.replaceWith(there);
}

function replaceLink(name, page) {
  const here = find(`#log p:has(> a.${name})`), there = find(`#log p:has(> a.${name})`, page);
  if (here && there) here.replaceWith(there);
  else if (here) here.remove();
  else if (there && name === 'before') lines().before(there);
  else if (there) lines().after(there);
}

function addLater(page) {
  const added = [...lines(page).children];
  if (added.length > 0) find('#log .empty')?.remove();
  lines().append(...added);
  replaceLink('after', page);
  if (isFollowing) {
    while (lines().childElementCount > MOST_LINES) lines().firstElementChild.remove();
    scrollToEnd();
  }
  return added.length;
}

function addEarlier(page) {
  const list = lines(), height = list.scrollHeight;
  list.prepend(...lines(page).children);
  list.scrollTop += list.scrollHeight - height;
  replaceLink('before', page);
}

// ---- Following ----

let isBusy = false, isDue = false;

async function update() {
  isDue = true;
  if (isBusy) return;
  isBusy = true;
  try {
    while (isDue) {
      isDue = false;
      const parameters = selection(), last = lines().lastElementChild;
      if (last) parameters.set('after', last.id);
      const page = await get(parameters);
      replace('#job', page);
      replace('#about', page);
      replace('h1', page);
      if (isAtEnd()) isDue = addLater(page) >= WHOLE_PART || isDue;
    }
  } catch {
    setTimeout(update, RETRY_MS);
  } finally {
    isBusy = false;
  }
}

function listen() {
  const last = lines().lastElementChild;
  const source = new EventSource(`/api/v1/jobs/${id}/events?level=DEBUG${last ? `&after=${last.id}` : ''}`);
  for (const name of ['log', 'job', 'end']) source.addEventListener(name, update);
  source.addEventListener('end', () => source.close());
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED && isRunning()) setTimeout(listen, RETRY_MS);
  });
}

// ---- Controls ----

function addButton(text, isPressed, pressed) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = text;
  button.setAttribute('aria-pressed', isPressed);
  button.addEventListener('click', () => pressed(button));
  find('#log form').append(button);
  return button;
}

function addControls() {
  followButton = addButton('Follow', false, () => setFollowing(!isFollowing));
  addButton('Times', true, (button) => {
    const isHidden = lines().classList.toggle('without-times');
    button.setAttribute('aria-pressed', !isHidden);
  });
  lines().addEventListener('scroll', () => {
    const list = lines(), isEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    if (isFollowing && !isEnd) setFollowing(false);
  });
}

async function select(form) {
  const parameters = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) parameters.set(name, value);
  const page = await get(parameters), list = lines();
  history.replaceState(null, '', `?${parameters}`);
  list.replaceChildren(...lines(page).children);
  find('#log .empty')?.remove();
  const empty = find('#log .empty', page);
  if (empty) list.after(empty);
  for (const name of ['before', 'after']) replaceLink(name, page);
  scrollToEnd();
}

// A failed request leaves the browser to follow the link, or to send the form.
document.addEventListener('click', (event) => {
  const link = event.target.closest('#log a.before, #log a.after');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  get(new URL(link.href).searchParams).then(link.classList.contains('before') ? addEarlier : addLater,
    () => { location.href = link.href; });
});

addControls();
find('#log form').addEventListener('submit', (event) => {
  event.preventDefault();
  select(event.target).catch(() => event.target.submit());
});
find('#log select').addEventListener('change', (event) => event.target.form.requestSubmit());
if (!location.hash) scrollToEnd();
if (isRunning()) {
  setFollowing(!location.hash && isAtEnd());
  listen();
}
