// SPDX-License-Identifier: BSD-3-Clause
// Filters the excuses as one types; without this, the form asks the server.
const form = document.getElementById("excuse-search");
const name = form.elements.name, verdict = form.elements.verdict;
const count = document.getElementById("excuse-count");
let groups = document.getElementById("excuses");
let isWhole = location.search === "";

// A page of some of the packages gets the others first.
async function loadAll() {
  if (isWhole) return;
  const answer = await fetch(form.action);
  if (!answer.ok) return form.submit();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const all = document.adoptNode(page.getElementById("excuses"));
  groups.replaceWith(all);
  groups = all;
  isWhole = true;
}

function filterGroup(group, words) {
  const isChosen = !verdict.value || group.querySelector("h2").id === verdict.value;
  let shown = 0;
  for (const row of group.querySelectorAll("tbody tr")) {
    row.hidden = !isChosen || !row.cells[0].textContent.includes(words);
    if (!row.hidden) shown++;
  }
  group.hidden = shown === 0;
  const heading = group.querySelector("h2");
  heading.textContent = heading.textContent.replace(/\(\d+\)$/, `(${shown})`);
  return shown;
}

let runs = 0;
async function filter() {
  const run = ++runs;
  await loadAll();
  if (run !== runs) return;
  const words = name.value.trim().toLowerCase();
  let shown = 0;
  for (const group of groups.children) shown += filterGroup(group, words);
  count.textContent = shown === 1 ? "1 package." : `${shown} packages.`;
}

name.addEventListener("input", filter);
verdict.addEventListener("change", filter);
