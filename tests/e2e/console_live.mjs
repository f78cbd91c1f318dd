// SPDX-License-Identifier: Apache-2.0
// The console follows the server's events: what others do is seen at once and without asking all the time, and it asks where
// the stream is not to be had.
import { api as ask, check, job, judge, open_console, sign_in, start, step, until } from './console_lab.mjs';

const { browser, page, seen } = await open_console();
const api = async (...what) => {
  const answer = await ask(...what);
  check(answer.status < 300, `${what.slice(0, 2).join(' ')}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
};
const goto = (hash) => page.goto(`${job.control}/console/#/${hash}`);
const feed = (state) => page.locator(`[data-feed="${state}"]`).waitFor({ timeout: 20000 });
const at_once = 3000; // ms; less than any pause between two questions
const calls = (from) => seen.urls.slice(from).filter((url) => url.includes('/api/v1/') && !url.endsWith('/events'));
const open_streams = () => seen.urls.filter((url) => url.endsWith('/api/v1/events')).length;
const channel = 'groups/live/channels/one';
const api_channel = '/channel-groups/live/channels/one';

await step(page, 'the stream is followed from the first page on', async () => {
  await sign_in(page);
  await feed('live');
  check(open_streams() === 1, `${open_streams()} streams were opened`);
});

await step(page, 'what somebody else creates, changes and deletes is seen at once', async () => {
  const note = page.getByText('made elsewhere');
  await api('POST', '/channel-groups', { name: 'live' });
  await page.getByRole('link', { name: 'live', exact: true }).waitFor({ timeout: at_once });
  await goto('groups/live');
  await page.getByText('No channels in this group yet').waitFor();
  await api('POST', '/channel-groups/live/channels', { name: 'one', segmentDuration: 2, description: 'made elsewhere' });
  await note.waitFor({ timeout: at_once });
  await api('PATCH', api_channel, { description: 'and changed' });
  await page.getByText('and changed').waitFor({ timeout: at_once });
  await goto(`${channel}/endpoints`);
  await page.getByText('No endpoints yet').waitFor();
  await api('POST', `${api_channel}/endpoints`, { name: 'hls', protocol: 'HLS' });
  await page.getByRole('link', { name: 'hls' }).waitFor({ timeout: at_once });
  await api('DELETE', `${api_channel}/endpoints/hls`);
  await page.getByText('No endpoints yet').waitFor({ timeout: at_once });
  await api('POST', `${api_channel}/stop`);
  await page.getByText('Stopped: encoders are refused').waitFor({ timeout: at_once });
  await api('POST', `${api_channel}/start`);
  await page.getByText('Stopped: encoders are refused').waitFor({ state: 'detached', timeout: at_once });
});

await step(page, 'what is being typed stays when somebody else changes the same', async () => {
  await api('POST', `${api_channel}/endpoints`, { name: 'typed', protocol: 'HLS' });
  await page.getByRole('button', { name: 'Edit endpoint typed', exact: true }).click();
  const description = page.getByRole('textbox', { name: 'Description', exact: true });
  await description.fill('half a sen');
  await api('PATCH', `${api_channel}/endpoints/typed`, { description: 'from elsewhere' });
  await api('PATCH', api_channel, { description: 'of the channel too' });
  await page.getByText('from elsewhere').waitFor({ timeout: at_once }); // in the list behind
  check((await description.inputValue()) === 'half a sen', await description.inputValue());
  await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('dialog').getByText('changed by somebody else').waitFor();
  await page.keyboard.press('Escape');
  await api('DELETE', `${api_channel}/endpoints/typed`);
});

await step(page, 'while nothing happens a list is not asked for', async () => {
  await goto('');
  await page.getByRole('link', { name: 'live', exact: true }).waitFor();
  await page.waitForTimeout(500); // what the page begins with
  const before = seen.urls.length;
  await page.waitForTimeout(7000); // longer than the pause without events: the time is what is tested
  check(calls(before).length === 0, calls(before).join('\n'));
  check(open_streams() === 1, `${open_streams()} streams were opened`);
});

await step(page, 'the pages of a group and of an endpoint follow too', async () => {
  await goto('groups/live');
  await page.getByRole('heading', { name: 'live', level: 1 }).waitFor();
  await api('PATCH', '/channel-groups/live', { description: 'a group of others' });
  await page.getByText('a group of others').waitFor({ timeout: at_once });
  await api('POST', `${api_channel}/endpoints`, { name: 'followed', protocol: 'DASH' });
  await goto(`${channel}/endpoints/followed`);
  await page.getByRole('heading', { name: 'followed', level: 1 }).waitFor();
  await api('PATCH', `${api_channel}/endpoints/followed`, { description: 'an endpoint of others', manifestName: 'other' });
  await page.getByText('an endpoint of others').waitFor({ timeout: at_once });
  await page.getByText('/followed/other.mpd').first().waitFor({ timeout: at_once });
  await api('DELETE', `${api_channel}/endpoints/followed`);
  await page.getByRole('alert').getByText('there is no endpoint').waitFor({ timeout: at_once });
});

await step(page, 'a storm of changes is read once a second, and the last one is seen', async () => {
  await goto('');
  await page.getByRole('link', { name: 'live', exact: true }).waitFor();
  await page.waitForTimeout(1500); // what the page begins with
  const before = seen.urls.length;
  const began = Date.now();
  let count = 0;
  while (Date.now() - began < 4000) {
    count += 1;
    await api('PATCH', '/channel-groups/live', { description: `change ${count}` });
  }
  await page.getByText(`change ${count}`, { exact: true }).waitFor({ timeout: at_once });
  const seconds = (Date.now() - began) / 1000;
  const asked = calls(before).length;
  check(count > 2 * (seconds + 2), `${count} changes in ${seconds} s are no storm`);
  check(asked <= seconds + 2, `asked ${asked} times in ${seconds} s`);
});

await step(page, 'an input of which nothing is taken is said to be refused, and a channel in its list to be stopped', async () => {
  const { inputs } = (await api('GET', `${api_channel}?secrets=true`)).body;
  const { url, username, password } = inputs[0];
  const Authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const put = () => fetch(`${url.slice(0, url.lastIndexOf('/'))}/a.ts`, { method: 'PUT', headers: { Authorization }, body: 'x'.repeat(1000) });
  const badges = async (where) => (await page.locator(where).locator('.badge').allTextContents()).join();
  await goto(`${channel}/status`);
  await until(async () => { await put(); return (await badges('[data-input="ingest1"]')) === 'refused'; }, 30, 'the input is refused');
  check((await badges('[data-input="ingest2"]')) === 'nothing yet', await badges('[data-input="ingest2"]'));
  await goto('groups/live');
  const row = 'tr:has(th a:text-is("one"))';
  await until(async () => { await put(); return (await badges(row)) === 'refused,nothing yet'; }, 30, 'the list says so');
  await api('POST', `${api_channel}/stop`);
  await until(async () => (await badges(row)) === 'stopped', 30, 'the list says that it is stopped');
  await api('POST', `${api_channel}/start`);
});

// What charts write on their time axes, from the first picture on: s of the day.
await page.addInitScript(() => {
  window.axis_times = [];
  const write = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (words, ...where) {
    const clock = /^(\d\d):(\d\d):(\d\d)$/.exec(words);
    if (clock) window.axis_times.push(clock[1] * 3600 + clock[2] * 60 + Number(clock[3]));
    return write.call(this, words, ...where);
  };
});

await step(page, 'the first sample of a chart is at its time', async () => {
  await goto(`${channel}/status`);
  const began = Date.now();
  await page.reload();
  await page.getByRole('img', { name: /^Requests of players/ }).waitFor();
  const times = await until(() => page.evaluate(() => window.axis_times.length > 0 && window.axis_times), 10, 'an axis has times');
  const day = 86400;
  const ago = (time) => (Math.floor(Date.now() / 1000) - time + day) % day;
  check(times.every((time) => ago(time) < 180 + 10 + (Date.now() - began) / 1000), `${times} of ${new Date().toISOString()}`);
});

await step(page, 'requests of players are in a chart', async () => {
  const { url } = (await api('POST', `${api_channel}/endpoints`, { name: 'dash', protocol: 'DASH' })).body;
  await goto(`${channel}/status`);
  const picture = page.getByRole('img', { name: /^Requests of players/ });
  await picture.waitFor();
  // no content yet: all of them are refused
  const end = start(`while :; do curl -s -o /dev/null '${url}'; done`, 'requests.log');
  try {
    await until(async () => {
      const said = /: ([\d.]+) a second, ([\d.]+) of them/.exec(await picture.getAttribute('aria-label'));
      return said && Number(said[1]) > 1 && said[1] === said[2];
    }, 20, 'the chart says the rate');
    await until(async () => (await api('GET', `${api_channel}/status`)).body.playback.requests > 5, 30, 'five requests');
  } finally {
    end();
  }
  const { playback } = (await api('GET', `${api_channel}/status`)).body;
  check(playback.failed === playback.requests, JSON.stringify(playback));
  await judge(page, 'requests');
});

await step(page, 'where the stream is not to be had it asks again and again, and follows when it is back', async () => {
  await page.route('**/api/v1/events', (route) => route.abort());
  await goto('');
  await page.reload();
  await feed('asking');
  await judge(page, 'asking');
  await api('POST', '/channel-groups', { name: 'polled' });
  await page.getByRole('link', { name: 'polled', exact: true }).waitFor({ timeout: 10000 });
  const refused = open_streams();
  await page.unroute('**/api/v1/events');
  await page.locator('[data-feed="live"]').waitFor({ timeout: 40000 });
  check(open_streams() - refused <= 2, 'it asked for the stream without a pause');
  await api('DELETE', '/channel-groups/polled');
  await page.getByRole('link', { name: 'polled', exact: true }).waitFor({ state: 'detached', timeout: at_once });
});

await step(page, 'a page that nobody sees leaves its place to others', async () => {
  const readers = async () => {
    const held = [];
    try {
      for (let number = 0; number < 16; number += 1) {
        const stop = new AbortController();
        const answer = await fetch(`${job.control}/api/v1/events`, { headers: { Authorization: `Bearer ${job.token}` }, signal: stop.signal });
        if (answer.status !== 200) {
          stop.abort();
          return held.length;
        }
        held.push(stop);
        await answer.body.getReader().read();
      }
      return held.length;
    } finally {
      for (const one of held) one.abort();
    }
  };
  await until(async () => (await readers()) === 15, 10, 'the page has one of sixteen places');
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await until(async () => (await readers()) === 16, 10, 'the place is free');
  await page.evaluate(() => {
    delete document.hidden;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await feed('live');
});

await step(page, 'the token was in no URL, and nothing was thrown or against the policy', async () => {
  check(!seen.urls.some((url) => url.includes(job.token)), 'the token was in a URL');
  check(seen.violations.length === 0, seen.violations.join('\n'));
  check(seen.errors.length === 0, seen.errors.join('\n'));
});

await browser.close();
