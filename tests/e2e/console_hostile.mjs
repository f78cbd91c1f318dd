// SPDX-License-Identifier: Apache-2.0
// Row G7 of the fault matrix: markup in every text that somebody else may set, and pages of another origin that use an operator's
// browser against the control API.
import http from 'node:http';
import { api as ask, check, job, open_console, sign_in, step, until } from './console_lab.mjs';

const { browser, page, seen } = await open_console();
const goto = (hash) => page.goto(`${job.control}/console/#/${hash}`);
const evil = `<img src=x onerror="alert('g7')"><svg onload=alert(7)></svg><script>alert(7)</script>"'>{{7*7}}\${alert(7)}`;
const dialogs = [];
page.on('dialog', async (dialog) => {
  dialogs.push(dialog.message());
  await dialog.dismiss();
});
const api = async (...what) => {
  const answer = await ask(...what);
  check(answer.status < 300, `${what.slice(0, 2).join(' ')}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};

// As text it is there, as markup it is not.
async function harmless(where) {
  await page.getByText("onerror=\"alert('g7')\"").first().waitFor();
  const made = await page.evaluate(() => document.querySelectorAll('img[src="x"], svg[onload], main script, [onerror], [onload]').length);
  check(made === 0, `${where}: ${made} elements were made of it`);
}

await step(page, 'G7 names that are markup are refused', async () => {
  for (const name of [evil, '<img onerror>', 'a"b', "a'b", 'javascript:alert(7)']) {
    const refused = await ask('POST', '/channel-groups', { name });
    check(refused.status === 400 && refused.body.errors[0].field === 'name', JSON.stringify(refused));
  }
});

await step(page, 'G7 markup in descriptions and in what encoders send is shown as text', async () => {
  await api('POST', '/channel-groups', { name: 'evil', description: evil });
  const { inputs } = await api('POST', '/channel-groups/evil/channels', { name: 'one', description: evil });
  await api('POST', '/channel-groups/evil/channels/one/endpoints', { name: 'hls', protocol: 'HLS', description: evil, timeShiftDays: 1 });
  const { username, password, url } = inputs[0];
  const Authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const put = (name, body) => fetch(`${url.slice(0, url.lastIndexOf('/'))}/${name}`, { method: 'PUT', headers: { Authorization }, body });
  // a playlist whose every text is hostile, and a name that is
  const playlist = `#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${evil.replaceAll('"', '')}",URI="x.m3u8"\n#EXT-X-${evil}\n${evil}\n`;
  for (const name of ['manifest.m3u8', `${encodeURIComponent(evil)}.m3u8`, '%3Cimg%20src=x%20onerror=alert(7)%3E.ts']) {
    const answer = await put(name, playlist);
    check(answer.status < 500, `${name}: ${answer.status}`);
  }
  await sign_in(page);
  await harmless('groups');
  await goto('groups/evil');
  await harmless('group');
  for (const tab of ['status', 'inputs', 'endpoints', 'tasks']) {
    await goto(`groups/evil/channels/one/${tab}`);
    await page.locator('nav.tabs').waitFor();
    await harmless(tab);
  }
  await page.getByRole('button', { name: 'Edit channel one', exact: true }).click();
  const description = page.getByRole('textbox', { name: 'Description', exact: true });
  await description.waitFor();
  check((await description.inputValue()) === evil, await description.inputValue());
  await page.keyboard.press('Escape');
  await goto('groups/evil/channels/one/endpoints/hls');
  await harmless('endpoint');
});

await step(page, 'G7 markup in an address is shown as text, and leads nowhere', async () => {
  for (const hash of [`groups/${encodeURIComponent(evil)}`, `groups/evil/channels/${encodeURIComponent(evil)}`, encodeURIComponent(evil),
    'groups/..%2F..%2Fexport%3Fsecrets=true', 'groups/javascript:alert(7)']) {
    await goto(hash);
    await page.getByRole('heading', { level: 1 }).waitFor();
    const made = await page.evaluate(() => document.querySelectorAll('img[src="x"], svg[onload], main script').length);
    check(made === 0, `${hash}: ${made} elements were made of it`);
  }
  check(!seen.urls.some((url) => url.startsWith(`${job.control}/api/v1/export`)), 'a name left its place in the path');
  check(!(await page.content()).includes('href="javascript:'), 'a link runs code');
});

await step(page, 'G7 a page of another origin changes and reads nothing', async () => {
  const before = await api('GET', '/export');
  const target = `${job.control}/api/v1/channel-groups`;
  const server = http.createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><title>other</title><form id=f method=post enctype=text/plain action="${target}">
      <input name='{"name":"csrf","description":"' value='"}'></form><iframe id=frame src="${job.control}/console/"></iframe>`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // in the browser of an operator who is signed in, in another tab
  const other = await page.context().newPage();
  const answers = [];
  other.on('response', (response) => answers.push([response.request().method(), response.url(), response.status()]));
  try {
    await other.goto(`http://127.0.0.1:${server.address().port}/`);
    const outcomes = await other.evaluate(async (url) => {
      const body = '{"name":"csrf"}';
      const tries = {
        plain: { method: 'POST', mode: 'no-cors', credentials: 'include', headers: { 'Content-Type': 'text/plain' }, body },
        json: { method: 'POST', credentials: 'include', headers: { 'Content-Type': 'application/json' }, body },
        token: { method: 'GET', credentials: 'include', headers: { Authorization: 'Bearer guess' } },
        read: { method: 'GET', credentials: 'include' },
        remove: { method: 'DELETE', credentials: 'include' },
      };
      const found = {};
      for (const [name, options] of Object.entries(tries)) {
        found[name] = await fetch(url, options).then((answer) => answer.type, () => 'refused');
      }
      return found;
    }, target);
    check(JSON.stringify(outcomes) === JSON.stringify({ plain: 'opaque', json: 'refused', token: 'refused', read: 'refused', remove: 'refused' }),
      JSON.stringify(outcomes));
    const framed = await other.frameLocator('#frame').getByLabel('Control token').count();
    check(framed === 0, 'the console is shown in a frame of another origin');
    await Promise.all([other.waitForURL(target), other.evaluate(() => document.getElementById('f').submit())]);
    const posts = answers.filter(([method, url]) => method === 'POST' && url === target);
    check(posts.length === 2 && posts.every(([, , status]) => status === 403), JSON.stringify(answers));
  } finally {
    await other.close();
    server.close();
  }
  check(JSON.stringify(await api('GET', '/export')) === JSON.stringify(before), 'something has changed');
});

await step(page, 'G7 no dialog, nothing against the policy, nothing asked of elsewhere', async () => {
  check(dialogs.length === 0, dialogs.join('\n'));
  check(seen.violations.length === 0, seen.violations.join('\n'));
  check(seen.foreign.length === 0, seen.foreign.join('\n'));
  check(seen.errors.length === 0, seen.errors.join('\n'));
  check(!seen.urls.some((url) => url.endsWith('/console/x')), 'an image was asked for');
  // the judge itself: the same text as markup is seen
  await page.evaluate((text) => { document.querySelector('main').innerHTML = text; }, evil);
  await until(() => seen.violations.length > 0, 5, 'markup is a violation');
  check(dialogs.length === 0, 'the policy let it run');
});

await browser.close();
