// SPDX-License-Identifier: Apache-2.0
// The console's forms against the API's description and the server: every setting, its range, and only where it is valid.
import fs from 'node:fs';
import { api, check, closed, dialog, field, job, judge, open_console, sign_in, step, submit } from './console_lab.mjs';

const { browser, page } = await open_console();
const button = (name) => page.getByRole('button', { name, exact: true });
const { schemas } = JSON.parse(fs.readFileSync(job.openapi, 'utf8')).components;
const endpoints = '/channel-groups/kept/channels/kept/endpoints';

// {path: schema} of what a client may set; objects are their members.
function settings(schema, prefix = '') {
  const out = {};
  for (const [name, value] of Object.entries(schema.properties)) {
    const reference = value.$ref ?? value.anyOf?.find((one) => one.$ref)?.$ref;
    if (value.readOnly) continue;
    if (reference) Object.assign(out, settings(schemas[reference.split('/').at(-1)], `${prefix}${name}.`));
    else out[prefix + name] = value;
  }
  return out;
}

// A value that is right by itself, wherever the setting is valid.
function sample(path, schema) {
  if (path === 'name') return 'probe';
  if (path === 'drm.providerUrl') return 'https://keys.example.com/speke';
  if (path === 'drm.systems') return ['WIDEVINE'];
  if (path === 'drm.constantIv') return '00112233445566778899aabbccddeeff';
  if (schema.enum) return schema.enum[0];
  if (schema.minimum !== undefined) return schema.minimum;
  const type = [schema.type].flat()[0];
  return { boolean: true, array: ['192.0.2.1'], string: 'x' }[type];
}

function nested(path, value) {
  return path.split('.').reverse().reduce((inner, key) => ({ [key]: inner }), value);
}

// What the server takes for this protocol: it says "is only for" of the rest. `wrong` keeps it from being created.
async function valid_for(protocol, paths) {
  const valid = [];
  for (const [path, schema] of Object.entries(paths)) {
    if (['name', 'protocol'].includes(path)) { valid.push(path); continue; }
    const answer = await api('POST', endpoints, { name: 'wr ong', protocol, ...nested(path, sample(path, schema)) });
    check(answer.status === 400, `${path}: ${answer.status}`);
    const refused = answer.body.errors.some(({ field: where, reason }) =>
      (where === path || path.startsWith(`${where}.`)) && reason.startsWith('is only for'));
    if (!refused) valid.push(path);
  }
  return valid.sort();
}

async function shown() {
  return page.locator('dialog [data-field]').evaluateAll((fields) => Object.fromEntries(fields.map((one) => {
    const input = one.querySelector('input, select, textarea');
    return [one.dataset.field, {
      min: input.dataset.min, max: input.dataset.max,
      options: one.querySelectorAll('option').length ? [...one.querySelectorAll('option')].map((option) => option.value)
        : input.type === 'checkbox' && input.value !== 'on' ? [...one.querySelectorAll('input')].map((tick) => tick.value) : null,
    }];
  })));
}

function compare(fields, paths, expected) {
  const names = Object.keys(fields).filter((name) => name !== 'drm').sort();
  check(names.join() === expected.join(), `shown: ${names}\nvalid: ${expected}`);
  for (const name of names) {
    const schema = paths[name];
    const choices = schema.enum ?? schema.items?.enum;
    if (choices) check(fields[name].options?.slice().sort().join() === [...choices].sort().join(), `${name}: ${fields[name].options}`);
    if (schema.minimum !== undefined) {
      check(+fields[name].min === schema.minimum && +fields[name].max === schema.maximum,
        `${name}: ${fields[name].min} to ${fields[name].max}, not ${schema.minimum} to ${schema.maximum}`);
    }
  }
}

await step(page, 'groups and channels have every setting of the API', async () => {
  await sign_in(page);
  await button('New group').click();
  compare(await shown(), settings(schemas.ChannelGroup), Object.keys(settings(schemas.ChannelGroup)).sort());
  await page.keyboard.press('Escape');
  await page.goto(`${job.control}/console/#/groups/kept`);
  await button('New channel').click();
  compare(await shown(), settings(schemas.Channel), Object.keys(settings(schemas.Channel)).sort());
  await page.keyboard.press('Escape');
});

