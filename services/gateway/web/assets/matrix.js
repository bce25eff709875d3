// SPDX-License-Identifier: BSD-3-Clause
//
// The map of /matrix: the whole build matrix on one canvas, a row for each version and a column for each compiler. It follows the
// form of the page, whose values are in the address, and has a cursor that is moved by pointer or arrow keys.

const form = document.getElementById('filters');
const map = document.getElementById('map');
const given = new URLSearchParams(location.search);

// ---- The data: see GET /api/v1/matrix ----

async function load() {
  const answer = await fetch(map.dataset.source);
  if (!answer.ok) throw new Error(`The matrix is answered ${answer.status}.`);
  const file = await answer.json();
  const packages = file.names.map((name, i) => {
    const cells = file.cells[i].split(' ');
    const versions = file.versions[i].split(' ').map((version, j) => ({ name, version, cells: cells[j] }));
    return { name, dependants: file.dependants[i], versions };
  });
  return { compilers: file.compilers, states: file.states, packages };
}

// ---- Which rows ----

const values = () => Object.fromEntries(new FormData(form));

function chosenRows(data, filter) {
  const compiler = data.compilers.indexOf(filter.compiler), than = data.compilers.indexOf(filter.than);
  const state = String(data.states.indexOf(filter.state)), succeeded = String(data.states.indexOf('succeeded'));
  const wants = ({ cells }) => {
    if (than >= 0 && cells[than] === cells[compiler]) return false;
    if (filter.state === 'not_succeeded') return cells[compiler] !== succeeded;
    return filter.state === 'any' || cells[compiler] === state;
  };
  const packages = data.packages.filter(({ name }) => name.includes(filter.name));
  if (filter.order === 'dependants') packages.sort((a, b) => b.dependants - a.dependants || (a.name < b.name ? -1 : 1));
  return packages.flatMap(({ versions }) => (filter.versions === 'all' ? versions : versions.slice(0, 1)).filter(wants));
}

// ---- The place of each cell ----

const GAP = 12, HEAD = 16, TALLEST = 1100, LABEL = 190, FEW = 120, LARGE = 14;

// Few rows have their names beside them; many are small, in several bands beside each other.
function layOut(width, rows, columns) {
  const narrow = width < 560, label = narrow ? 120 : LABEL;
  if (rows <= FEW) {
    const cell = Math.max(3, Math.min(LARGE, Math.floor((width - label) / columns)));
    return { label, cellWidth: cell, cellHeight: LARGE, bands: 1, perBand: rows, bandWidth: label + cell * columns };
  }
  let plan;
  for (let cell = 8; cell >= 3; cell--) {
    const bandWidth = cell * columns, bands = Math.max(1, Math.floor((width + GAP) / (bandWidth + GAP)));
    const perBand = Math.ceil(rows / bands);
    plan = { label: 0, cellWidth: cell, cellHeight: cell, bands, perBand, bandWidth };
    if (bandWidth <= width && perBand * cell <= TALLEST) break;
  }
  return plan;
}

const placeOf = (plan, row, column) => {
  const band = Math.floor(row / plan.perBand);
  return {
    x: band * (plan.bandWidth + GAP) + plan.label + column * plan.cellWidth,
    y: HEAD + (row % plan.perBand) * plan.cellHeight,
  };
};

function cellAt(plan, x, y, rows, columns) {
  const band = Math.floor(x / (plan.bandWidth + GAP));
  const line = Math.floor((y - HEAD) / plan.cellHeight);
  const column = Math.floor((x - band * (plan.bandWidth + GAP) - plan.label) / plan.cellWidth);
  const row = band * plan.perBand + line;
  if (line < 0 || line >= plan.perBand || column >= columns || row >= rows || band >= plan.bands) return null;
  return { row, column: Math.max(0, column) };
}

// ---- Painting ----

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function colours() {
  return {
    paper: colour('--paper'), ink: colour('--ink'), faint: colour('--faint'), line: colour('--line'),
    succeeded: colour('--built'), failed: colour('--broken'), untried: colour('--planless'), no_plan: colour('--line'),
    pending: colour('--ink'), running: colour('--ink'),
  };
}

// A state has a form, too, so that its colour is not the only difference: builds is full, fails has a hole, not built yet is a
// dot, no plan is a thin line, waiting is a frame, running is half full.
function paintCell(context, state, x, y, width, height, colours) {
  const right = Math.max(1, Math.round(width / 3)), down = Math.max(1, Math.round(height / 3));
  const centre = (part, fill) => {
    context.fillStyle = fill;
    context.fillRect(x + (width - part * right) / 2, y + (height - part * down) / 2, part * right, part * down);
  };
  context.fillStyle = colours[state];
  if (state === 'succeeded') context.fillRect(x, y, width, height);
  if (state === 'running') context.fillRect(x, y, width / 2, height);
  if (state === 'no_plan') context.fillRect(x, y + Math.floor(height / 2), width, 1);
  if (state === 'untried') centre(1, colours[state]);
  if (state === 'failed' || state === 'pending') {
    context.fillRect(x, y, width, height);
    centre(state === 'failed' ? 1 : 2, colours.paper);
  }
}

