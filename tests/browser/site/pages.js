// SPDX-License-Identifier: BSD-3-Clause
//
// All other pages: what people look for, by the shortest way, by keyboard, in each theme and width, and the form of /dmca.
'use strict';
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const path = require('node:path');

const CLICKS_MOST = 3;
const BROKEN = 'There is no type Unicorn.';

// Three packages: base; works, which builds with both compilers; breaks, of which the older one alone compiles 1.0.0, and none 1.1.0.
async function publishAll(site) {
  if (site.failed) return;
  const succeed = async (id) => {
    const { state, error } = await site.waitForEnd(id);
    assert.equal(state, 'succeeded', error);
  };
  await succeed(await site.publish('base', '1.0.0'));
  await succeed(await site.publish('works', '1.0.0', { source: 'import Base.Main\n', dependencies: { base: '>=1.0.0 <2.0.0' } }));
  await succeed(await site.publish('breaks', '1.0.0', { source: `-- stand-in: fail-from 0.15.16 ${BROKEN}\n` }));
  site.failed = await site.publish('breaks', '1.1.0', { source: `-- stand-in: fail ${BROKEN}\n` });
  assert.equal((await site.waitForEnd(site.failed)).state, 'failed');
  await site.waitForBuild('breaks', '0.15.16');
  await site.waitForBuild('works', '0.15.16');
}

// Counts what a person clicks; typing into a field is none.
class Visitor {
  clicks = 0;

  constructor(page) { this.page = page; }

  async click(locator) {
    this.clicks++;
    await locator.first().click();
  }

  async search(name) {
    await this.page.getByRole('searchbox').fill(name);
    await this.click(this.page.locator('#packages').getByRole('link', { name, exact: true }));
    await this.page.waitForURL(`**/packages/${name}`);
  }

  expectFew() { assert.ok(this.clicks <= CLICKS_MOST, `${this.clicks} clicks`); }
}

