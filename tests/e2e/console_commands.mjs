// SPDX-License-Identifier: Apache-2.0
// Each command line that the console shows brings a whole stream to the server, for either kind of channel.
import fs from 'node:fs';
import path from 'node:path';
import { api, check, job, open_console, sign_in, start, step, until } from './console_lab.mjs';

const { browser, page } = await open_console();
// name, its place in the list, inputs that get the stream, tracks
const commands = [['tee', 0, ['ingest1', 'ingest2'], 3], ['single', 1, ['ingest1'], 2], ['other', 2, ['ingest2'], 2],
  ['gstreamer', 3, ['ingest1'], 2]];

await sign_in(page);
await api('POST', '/channel-groups', { name: 'commands' });
for (const protocol of ['HLS', 'HLS_CMAF']) {
  for (const [name, place, expected, tracks] of commands) {
    await step(page, `${protocol}: the command line for ${expected.join(' and ')} (${name})`, async () => {
      const channel = `${name}-${protocol}`;
      await api('POST', '/channel-groups/commands/channels', { name: channel, protocol, segmentDuration: 2 });
      await page.goto(`${job.control}/console/#/groups/commands/channels/${channel}/inputs`);
      await page.getByRole('button', { name: 'Show passwords' }).click();
      await page.getByRole('button', { name: 'Hide passwords' }).waitFor();
      const log = `${channel}.log`;
      const end = start(await page.locator(`[data-command="${place}"]`).textContent(), log);
      const status = async () => (await api('GET', `/channel-groups/commands/channels/${channel}/status`)).body;
      const said = () => fs.readFileSync(path.join(job.folder, log), 'utf8').slice(-1000);
      const now = await until(async () => {
        const one = await status();
        return one.timeline?.slots >= 3 && one.inputs.filter((input) => input.connected).length === expected.length && one;
      }, 30, 'three segments').catch(async (error) => {
        throw new Error(`${error.message}\n${JSON.stringify(await status())}\n${said()}`);
      });
      end();
      check(now.tracks.length === tracks, JSON.stringify(now.tracks));
      check(now.inputs.every((input) => input.refused === 0 && !input.lastError && input.conditions.length === 0), JSON.stringify(now.inputs));
      const seen = now.inputs.filter((input) => input.connected).map((input) => input.id);
      check(seen.join() === expected.join(), `it came to ${seen}`);
      // a key frame begins each segment: none is longer than it is set
      const length = (Date.parse(now.timeline.end) - Date.parse(now.timeline.start)) / now.timeline.slots / 1000;
      check(Math.abs(length - 2) < 0.1, `segments of ${length} s`);
    });
  }
}
await browser.close();