for (const protocol of ['HLS', 'HLS_CMAF', 'DASH']) {
  await step(page, `a ${protocol} endpoint has every setting that the server takes for it, with its range, and no other`, async () => {
    const paths = settings(schemas.Endpoint);
    await page.goto(`${job.control}/console/#/groups/kept/channels/kept/endpoints`);
    await button('New endpoint').click();
    await page.getByLabel('Protocol').selectOption(protocol);
    if (protocol !== 'HLS') await page.getByLabel('Encrypt video and audio').check();
    const expected = await valid_for(protocol, paths);
    check(expected.length > 15 && expected.length < Object.keys(paths).length, `${expected.length} of ${Object.keys(paths).length}`);
    compare(await shown(), paths, expected);
    if (protocol === 'DASH') await judge(page, 'all-settings');
    await page.keyboard.press('Escape');
    await closed(page);
  });
}

await step(page, 'an endpoint is changed, encrypted and put back to its defaults; nothing else of it changes', async () => {
  await api('POST', endpoints, {
    name: 'edited', protocol: 'HLS_CMAF', authorizationCode: 'secret-1', ipBlacklist: ['192.0.2.1', '2001:db8::/32'], segmentDuration: 9,
    manifest: { programDateTimeInterval: 5 },
  });
  const read = async () => (await api('GET', `${endpoints}/edited?secrets=true`)).body;
  const before = await read();
  const edit = async () => {
    await button('Edit endpoint edited').click();
    await dialog(page).waitFor();
  };
  await edit();
  check(await page.getByRole('textbox', { name: 'Name', exact: true }).isDisabled(), 'the name can be changed');
  await page.getByLabel('Description').fill('of the evening');
  await page.getByLabel('Date tags every').fill('');
  await page.getByLabel('Segment duration').fill('');
  await submit(page, 'Save');
  await closed(page);
  const first = await read();
  check(first.description === 'of the evening' && first.manifest.programDateTimeInterval === null && first.segmentDuration === 2,
    JSON.stringify(first));
  check(first.authorizationCode === 'secret-1' && first.ipBlacklist.length === 2, JSON.stringify(first));
  await edit();
  await page.getByLabel('Encrypt video and audio').check();
  await submit(page, 'Save');
  await field(page, 'drm.providerUrl').getByText('is required').waitFor();
  await page.getByLabel('Key server').fill('https://keys.example.com/speke');
  await page.getByLabel('Widevine').check();
  await page.getByLabel('PlayReady').check();
  await submit(page, 'Save');
  await closed(page);
  const second = await read();
  check(second.drm?.systems.join() === 'WIDEVINE,PLAYREADY', JSON.stringify(second));
  await edit();
  await page.getByLabel('Encrypt video and audio').uncheck();
  await page.getByLabel('Description').fill('');
  await page.getByLabel('IP blacklist').fill('2001:db8::/32');
  await submit(page, 'Save');
  await closed(page);
  const third = await read();
  const same = (one) => JSON.stringify({ ...one, description: 0, ipBlacklist: 0, segmentDuration: 0, updatedAt: 0, manifest: 0 });
  check(same(third) === same(before) && third.drm === null && third.ipBlacklist.join() === '2001:db8::/32', JSON.stringify(third));
});

await step(page, 'a change does not overwrite that of somebody else', async () => {
  await button('Edit endpoint edited').click();
  await dialog(page).waitFor();
  await page.getByLabel('Description').fill('mine');
  await api('PATCH', `${endpoints}/edited`, { description: 'theirs' });
  await submit(page, 'Save');
  await dialog(page).getByText('changed by somebody else').waitFor();
  check((await api('GET', `${endpoints}/edited`)).body.description === 'theirs', 'it was overwritten');
  await page.keyboard.press('Escape');
});

await step(page, 'lists have pages and a filter', async () => {
  for (let i = 0; i < 23; ++i) await api('POST', '/channel-groups/kept/channels', { name: `c${String(i).padStart(2, '0')}` });
  await page.goto(`${job.control}/console/#/groups/kept`);
  await page.getByText('24 entries').waitFor();
  check(!(await page.getByRole('link', { name: 'c22', exact: true }).isVisible()), 'the last one is on the first page');
  await button('Next').click();
  await page.getByRole('link', { name: 'c22', exact: true }).waitFor();
  await page.getByLabel('Filter channels').fill('c1');
  await page.getByText('10 entries').waitFor();
  await page.getByRole('link', { name: 'c10', exact: true }).waitFor();
});

await step(page, 'a token that holds no more leads back to signing in, and from there to where one was', async () => {
  await page.route('**/api/v1/**', (route) => route.fulfill({ status: 401, body: '' }));
  await page.getByText('does not take this token').waitFor();
  await page.unroute('**/api/v1/**');
  await page.getByLabel('Control token').fill(job.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'kept', level: 1 }).waitFor();
});

await browser.close();