// Neighbours in the same state that is full are painted at once.
function paintRow(context, plan, cells, row, states, colours) {
  const gap = plan.cellWidth >= 7 ? 1 : 0;
  for (let column = 0, end; column < cells.length; column = end) {
    const state = states[cells[column]], { x, y } = placeOf(plan, row, column);
    end = column + 1;
    while (!gap && (state === 'succeeded' || state === 'no_plan') && cells[end] === cells[column]) end++;
    paintCell(context, state, x, y, (end - column) * plan.cellWidth - gap, plan.cellHeight - (plan.cellHeight >= 7 ? 1 : 0), colours);
  }
}

function shorten(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  while (text && context.measureText(`${text}…`).width > width) text = text.slice(0, -1);
  return `${text}…`;
}

function paintLabels(context, plan, rows, compilers, colours) {
  context.fillStyle = colours.faint;
  context.textBaseline = 'middle';
  for (let band = 0; band < plan.bands && band * plan.perBand < rows.length; band++) {
    let edge = -1;
    compilers.forEach((compiler, column) => {
      const series = compiler.split('.').slice(0, 2).join('.');
      const { x } = placeOf(plan, band * plan.perBand, column);
      if ((column > 0 && compilers[column - 1].startsWith(`${series}.`)) || x < edge) return;
      context.fillText(series, x, HEAD / 2);
      edge = x + context.measureText(series).width + 2;
    });
  }
  if (!plan.label) return;
  context.fillStyle = colours.ink;
  rows.forEach(({ name, version }, row) => {
    context.fillText(shorten(context, `${name} ${version}`, plan.label - 8), 0, placeOf(plan, row, 0).y + plan.cellHeight / 2);
  });
}

// ---- The map ----

function element(name, attributes = {}, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...content);
  return made;
}

