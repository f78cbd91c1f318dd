// SPDX-License-Identifier: Apache-2.0
// An operator's day with the console. Each step begins where the one before has ended.
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { api, check, closed, dialog, field, job, judge, judges_see, open_console, plays, start, step, submit, until } from './console_lab.mjs';

const { browser, page, seen } = await open_console();
const button = (name) => page.getByRole('button', { name, exact: true });
const goto = (hash) => page.goto(`${job.control}/console/#/${hash}`);
const channel = 'groups/news/channels/one';
const api_channel = '/channel-groups/news/channels/one';
let end_encoder = null;

await step(page, 'a wrong token is refused, the right one opens the console', async () => {
  await page.goto(`${job.control}/console/`);
  await judge(page, 'sign-in');
  await page.getByLabel('Control token').fill('not-the-token-at-all');
  await button('Sign in').click();
  await page.getByText('does not take this token').waitFor();
  await page.getByLabel('Control token').fill(job.token);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Channel groups' }).waitFor();
  await judge(page, 'groups');
});

await step(page, 'a group is created with the keyboard alone; the server says what is wrong with its name', async () => {
  await button('New group').focus();
  await page.keyboard.press('Enter');
  await dialog(page).waitFor();
  await page.keyboard.press('Escape');
  await closed(page);
  check(await button('New group').evaluate((one) => one === document.activeElement), 'the focus did not come back');
  await page.keyboard.press('Enter');
  await page.keyboard.type('a b');
  await page.keyboard.press('Enter');
  await field(page, 'name').getByText('must be 1 to 200 characters of A-Z').waitFor();
  const name = page.getByRole('textbox', { name: 'Name', exact: true });
  check(await name.evaluate((one) => one === document.activeElement), 'the wrong field has not the focus');
  check((await name.getAttribute('aria-invalid')) === 'true', 'the field is not marked');
  await judge(page, 'field-error');
  await name.fill('news');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'news', level: 1 }).waitFor();
});

await step(page, 'a channel is created', async () => {
  await button('New channel').click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('one');
  await page.getByLabel('Segment duration').fill('2');
  await submit(page, 'Create');
  await page.getByRole('heading', { name: 'one', level: 1 }).waitFor();
  const made = (await api('GET', api_channel)).body;
  check(made.segmentDuration === 2 && made.segments === 3, JSON.stringify(made));
});

await step(page, 'three endpoints are created; a wrong value has the server\'s reason at its field', async () => {
  await goto(`${channel}/endpoints`);
  await button('New endpoint').click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('hls');
  await page.getByLabel('Time shift (days)').fill('99');
  await page.getByLabel('IP whitelist').fill('10.1.2.3/8');
  await submit(page, 'Create');
  await field(page, 'timeShiftDays').getByText('must be a whole number from 0 to 30').waitFor();
  await field(page, 'ipWhitelist').getByText('has host bits set').waitFor();
  await judge(page, 'endpoint-dialog');
  await page.getByLabel('Time shift (days)').fill('1');
  await page.getByLabel('IP whitelist').fill('');
  await submit(page, 'Create');
  await closed(page);
  await button('New endpoint').click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('cmaf');
  await page.getByLabel('Protocol').selectOption('HLS_CMAF');
  await button('Generate Authorization code').click();
  await submit(page, 'Create');
  await closed(page);
  await button('New endpoint').click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('dash');
  await page.getByLabel('Protocol').selectOption('DASH');
  await page.getByLabel('Time shift (days)').fill('1');
  await page.getByLabel('Window (s)').fill('30');
  await submit(page, 'Create');
  await closed(page);
  await page.getByRole('link', { name: 'dash' }).waitFor();
  await judge(page, 'endpoints');
  const made = (await api('GET', `${api_channel}/endpoints?pageSize=100`)).body.items;
  check(made.map((one) => one.protocol).sort().join() === 'DASH,HLS,HLS_CMAF', JSON.stringify(made));
  check(made.find((one) => one.name === 'dash').manifest.manifestWindow === 30, JSON.stringify(made));
});