module.exports = {
  async 'why the last publication of a package failed is three clicks away'(site) {
    await publishAll(site);
    const page = await site.open('/');
    const visitor = new Visitor(page);
    await visitor.search('breaks');
    await visitor.click(page.getByRole('link', { name: /jobs/i }).and(page.locator('main *')));
    await visitor.click(page.getByRole('link', { name: 'Publication of breaks 1.1.0' }));
    await page.waitForURL(`**/jobs/${site.failed}`);
    await page.locator('#job').getByText(BROKEN).first().waitFor();
    visitor.expectFew();
  },

  async 'whether a version builds with a compiler, and why not, is three clicks away'(site) {
    await publishAll(site);
    const page = await site.open('/');
    const visitor = new Visitor(page);
    await visitor.search('breaks');
    await visitor.click(page.getByRole('link', { name: '1.0.0', exact: true }));
    await page.waitForURL('**/packages/breaks/1.0.0');
    const row = page.locator('tr', { has: page.getByText('0.15.16', { exact: true }) }).first();
    await row.locator('.state-failed').waitFor();
    await visitor.click(row.getByText('Its own error'));
    await row.getByText(BROKEN).waitFor();
    visitor.expectFew();
    await site.check(page);
    await row.locator('a[href^="/jobs/"]').click();
    await page.locator('h1', { hasText: 'Build of breaks 1.0.0 with 0.15.16' }).waitFor();
  },

  async 'why a package is not in the package set is three clicks away'(site) {
    await publishAll(site);
    const page = await site.open('/');
    const visitor = new Visitor(page);
    await visitor.search('breaks');
    await visitor.click(page.locator('main a[href^="/package-sets/excuses/"]'));
    await page.waitForURL('**/package-sets/excuses/breaks');
    const sentence = await page.locator('main .verdict').innerText();
    assert.ok(sentence.length > 20, sentence);
    visitor.expectFew();
  },

  async 'what a compiler broke is found in the heat map, by keyboard, and without JavaScript in the list'(site) {
    await publishAll(site);
    const page = await site.open('/matrix');
    await page.getByLabel('Compiler', { exact: true }).selectOption('0.15.16');
    await page.getByLabel('Differs from').selectOption('0.15.15');
    await page.getByLabel('State').selectOption('failed');
    await page.getByRole('heading', { name: 'Map of 1 versions and 2 compilers' }).waitFor();
    await page.locator('#map canvas').focus();
    const reading = page.locator('#reading');
    await reading.getByText('with 0.15.16').waitFor();
    await page.keyboard.press('ArrowLeft');
    await reading.getByText('with 0.15.15').waitFor();
    await page.keyboard.press('ArrowRight');
    assert.match(await reading.innerText(), /^breaks 1\.0\.0 with 0\.15\.16: /);
    await page.keyboard.press('Enter');
    await site.check(page);
    await reading.getByRole('link', { name: 'Its build' }).click();
    await page.getByText(BROKEN).first().waitFor();
    const plain = await site.open('/matrix?compiler=0.15.16&state=failed', { javaScriptEnabled: false });
    await plain.locator('tr', { hasText: 'breaks 1.0.0' }).locator('.state-failed').waitFor();
    await plain.getByRole('link', { name: /What is in the way/ }).click();
    await plain.getByText('breaks').first().waitFor();
  },

  async 'a package is found by keyboard alone'(site) {
    await publishAll(site);
    const page = await site.open('/');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
    await page.keyboard.press('Enter');
    for (let i = 0; i < 10 && !(await page.evaluate(() => document.activeElement.type === 'search')); i++)
      await page.keyboard.press('Tab');
    await page.keyboard.type('work');
    await page.locator('#packages').getByRole('link', { name: 'works', exact: true }).waitFor();
    for (let i = 0; i < 10 && !(await page.evaluate(() => document.activeElement.textContent === 'works')); i++)
      await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, 'none', 'the focus is seen');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/packages/works');
  },

  async 'a search finds what was typed last, and survives anything'(site) {
    await publishAll(site);
    const page = await site.open('/packages');
    const box = page.getByRole('searchbox');
    for (const words of ['<script>alert(1)</script>', '%00 %ff %', '\u202e', 'x'.repeat(200), '"; DROP', 'wroks']) {
      await box.fill(words);
      await page.waitForFunction((text) => new URLSearchParams(location.search).get('search') === text, words);
    }
    await page.locator('#packages').getByRole('link', { name: 'works', exact: true }).waitFor(); // a near name
    await page.reload();
    await page.locator('#packages').getByRole('link', { name: 'works', exact: true }).waitFor();
    await site.check(page);
  },

  async 'a takedown that was asked for is read and closed by registryctl'(site) {
    await publishAll(site);
    const page = await site.open('/dmca');
    await page.getByRole('button').click();
    await page.waitForURL('**/dmca');
    if (await page.locator('.fault').count() === 0) // the browser itself asks for the fields
      assert.ok(await page.locator(':invalid').count() > 0);
    await page.goto(`${site.url}/dmca`);
    await page.getByLabel('Your name', { exact: true }).fill('Ada <b>Example</b>');
    await page.getByLabel(/e-mail/).fill('ada@example.org');
    await page.locator('input[name=package]').fill('works');
    await page.locator('textarea[name=work]').fill('My book, "The Works".');
    for (const box of await page.getByRole('checkbox').all()) await box.check();
    await page.locator('input[name=signature]').fill('Ada Example');
    await page.getByRole('button').click();
    await page.waitForURL(/\/dmca\/.+/);
    const reference = new URL(page.url()).pathname.split('/').at(-1);
    assert.ok((await page.locator('main').innerText()).includes(reference));
    assert.ok(!(await page.content()).includes('ada@example.org'), 'nothing personal');
    await site.check(page);
    const ctl = (...words) => execFileSync(path.join(site.programs, 'registryctl'), ['dmca', ...words],
      { env: { ...site.server.environment, LOG_LEVEL: 'ERROR' }, encoding: 'utf8' });
    assert.match(ctl('list'), new RegExp(reference));
    assert.match(ctl('show', reference), /ada@example\.org/);
    ctl('close', reference, 'The authors have shown their license.');
    await page.reload();
    await page.getByText('The authors have shown their license.').waitFor();
    site.allowStatus(400);
  },

  async 'each page at every width, in the dark, and without JavaScript'(site) {
    await publishAll(site);
    const pages = {
      '/': 'The PureScript registry', '/packages': 'Packages', '/packages/works': 'works', '/packages/breaks/1.0.0': 'breaks 1.0.0', '/packages?search=wor&sort=newest': 'Packages',
      '/package-sets': 'Package sets', '/package-sets/1.0.0': 'Package set 1.0.0', '/dmca': 'Copyright and takedowns',
    };
    for (const [target, heading] of Object.entries(pages)) await site.checkEverywhere(target, { heading });
    for (const target of ['/matrix', '/matrix/causes'])
      await site.checkEverywhere(target, { heading: /./ });
  },

  async 'unknown pages say so, and lead on'(site) {
    for (const target of ['/packages/unknown', '/package-sets/9.9.9', '/nothing', '/dmca/unknown']) {
      const page = await site.open(target);
      if (target !== '/nothing') {
        assert.equal(await page.locator('h1').innerText(), 'Not found', target);
        await site.check(page);
      }
      await site.close(page);
    }
    site.allowStatus(404);
  },
};
