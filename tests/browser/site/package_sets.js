// SPDX-License-Identifier: BSD-3-Clause
//
// The pages of package sets and excuses, the documentation, and the state of the registry.
'use strict';
const assert = require('node:assert/strict');

const setOf = (version, packages) => JSON.stringify({ version, compiler: '0.15.16', published: '2025-12-31', packages }, null, 2);

const publish = async (site, name) => {
  const job = await site.waitForEnd(await site.publish(name, '1.0.0', { compiler: '0.15.16' }));
  assert.equal(job.state, 'succeeded');
};

const shown = (page) => page.locator('#excuses tbody tr:visible td:first-child').allInnerTexts();

module.exports = {
  begin: { registry: { 'package-sets/0.9.0.json': setOf('0.9.0', { gone: '1.0.0' }) } },

  async 'why a package is not in the set, in two clicks'(site) {
    await publish(site, 'absent');
    const page = await site.open('/');
    await page.getByRole('link', { name: 'Package sets', exact: true }).click();
    await page.getByLabel('Name of the package').fill('absent');
    await page.keyboard.press('Enter');
    await page.waitForURL(/excuses\?name=absent/);
    await page.getByRole('link', { name: 'absent', exact: true }).click();
    await page.waitForURL('**/package-sets/excuses/absent');
    assert.match(await page.locator('.verdict').innerText(), /absent/);
    await page.getByText('Who can act').waitFor();
    await site.check(page);
  },

  async 'excuses are filtered as one types'(site) {
    await publish(site, 'early');
    await publish(site, 'later');
    const page = await site.open('/package-sets/excuses');
    await page.getByLabel('Name of the package').fill('LAT');
    await page.getByText('1 package.', { exact: true }).waitFor();
    assert.deepEqual(await shown(page), ['later']);
    await page.getByLabel('Name of the package').fill('');
    await page.waitForFunction(() => document.querySelectorAll('#excuses tbody tr:not([hidden])').length >= 2);
    await page.getByLabel('Verdict').selectOption('unpublished');
    await page.getByText('0 packages.', { exact: true }).waitFor();
    assert.deepEqual(await shown(page), []);
    await site.check(page);
    await page.goto(`${site.url}/package-sets/excuses?name=early`); // a page with one: the others are fetched
    assert.deepEqual(await shown(page), ['early']);
    await page.getByLabel('Name of the package').fill('later');
    await page.waitForFunction(() => document.querySelector('#excuses section:not([hidden]) tbody tr:not([hidden]) a')?.textContent === 'later');
    assert.deepEqual(await shown(page), ['later']);
  },

  async 'excuses are filtered without JavaScript'(site) {
    await publish(site, 'plain');
    const page = await site.open('/package-sets/excuses', { javaScriptEnabled: false });
    await page.getByLabel('Name of the package').fill('plain');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/name=plain/);
    assert.deepEqual(await shown(page), ['plain']);
    await page.goto(`${site.url}/package-sets/excuses?name=${encodeURIComponent('"><script>x')}`);
    await page.getByText('0 packages.', { exact: true }).waitFor();
  },

  async 'a set shows what has changed, and is compared with another'(site) {
    const page = await site.open('/package-sets');
    await page.getByRole('link', { name: '1.0.0', exact: true }).click();
    await page.getByRole('heading', { name: 'Changes since 0.9.0' }).waitFor();
    await page.locator('tr', { hasText: 'Removed' }).getByRole('link', { name: 'gone' }).waitFor();
    await page.getByLabel('Compare with the set').fill('0.9.0');
    await page.getByRole('button', { name: 'Show the changes' }).click();
    await page.waitForURL('**/package-sets/0.9.0/compare/1.0.0'); // the older one first
    await site.check(page);
    await page.getByRole('link', { name: 'The other way round' }).click();
    await page.locator('tr', { hasText: 'Added' }).getByRole('link', { name: 'gone' }).waitFor();
  },

  async 'sets that are not there are told'(site) {
    const page = await site.open('/package-sets/9.9.9');
    await page.getByText('There is no package set 9.9.9.').waitFor();
    await page.goto(`${site.url}/package-sets/nine`);
    assert.equal(await page.locator('h1').innerText(), 'This did not work');
    site.allowStatus(404);
    site.allowStatus(400);
  },

  async 'the documentation leads to each of its parts'(site) {
    const page = await site.open('/docs');
    for (const link of await page.locator('.contents a[href^="#"]').all()) {
      const id = (await link.getAttribute('href')).slice(1);
      await link.click();
      assert.ok(await page.locator(`h2#${id}`).isVisible(), id);
    }
    await page.getByText('publish.yml', { exact: true }).click();
    await page.getByText('timeout-minutes').waitFor();
    await page.getByRole('link', { name: 'The API', exact: true }).first().click();
    await page.getByRole('link', { name: 'POST /api/v1/publish', exact: true }).click();
    await page.getByRole('link', { name: 'PublishRequest' }).first().click();
    assert.ok(await page.locator('#shape-PublishRequest').isVisible());
  },

  async 'the pages at every width, in the dark, and without JavaScript'(site) {
    await publish(site, 'seen');
    await site.checkEverywhere('/package-sets', { heading: 'Package sets' });
    await site.checkEverywhere('/package-sets/1.0.0', { heading: 'Package set 1.0.0' });
    await site.checkEverywhere('/package-sets/excuses', { heading: 'Why packages are in the package set, or not' });
    await site.checkEverywhere('/package-sets/excuses/seen', { heading: 'seen and the package set' });
    await site.checkEverywhere('/docs', { heading: 'Documentation' });
    await site.checkEverywhere('/docs/api', { heading: 'The API' });
    await site.checkEverywhere('/status', { heading: 'Status' });
  },
};