await step(page, 'the QR code is the playback URL, in the dark too', async () => {
  await goto(`${channel}/endpoints/hls`);
  await page.emulateMedia({ colorScheme: 'dark' });
  const picture = path.join(job.folder, 'qr.png');
  await page.getByRole('img', { name: 'QR code' }).screenshot({ path: picture });
  await page.emulateMedia({ colorScheme: 'light' });
  const { url } = (await api('GET', `${api_channel}/endpoints/hls`)).body;
  const read = spawnSync('gst-launch-1.0', ['-m', 'filesrc', `location=${picture}`, '!', 'pngdec', '!', 'videoconvert', '!', 'zbar',
    '!', 'fakesink'], { encoding: 'utf8' });
  check(read.stdout.includes(url), `not ${url}: ${read.stdout.slice(-800)} ${read.stderr}`);
});

await step(page, 'before the encoder begins the preview says that there is nothing', async () => {
  await goto(`${channel}/endpoints/hls`);
  await button('Play').click();
  await page.getByText('This channel has no content yet').waitFor();
});

await step(page, 'passwords are shown on demand, and the command line that has them starts an encoder', async () => {
  await goto(`${channel}/inputs`);
  const line = page.locator('[data-command="0"]');
  await line.waitFor();
  check((await line.textContent()).includes(':PASSWORD@'), 'a password before it was asked for');
  await judge(page, 'inputs');
  await button('Show passwords').click();
  const { inputs } = (await api('GET', `${api_channel}?secrets=true`)).body;
  await page.getByText(inputs[0].password, { exact: true }).waitFor();
  end_encoder = start(await line.textContent(), 'encoder.log');
});

await step(page, 'the channel is seen live: both inputs, tracks, timeline, charts', async () => {
  await goto(`${channel}/status`);
  const input = (id) => page.locator(`[data-input="${id}"]`);
  const words = async (id) => (await input(id).locator('.badge').textContent().catch(() => '')) ?? '';
  const both = async () => [await words('ingest1'), await words('ingest2')].sort().join();
  await until(async () => (await both()) === 'active,standby', 30, 'one input is active, the other stands by');
  await page.getByText('1280×720').waitFor();
  await page.getByText('48 kHz, stereo', { exact: true }).waitFor();
  await until(async () => /Input 1 [\d.]*[1-9]/.test(await page.getByRole('img', { name: /^Bitrate/ }).getAttribute('aria-label')), 15,
    'the chart says the bitrate');
  const inked = () => page.locator('.chart canvas').first().evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += data[i + 3] > 0 && data[i + 2] - data[i] > 60 ? 1 : 0; // the line's teal
    return count;
  });
  await until(async () => (await inked()) > 50, 20, 'the chart has a line');
  await judge(page, 'status');
});

await step(page, 'a server that is away is said to be, and followed again when it is back', async () => {
  await page.context().setOffline(true);
  await page.getByText('The server does not answer').waitFor();
  await page.context().setOffline(false);
  await page.getByText('The server does not answer').waitFor({ state: 'detached' });
});

for (const [endpoint, players] of [['hls', ['hls.js', 'Shaka Player']], ['cmaf', ['Shaka Player', 'hls.js']],
  ['dash', ['dash.js', 'Shaka Player']]]) {
  await step(page, `${endpoint} plays in ${players.join(' and ')}`, async () => {
    await goto(`${channel}/endpoints/${endpoint}`);
    for (const player of players) {
      await plays(page, player);
      // how far it is behind is said where the manifest has dates: these playlists have none
      await until(async () => /behind now/.test(await page.locator('[data-playback]').textContent()) === (endpoint === 'dash'), 10,
        `${player} says how far it is behind, or nothing`);
      if (endpoint === 'hls' && player === players[1]) await judge(page, 'preview');
      await button('Stop').click();
    }
  });
}

await step(page, 'time shift plays the past, and its URL can be copied', async () => {
  await goto(`${channel}/endpoints/dash`);
  const { timeline } = (await api('GET', `${api_channel}/status`)).body;
  const start = `${timeline.start.slice(0, 19)}Z`;
  await page.getByLabel('What to play').selectOption('event');
  await page.getByLabel('Start (UTC)').fill(start);
  await page.getByText(`manifest.mpd?start=${start}`).waitFor();
  await plays(page, 'Shaka Player');
  const at = await page.locator('video').evaluate((video) => video.currentTime);
  check(at < 15, `it plays at ${at} s, not near the start`);
  await judge(page, 'time-shift');
  await button('Stop').click();
  await page.getByLabel('Start (UTC)').fill('2020-01-01T00:00:00Z');
  await button('Play').click();
  await page.getByRole('alert').getByText('available:').waitFor(); // the origin's own words
});