class HeatMap {
  constructor(data) {
    this.data = data;
    this.heading = element('h2');
    this.reading = element('p', { class: 'reading', 'aria-live': 'polite', id: 'reading' });
    this.canvas = element('canvas', {
      tabindex: '0', role: 'application', 'aria-roledescription': 'heat map', 'aria-describedby': 'map-help reading',
    });
    this.help = element('p', { class: 'faint', id: 'map-help' },
      'A row is a version, a column a compiler, the oldest at the left. Move over it, or by arrow keys; Enter shows the build.');
    map.replaceChildren(this.heading, this.help, this.reading, this.canvas);
    map.hidden = false;
    this.canvas.addEventListener('pointermove', (event) => this.point(event));
    this.canvas.addEventListener('click', (event) => { this.point(event); this.showJob(); });
    this.canvas.addEventListener('keydown', (event) => this.press(event));
    this.canvas.addEventListener('focus', () => { if (!this.cursor && this.rows.length) this.move({ row: 0, column: data.compilers.length - 1 }); });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint());
    new ResizeObserver(() => { if (map.clientWidth !== this.width) this.paint(); }).observe(map);
  }

  show(filter) {
    this.rows = chosenRows(this.data, filter);
    this.cursor = null;
    this.reading.replaceChildren('\u00a0');
    const cells = this.rows.length * this.data.compilers.length;
    this.heading.textContent = `Map of ${this.rows.length.toLocaleString('en')} versions and ${this.data.compilers.length} compilers`;
    this.canvas.setAttribute('aria-label', `${cells.toLocaleString('en')} builds, ${this.rows.length} rows and ${this.data.compilers.length} columns`);
    this.canvas.hidden = this.help.hidden = this.rows.length === 0;
    this.paint();
  }

  paint() {
    this.width = map.clientWidth;
    const { rows, canvas, data } = this, plan = this.plan = layOut(this.width, rows.length, data.compilers.length);
    const bands = Math.min(plan.bands, Math.ceil(rows.length / plan.perBand)) || 1;
    const width = bands * (plan.bandWidth + GAP) - GAP, height = HEAD + plan.perBand * plan.cellHeight;
    const scale = Math.min(devicePixelRatio || 1, 16000 / height);
    canvas.width = Math.ceil(width * scale);
    canvas.height = Math.ceil(height * scale);
    canvas.style.setProperty('width', `${width}px`);
    canvas.style.setProperty('height', `${height}px`);
    const context = this.context = canvas.getContext('2d'), shades = this.colours = colours();
    context.scale(scale, scale);
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    rows.forEach(({ cells }, row) => paintRow(context, plan, cells, row, data.states, shades));
    paintLabels(context, plan, rows, data.compilers, shades);
    this.paintCursor();
    this.paintLegend();
  }

  paintLegend() {
    document.querySelectorAll('#legend li').forEach((item, i) => {
      let swatch = item.querySelector('canvas');
      if (!swatch) item.prepend(swatch = element('canvas', { width: 12, height: 12, 'aria-hidden': 'true' }));
      const context = swatch.getContext('2d');
      context.clearRect(0, 0, 12, 12);
      paintCell(context, this.data.states[i], 0, 0, 12, 12, this.colours);
    });
  }

  // ---- The cursor ----

  paintCursor() {
    if (!this.cursor) return;
    const { x, y } = placeOf(this.plan, this.cursor.row, this.cursor.column);
    this.context.strokeStyle = this.colours.ink;
    this.context.lineWidth = 2;
    this.context.strokeRect(x - 1, y - 1, this.plan.cellWidth + 2, this.plan.cellHeight + 2);
  }

  // Paints again what the cursor was painted over: the cells around it.
  unpaintCursor() {
    if (!this.cursor) return;
    const { plan, context } = this, { x, y } = placeOf(plan, this.cursor.row, this.cursor.column);
    context.save();
    context.beginPath();
    context.rect(x - 3, y - 3, plan.cellWidth + 6, plan.cellHeight + 6);
    context.clip();
    context.clearRect(x - 3, y - 3, plan.cellWidth + 6, plan.cellHeight + 6);
    for (let row = this.cursor.row - 2; row <= this.cursor.row + 2; row++) {
      if (this.rows[row]) paintRow(context, plan, this.rows[row].cells, row, this.data.states, this.colours);
    }
    if (y <= HEAD + 3 || plan.label) paintLabels(context, plan, this.rows, this.data.compilers, this.colours);
    context.restore();
  }

  move(cursor) {
    if (!cursor || (this.cursor && this.cursor.row === cursor.row && this.cursor.column === cursor.column)) return;
    this.unpaintCursor();
    this.cursor = cursor;
    this.paintCursor();
    const { name, version, state, compiler } = this.current();
    const word = document.querySelectorAll('#legend li > span')[this.data.states.indexOf(state)].cloneNode(true);
    this.reading.replaceChildren(element('a', { href: `/packages/${name}/${version}` }, `${name} ${version}`), ` with ${compiler}: `, word, ' ');
  }

  current() {
    const { name, version, cells } = this.rows[this.cursor.row];
    return { name, version, compiler: this.data.compilers[this.cursor.column], state: this.data.states[cells[this.cursor.column]] };
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    this.move(cellAt(this.plan, event.clientX - box.left, event.clientY - box.top, this.rows.length, this.data.compilers.length));
  }

  press(event) {
    const { row, column } = this.cursor || { row: 0, column: 0 }, last = this.data.compilers.length - 1, { perBand } = this.plan;
    const to = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, last], PageUp: [row - 20, column], PageDown: [row + 20, column],
    }[event.key];
    if (event.key === 'Enter') this.showJob();
    if (!to && event.key !== 'Enter') return;
    event.preventDefault();
    if (!to) return;
    // Beyond the sides of a band is the next one.
    if (to[1] > last && row + perBand < this.rows.length) { to[0] += perBand; to[1] = 0; }
    if (to[1] < 0 && row - perBand >= 0) { to[0] -= perBand; to[1] = last; }
    this.move({ row: Math.max(0, Math.min(this.rows.length - 1, to[0])), column: Math.max(0, Math.min(last, to[1])) });
    this.scrollTo();
  }

  scrollTo() {
    const y = this.canvas.getBoundingClientRect().top + placeOf(this.plan, this.cursor.row, 0).y;
    const top = this.reading.offsetHeight + 24, bottom = innerHeight - 24;
    if (y < top) scrollBy(0, y - top);
    if (y > bottom) scrollBy(0, y - bottom);
  }

  // Asks for the job of the cell, which the file of the matrix does not have.
  async showJob() {
    if (!this.cursor) return;
    const { name, version, compiler } = this.current(), cursor = this.cursor;
    const answer = await fetch(`/api/v1/packages/${name}/${version}`);
    const cell = answer.ok && (await answer.json()).matrix.find((one) => one.compiler === compiler);
    if (this.cursor !== cursor) return;
    this.reading.querySelector('.job')?.remove();
    const content = cell && cell.jobId ? element('a', { href: `/jobs/${cell.jobId}` }, 'Its build') : 'It has no build on this server.';
    this.reading.append(element('span', { class: 'job' }, answer.ok ? content : 'Its build cannot be looked up at the moment.'));
  }
}

// ---- The form ----

// The list below is the server's: its part of the page with the same address.
let newest = 0;
async function showList(address) {
  const number = ++newest, answer = await fetch(address);
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const list = page.getElementById('list');
  if (number === newest && list) document.getElementById('list').replaceWith(list);
}

function begin(data) {
  const shown = new HeatMap(data);
  let timer = 0;
  if (!given.has('state')) form.elements.state.value = 'any';
  shown.show(values());
  form.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const address = `/matrix?${new URLSearchParams(new FormData(form))}`;
      history.replaceState(null, '', address);
      shown.show(values());
      showList(address);
    }, 150);
  });
}

load().then(begin, (error) => {
  map.hidden = false;
  map.replaceChildren(element('p', { role: 'status' }, `The map cannot be shown: ${error.message}`));
});
