// SPDX-License-Identifier: Apache-2.0
// Two encoders; the active one dies, and later the other one too, for a while: what an operator sees of it.
import { api as ask, check, job, judge, open_console, plays, sign_in, start, step, until } from './console_lab.mjs';

const { browser, page, seen } = await open_console();
const api = async (...what) => {
  const answer = await ask(...what);
  check(answer.status < 300, `${what.slice(0, 2).join(' ')}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};
const channel = '/channel-groups/pair/channels/one';
const tab = (name) => page.goto(`${job.control}/console/#/groups/pair/channels/one/${name}`);
const card = (id) => page.locator(`[data-input="${id}"]`);
const badge = async (id) => (await card(id).locator('.badge').textContent().catch(() => '')) ?? '';
const names = { ingest1: 'Input 1', ingest2: 'Input 2' };
const began = Date.now() / 1000 + 1;
let encoders = {};

// The same programme for both, by the clock; one that is started later begins with what is due then.
async function encode(id, offset = 0) {
  const { inputs } = await api('GET', `${channel}?secrets=true`);
  const { url, username, password } = inputs.find((one) => one.id === id);
  const log = `encoder-${id}-${offset}.log`;
  return start(`exec python3 '${job.encoder}' '${job.programme}' '${url}' '${username}' '${password}' --start ${began + offset}`, log);
}

await step(page, 'two encoders are live, one of them is active', async () => {
  await api('POST', '/channel-groups', { name: 'pair' });
  await api('POST', '/channel-groups/pair/channels', { name: 'one', segmentDuration: 2 });
  await api('POST', `${channel}/endpoints`, { name: 'hls', protocol: 'HLS', timeShiftDays: 1 });
  await sign_in(page);
  await tab('status');
  encoders = { ingest1: await encode('ingest1'), ingest2: await encode('ingest2') };
  await until(async () => [await badge('ingest1'), await badge('ingest2')].sort().join() === 'active,standby', 40,
    'one input is active, the other stands by');
  await page.getByText('Without gaps.').waitFor();
  await page.getByText('The active input has not changed.').waitFor();
});

let first;
let second;
await step(page, 'the active encoder dies: the other input is active, and the history says why', async () => {
  first = (await badge('ingest1')) === 'active' ? 'ingest1' : 'ingest2';
  second = first === 'ingest1' ? 'ingest2' : 'ingest1';
  encoders[first]();
  await until(async () => (await badge(second)) === 'active', 40, `${names[second]} is active`);
  const row = page.getByRole('row').filter({ hasText: `${names[first]} → ${names[second]}` });
  await row.waitFor();
  const { switches, timeline } = await api('GET', `${channel}/status`);
  check(switches.length === 1 && switches[0].from === first && switches[0].to === second, JSON.stringify(switches));
  const reason = switches[0].reason.replace(/ingest[12]/g, (id) => names[id]); // inputs are named as on the rest of the page
  check((await row.textContent()).includes(reason), 'the row does not say why');
  check(timeline.gaps.length === 0, `viewers missed something: ${JSON.stringify(timeline.gaps)}`);
  const facts = page.locator('[aria-labelledby="timeline"]');
  check((await facts.textContent()).includes(`Active input${names[second]}`), 'the timeline has the wrong input');
  await until(async () => (await badge(first)) === 'silent', 30, `${names[first]} is silent`);
  await card(first).getByText('stalled').waitFor();
  await card(first).getByText(/no media has come for/).waitFor();
  await judge(page, 'failover');
});

await step(page, 'the endpoint plays on what the other input sends', async () => {
  await page.goto(`${job.control}/console/#/groups/pair/channels/one/endpoints/hls`);
  await plays(page, 'hls.js');
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
});

await step(page, 'both are away for a while: the timeline has a gap', async () => {
  await tab('status');
  await card(second).waitFor();
  encoders[second]();
  const stopped = (await api('GET', `${channel}/status`)).timeline.end;
  await until(async () => (await badge(second)) === 'silent', 40, 'nothing comes any more');
  encoders[second] = await encode(second, Date.now() / 1000 - began + 2); // it begins anew
  const row = page.locator('[data-gap="OUTAGE"]');
  await row.waitFor({ timeout: 40000 });
  const { timeline } = await api('GET', `${channel}/status`);
  check(timeline.gaps.length === 1, JSON.stringify(timeline));
  const [gap] = timeline.gaps;
  check(Date.parse(gap.start) >= Date.parse(stopped) && Date.parse(gap.end) > Date.parse(gap.start) && gap.tracks.length === 0,
    JSON.stringify({ stopped, gap }));
  await row.getByText('Nothing came from either input').waitFor();
  await page.getByRole('img', { name: /: 1 gap$/ }).waitFor();
  const mark = await page.locator('.timeline .gap').getAttribute('width');
  check(Number(mark) >= 4, `the mark is ${mark} wide`);
  await judge(page, 'gap');
});

await step(page, 'nothing was thrown or against the policy', async () => {
  check(seen.violations.length === 0, seen.violations.join('\n'));
  check(seen.errors.length === 0, seen.errors.join('\n'));
  for (const end of Object.values(encoders)) end();
  await api('POST', `${channel}/stop`);
});

await browser.close();