await step(page, 'what is encrypted with keys of the built-in provider plays too', async () => {
  for (const [protocol, players] of [['HLS_CMAF', ['Shaka Player']], ['DASH', ['Shaka Player', 'dash.js']]]) {
    // keys that change: players of DASH ask for them when they need them
    const drm = { systems: ['WIDEVINE'], providerUrl: `${job.control}/speke`, rotationPeriod: protocol === 'DASH' ? 60 : 0 };
    await api('POST', `${api_channel}/endpoints`, { name: 'encrypted', protocol, drm });
    await until(async () => (await api('GET', `${api_channel}/endpoints/encrypted/status`)).body.drm.state === 'READY', 10, 'keys');
    await goto(`${channel}/endpoints/encrypted`);
    await page.reload();
    for (const player of players) {
      await plays(page, player);
      await button('Stop').click();
    }
    await api('DELETE', `${api_channel}/endpoints/encrypted`);
  }
});

await step(page, 'credentials are rotated with a grace period, and the stream goes on', async () => {
  await goto(`${channel}/inputs`);
  const before = (await api('GET', `${api_channel}?secrets=true`)).body.inputs[0];
  await button('Rotate credentials, Input 1').click();
  await page.getByLabel('The old ones hold for').fill('a day');
  await submit(page, 'Rotate credentials');
  await field(page, 'gracePeriod').getByText('must be a whole number').waitFor();
  await page.getByLabel('The old ones hold for').fill('600');
  await judge(page, 'rotate');
  await submit(page, 'Rotate credentials');
  await closed(page);
  const after = (await api('GET', `${api_channel}?secrets=true`)).body.inputs[0];
  check(after.username !== before.username && after.password !== before.password, 'they are the same');
  await page.getByText(after.password, { exact: true }).waitFor();
  const objects = async () => (await api('GET', `${api_channel}/status`)).body.inputs[0];
  const then = await objects();
  const now = await until(async () => { const one = await objects(); return one.objects > then.objects + 3 && one; }, 15, 'uploads go on');
  check(now.refused === then.refused, `${now.refused - then.refused} uploads were refused`);
});

