// SPDX-License-Identifier: BSD-3-Clause
//
// The pages of jobs and their logs.
'use strict';
const assert = require('node:assert/strict');
const { setTimeout: sleep } = require('node:timers/promises');
const { PHONE } = require('../site.js');

const HOSTILE = '<script>globalThis.isHit = true</script><img src=x onerror="globalThis.isHit = true">';

const isAtEnd = (list) => list.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 8);

module.exports = {
  async 'a publication is watched until its end'(site) {
    const id = await site.publish('watched', '1.0.0', { source: '-- stand-in: sleep 4000\n' });
    const page = await site.open(`/jobs/${id}`);
    const state = page.locator('#job .state');
    await page.getByText('Publishing').first().waitFor().catch(() => {});
    assert.notEqual(await state.innerText(), 'succeeded', 'the page was opened while the job ran');
    await page.getByRole('button', { name: 'Follow', pressed: true }).waitFor();
    await page.locator('#job[data-state=succeeded]').waitFor();
    const shown = await page.locator('#log li').evaluateAll((items) => items.map(({ id: cursor }) => cursor));
    const lines = await (await fetch(`${site.url}/api/v1/jobs/${id}/logs`)).json();
    for (let i = 0; i < 50 && (await page.locator('#log li').count()) < lines.length; i++) await sleep(100);
    const last = await page.locator('#log li').evaluateAll((items) => items.map(({ id: cursor }) => cursor));
    assert.deepEqual(last, lines.map(({ cursor }) => cursor), 'each line once, in order');
    assert.ok(shown.length > 0);
    await page.getByRole('heading', { name: 'Steps' }).waitFor();
    await site.check(page);
  },

  async 'lines are filtered, searched, linked and found again'(site) {
    const id = await site.publish('filtered', '1.0.0');
    await site.waitForEnd(id);
    const page = await site.open(`/jobs/${id}`);
    const all = await page.locator('#log li').count();
    await page.getByLabel('Level').selectOption('DEBUG');
    await page.waitForURL(/level=DEBUG/);
    await page.getByLabel('Lines with').fill('timings');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/search=timings/);
    await page.waitForFunction((count) => document.querySelectorAll('#log li').length < count, all);
    const found = page.locator('#log li').first();
    assert.match(await found.innerText(), /Timings: /);
    const link = await found.locator('a').getAttribute('href');
    await page.goto(`${site.url}/jobs/${id}${link}`);
    const target = page.locator('#log li:target');
    assert.match(await target.innerText(), /Timings: /);
    assert.ok(await page.locator('#log li').count() > 1, 'with the lines around it');
    await page.goto(`${site.url}/jobs/${id}?search=no-line-has-this`);
    await page.getByText('No line of this level has this text.').waitFor();
    await page.getByLabel('Lines with').fill('Timings');
    await page.keyboard.press('Enter');
    await page.locator('#log li').first().waitFor();
    assert.equal(await page.locator('#log .empty').count(), 0);
    await page.getByRole('button', { name: 'Times' }).click();
    assert.equal(await page.locator('#log li a').first().isVisible(), false);
  },

  async 'a log that is long opens at its end, and is read in both directions'(site) {
    const { LiveJob } = require('../../clients/live_job.js');
    const job = new LiveJob(site.programs, site.server.environment.REDIS_URL);
    await job.begin('long');
    await job.write(2000);
    const page = await site.open(`/jobs/${job.id}`);
    const list = page.locator('#log ol');
    assert.equal(await list.locator('li').count(), 500);
    assert.match(await list.locator('li').last().innerText(), / 2000$/);
    assert.ok(await isAtEnd(list));
    await page.getByRole('link', { name: 'Earlier lines' }).click();
    await page.waitForFunction(() => document.querySelectorAll('#log li').length === 1000);
    assert.match(await list.locator('li').first().innerText(), / 1001$/);
    await job.write(30);
    await page.waitForFunction(() => document.querySelectorAll('#log li').length === 1030);
    assert.ok(await isAtEnd(list), 'it follows');
    await list.hover();
    await page.mouse.wheel(0, -2000);
    await page.getByRole('button', { name: 'Follow', pressed: false }).waitFor();
    await job.write(20);
    await page.waitForFunction(() => document.querySelectorAll('#log li').length === 1050);
    assert.equal(await isAtEnd(list), false, 'it stays where it was scrolled to');
    await page.getByRole('button', { name: 'Follow' }).click();
    assert.ok(await isAtEnd(list));
    await job.end();
    await page.locator('#job[data-state=succeeded]').waitFor();
    const texts = await list.locator('li .message').allInnerTexts();
    assert.deepEqual(texts, job.texts.slice(1000));
    await job.stop();
  },

  async 'nothing in a log or a request is executed'(site) {
    const { LiveJob } = require('../../clients/live_job.js');
    const id = await site.publish('hostile', '1.0.0', { source: `-- stand-in: fail ${HOSTILE} \u202e\u001b[31mred\u001b[0m \u001b[2K\n` });
    const job = await site.waitForEnd(id);
    assert.equal(job.state, 'failed');
    const live = new LiveJob(site.programs, site.server.environment.REDIS_URL);
    await live.begin('coloured');
    await live.command(`write 1 ${HOSTILE} \u001b[1;32mgreen\u001b[0m \u202eevil`);
    await live.end();
    await live.stop();
    for (const each of [id, live.id]) {
      const page = await site.open(`/jobs/${each}`);
      await page.getByText('<script>globalThis').first().waitFor();
      assert.equal(await page.evaluate(() => globalThis.isHit), undefined);
      assert.ok((await page.content()).includes('[U+202E]'));
      await site.check(page);
    }
    const page = await site.open(`/jobs/${live.id}`);
    const green = page.locator('.fg-2.bold', { hasText: 'green' });
    assert.equal(await green.innerText(), 'green');
  },

  async 'the list of jobs is live and leads to each'(site) {
    const page = await site.open('/jobs');
    const id = await site.publish('listed', '1.0.0');
    await page.getByRole('link', { name: 'Publication of listed 1.0.0' }).waitFor();
    await site.waitForEnd(id);
    await page.locator('tr', { hasText: 'Publication of listed 1.0.0' }).getByText('succeeded').waitFor();
    await page.getByRole('textbox', { name: 'Package' }).fill('listed');
    await page.getByLabel('State').selectOption('succeeded');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/package=listed/);
    assert.deepEqual(await page.locator('tbody tr a').evaluateAll((links) => [...new Set(links.map((link) => link.textContent.split(' ').at(2)))]),
      ['listed']);
    await page.getByRole('link', { name: 'Publication of listed 1.0.0' }).click();
    await page.waitForURL(`**/jobs/${id}`);
  },

  async 'a browser that asks for a log gets its page, curl the text'(site) {
    const id = await site.publish('asked', '1.0.0');
    await site.waitForEnd(id);
    const page = await site.open(`/logs/${id}`);
    assert.equal(new URL(page.url()).pathname, `/jobs/${id}`);
    const text = await (await fetch(`${site.url}/logs/${id}`, { headers: { 'user-agent': 'curl/8' } })).text();
    assert.match(text, /^\S+Z INFO /);
  },

  async 'pages of jobs at every width, in the dark, and without JavaScript'(site) {
    const good = await site.publish('shown', '1.0.0');
    const bad = await site.publish('broken', '1.0.0', { source: '-- stand-in: fail There is no type Unicorn in this whole wide world.\n' });
    await site.waitForEnd(good);
    await site.waitForEnd(bad);
    await site.checkEverywhere(`/jobs/${good}`, { heading: 'Publication of shown 1.0.0' });
    await site.checkEverywhere(`/jobs/${bad}`, { heading: 'Publication of broken 1.0.0' });
    await site.checkEverywhere('/jobs', { heading: 'Jobs' });
    const page = await site.open(`/jobs/${bad}`, { javaScriptEnabled: false, viewport: PHONE });
    await page.locator('.banner.failed').waitFor();
    await page.getByText('Unicorn').first().waitFor();
    await page.getByLabel('Level').selectOption('DEBUG');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.waitForURL(/level=DEBUG/);
    assert.ok(await page.locator('#log li').count() > 0);
  },

  async 'an unknown job and a cursor of another one are told'(site) {
    const page = await site.open('/jobs/3f2c0d4e-0000-4000-8000-000000000000');
    await page.getByText('There is no job').waitFor();
    const id = await site.publish('pointed', '1.0.0');
    await site.waitForEnd(id);
    await page.goto(`${site.url}/jobs/${id}?at=1764000000123-23-3f2c0d4e`);
    assert.equal(await page.locator('h1').innerText(), 'This did not work');
    await site.check(page);
    site.allowStatus(404);
    site.allowStatus(400);
  },
};