await step(page, 'a clip is made, and a task that would go on is cancelled', async () => {
  const { timeline } = (await api('GET', `${api_channel}/status`)).body;
  const second = (text, more) => `${new Date(Date.parse(text) + more).toISOString().slice(0, 19)}Z`;
  await goto(`${channel}/tasks`);
  await button('New task').click();
  await page.getByLabel('Endpoint').selectOption('dash');
  await page.getByLabel('Start (UTC)').fill('yesterday');
  await submit(page, 'Create');
  await field(page, 'start').getByText('must be a UTC time').waitFor();
  await page.getByLabel('Start (UTC)').fill(second(timeline.start, 1000));
  await page.getByLabel('End (UTC)').fill(second(timeline.start, 7000));
  await judge(page, 'task-dialog');
  await submit(page, 'Create');
  await closed(page);
  await page.getByText('done', { exact: true }).waitFor({ timeout: 30000 });
  const clip = fs.readdirSync(path.join(job.clips, 'clips'));
  check(clip.length === 1 && fs.existsSync(path.join(job.clips, 'clips', clip[0], 'manifest.mpd')), clip.join());
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('button', { name: /^Copy URL of task/ }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  check(copied === `file:clips/${clip[0]}/manifest.mpd`, `${copied} was copied`);
  await button('New task').click();
  await page.getByLabel('Endpoint').selectOption('hls');
  await page.getByLabel('End (UTC)').fill(second(timeline.end, 3600_000));
  await page.getByLabel('Start (UTC)').fill(second(timeline.start, 1000));
  await submit(page, 'Create');
  await closed(page);
  await page.getByRole('link', { name: 'Collection tasks' }).click();
  await page.getByRole('link', { name: 'news / one' }).first().waitFor();
  await judge(page, 'tasks');
  await page.getByRole('button', { name: /^Cancel task/ }).click();
  await submit(page, 'Cancel task');
  await page.getByText('cancelled', { exact: true }).waitFor();
});

await step(page, 'clips in buckets are linked to where the store has them', async () => {
  const task = (await api('GET', '/collection-tasks')).body.items.find((one) => one.state === 'SUCCEEDED');
  const targets = [
    [{ url: 's3://clips/a/b', region: 'eu-west-1' }, 'https://clips.s3.eu-west-1.amazonaws.com/a/b/'],
    [{ url: 'oss://clips', region: 'cn-beijing' }, 'https://clips.oss-cn-beijing.aliyuncs.com/'],
    [{ url: 's3://clips/x/', endpoint: 'https://store.example:9000', pathStyle: true }, 'https://store.example:9000/clips/x/'],
    [{ url: 's3://clips', endpoint: 'javascript:alert(1)//' }, null],
    [{ url: 'file:clips' }, null],
  ];
  const items = targets.map(([target], index) => (
    { ...task, id: `task${index}`, target: { endpoint: null, region: null, credentials: null, pathStyle: false, ...target } }));
  const route = '**/api/v1/collection-tasks?*';
  await page.route(route, (request) => request.fulfill({ json: { items, nextPageToken: null, totalCount: items.length } }));
  await goto('');
  await goto('tasks');
  await page.getByRole('button', { name: 'Copy URL of task task4' }).waitFor();
  for (const [index, [, base]] of targets.entries()) {
    const links = page.getByRole('link', { name: `Manifest of task task${index}, in another tab` });
    check((await links.count()) === (base ? 1 : 0), `task ${index} has ${await links.count()} links`);
    const href = base ? await links.getAttribute('href') : null;
    check(!base || href === `${base}${task.folder}/${task.manifest}`, href);
  }
  await judge(page, 'links');
  await page.unroute(route);
});

await step(page, 'the channel is stopped, reset and started, each after a question', async () => {
  await goto(`${channel}/status`);
  await button('Stop channel one').click();
  await submit(page, 'Stop');
  await closed(page);
  await page.getByText('Stopped: encoders are refused').waitFor();
  check((await api('GET', api_channel)).body.state === 'STOPPED', 'the server does not say so');
  await judge(page, 'stopped');
  await button('Reset channel one').click();
  await submit(page, 'Reset');
  await closed(page);
  check((await api('GET', `${api_channel}/status`)).body.timeline === null, 'it still has content');
  await button('Start channel one').click();
  await button('Stop channel one').waitFor();
  check((await api('GET', api_channel)).body.state === 'RUNNING', 'it does not run again');
  await until(async () => (await api('GET', `${api_channel}/status`)).body.timeline, 30, 'content again');
});

await step(page, 'deletions ask first, and what forbids them is said', async () => {
  end_encoder();
  await goto('groups/news');
  await button('Delete group news').click();
  await submit(page, 'Delete');
  await dialog(page).getByText('has channels').waitFor();
  await judge(page, 'delete');
  await submit(page, 'Cancel');
  await goto(`${channel}/endpoints`);
  for (const name of ['hls', 'cmaf', 'dash']) {
    await button(`Delete endpoint ${name}`).click();
    await submit(page, 'Delete');
    await closed(page);
  }
  await page.getByText('No endpoints yet').waitFor();
  await button('Delete channel one').click();
  await submit(page, 'Delete');
  await dialog(page).getByRole('alert').getByText('content').waitFor();
  await page.getByLabel('Delete its recorded content too').check();
  await submit(page, 'Delete');
  await page.getByText('No channels in this group yet').waitFor();
  await button('Delete group news').click();
  await submit(page, 'Delete');
  await page.getByRole('heading', { name: 'Channel groups' }).waitFor();
  check((await api('GET', '/channel-groups/news')).status === 404, 'the group is still there');
});

await step(page, 'nothing was against the policy, asked of elsewhere, or thrown', async () => {
  check(seen.violations.length === 0, seen.violations.join('\n'));
  check(seen.foreign.length === 0, seen.foreign.join('\n'));
  check(seen.errors.length === 0, seen.errors.join('\n'));
  check(seen.urls.length > 100 && seen.urls.some((url) => url.startsWith(job.origin)), `${seen.urls.length} requests were seen`);
  check(!seen.urls.some((url) => url.includes(job.token)), 'the token was in a URL');
  await judges_see(page, seen);
});

await step(page, 'signing out forgets the token', async () => {
  await button('Sign out').click();
  await page.getByLabel('Control token').waitFor();
  await page.reload();
  await page.getByLabel('Control token').waitFor();
  check(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).includes(job.token), 'it is still there');
});

await browser.close();
