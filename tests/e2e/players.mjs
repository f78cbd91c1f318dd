// SPDX-License-Identifier: Apache-2.0
// Plays several manifests at once in headless Chromium and reports, a JSON line each, what a viewer would
// have seen. stdin: {cases: [{name, player, url, clear_keys}], seconds, screenshots}; clear_keys: {key id: key} in
// hexadecimal, for EME ClearKey whatever systems the manifest signals (shaka); subtitles: true shows the first
// subtitles, and `shown` in the result says what was on the screen when;
// metadata: true lists timed metadata as the player hands it out; from_start: true begins at the first segment;
// trick: winds on at so many times the speed, with I-frames (shaka); seeks: where to go, one after another (seeks.mjs), and
// `sought` in the result says what came of it; from: the UTC that shaka begins at; licence: where hls.js gets ClearKey
// licences; identity: shaka finds one EXT-X-KEY in playlists, of KEYFORMAT "identity" and with this URI before the key id
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { seek_through } from './seeks.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const job = JSON.parse(fs.readFileSync(0, 'utf8'));

const libraries = {
  'hls.js': ['hls.js/dist/hls.js'],
  shaka: ['mux.js/dist/mux.js', 'shaka-player/dist/shaka-player.compiled.debug.js'],
  'dash.js': ['dashjs/dist/modern/umd/dash.all.debug.js'],
};

const page_text = '<!doctype html><meta charset="utf-8"><video id="video" muted playsinline width="640"></video>';
const server = http.createServer((request, response) => {
  const target = new URL(request.url, 'http://x').pathname;
  if (!target.startsWith('/lib/')) {
    response.setHeader('content-type', 'text/html');
    response.end(page_text);
    return;
  }
  fs.readFile(path.join(here, 'node_modules', target.slice(5)), (error, data) => {
    response.statusCode = error ? 404 : 200;
    response.setHeader('content-type', 'text/javascript');
    response.end(data);
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const base = `http://127.0.0.1:${server.address().port}`;

// Runs inside the page: starts the player, samples currentTime, tells what happened.
async function watch({ player, url, seconds, clear_keys, subtitles, metadata, from_start, trick, seeks, from, licence, identity }) {
  const video = document.getElementById('video');
  const errors = [];
  let on_ended = (then) => video.addEventListener('ended', then);
  let range = null;  // where seeking may go: {start, live}
  let programme_time = () => null;  // wall-clock time of what is on the screen, as the player works it out
  let ranges = 0;  // requests for parts of files
  const heard = [];  // timed metadata: [kind, time on the player's axis]
  const kind_of = (scheme) => (/scte35/.test(scheme) ? 'scte35' : /id3/i.test(scheme) ? 'id3' : scheme);
  // headers have no PSSH for ClearKey; the playlist's KEYID says all
  const by_key_id = (_type, _data, { decryptdata }) => {
    const kid = btoa(String.fromCharCode(...decryptdata.keyId)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
    return { initDataType: 'keyids', initData: new TextEncoder().encode(JSON.stringify({ kids: [kid] })).buffer };
  };
  const note = (text) => { if (errors.length < 8) errors.push(String(text).slice(0, 300)); };
  video.addEventListener('error', () => note(`video element: ${video.error && video.error.message}`));
  try {
    if (player === 'hls.js') {
      // seeks with little in the buffer have to find their segments
      const hls = new Hls({
        ...(from_start ? { startPosition: 0, enableEmsgMetadataCues: true } : {}),
        ...(seeks ? { maxBufferLength: 4, maxMaxBufferLength: 4, backBufferLength: 2 } : {}),
        ...(licence ? { emeEnabled: true, drmSystems: { 'org.w3.clearkey': { licenseUrl: licence, generateRequest: by_key_id } } } : {}),
      });
      // in front of the first picture, which B frames put behind 0, it loads the live edge
      range = () => ({ start: hls.latestLevelDetails.fragmentStart + 0.1, live: hls.liveSyncPosition });
      if (metadata) {
        hls.on(Hls.Events.FRAG_PARSING_METADATA, (_event, data) => data.samples.forEach((sample) => heard.push(
          [/emsg/.test(sample.type) && !/ID3/.test(new TextDecoder('latin1').decode(sample.data).slice(0, 3)) ? 'scte35' : 'id3', sample.pts])));
      }
      hls.on(Hls.Events.ERROR, (_event, data) => {
        // Said while the first fragments are joined at the live edge; what a viewer would see of it is a stall.
        const while_starting = !data.fatal && ['bufferSeekOverHole', 'bufferAppendNoProgress'].includes(data.details);
        // a request that it gives up itself, because of a seek or of another level; a server that breaks off is a load error
        const its_own = !data.fatal && data.details === 'aborted';
        // that it waits for a moment: that it plays on is judged
        const while_seeking = seeks && !data.fatal && data.details === 'bufferStalledError';
        if (!while_starting && !its_own && !while_seeking) note(`${data.type}/${data.details}${data.fatal ? ' fatal' : ''} ${data.error || ''}`);
      });
      programme_time = () => hls.playingDate;
      if (subtitles) hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, () => { hls.subtitleDisplay = true; hls.subtitleTrack = 0; });
      hls.loadSource(url);
      hls.attachMedia(video);
    } else if (player === 'shaka') {
      shaka.polyfill.installAll();
      const shaka_player = new shaka.Player();
      window.shaka_player = shaka_player;
      shaka_player.getNetworkingEngine().registerRequestFilter((_type, request) => {
        if (trick && request.headers.Range && !/bytes=0-$/.test(request.headers.Range)) ranges += 1;
      });
      if (identity) {
        const as_identity = (text) => text.split('\n').filter((line) => !/^#EXT-X-(SESSION-)?KEY/.test(line) || /clearkey"/.test(line))
          .map((line) => line.replace(/^(#EXT-X-[A-Z-]+:METHOD=[A-Z-]+,).*KEYID=0x([0-9a-f]+).*/, `$1URI="${identity}$2",KEYFORMAT="identity"`));
        shaka_player.getNetworkingEngine().registerResponseFilter((type, response) => {
          if (type !== shaka.net.NetworkingEngine.RequestType.MANIFEST) return;
          const text = shaka.util.StringUtils.fromUTF8(response.data);
          response.data = shaka.util.StringUtils.toUTF8(as_identity(text).join('\n'));
        });
      }
      await shaka_player.attach(video);
      if (seeks) {
        shaka_player.configure({ streaming: { bufferingGoal: 4, bufferBehind: 2 } });
        // it lets nobody come nearer to the live edge than a manifest suggests, and what begins at `start` suggests that
        shaka_player.configure('manifest.dash.ignoreSuggestedPresentationDelay', true);
      }
      range = () => ({ start: shaka_player.seekRange().start, live: shaka_player.seekRange().end });
      if (clear_keys) shaka_player.configure({ drm: { clearKeys: clear_keys } });
      shaka_player.addEventListener('error', ({ detail }) => note(
        `shaka ${detail.code} ${JSON.stringify(detail.data)} ${detail.code ? '' : detail.stack || JSON.stringify(detail)}`));
      programme_time = () => shaka_player.getPlayheadTimeAsDate();
      if (metadata) {
        shaka_player.configure({ mediaSource: { dispatchAllEmsgBoxes: true } });
        shaka_player.addEventListener('emsg', ({ detail }) => heard.push([kind_of(detail.schemeIdUri), detail.startTime]));
        shaka_player.addEventListener('metadata', (event) => heard.push([kind_of(event.metadataType), event.startTime]));
      }
      await shaka_player.load(url, from ? new Date(from) : from_start ? 0 : undefined);
      if (subtitles) {
        shaka_player.selectTextTrack(shaka_player.getTextTracks()[0]);
        shaka_player.setTextTrackVisibility?.(true);
      }
    } else if (player === 'dash.js') {
      const dash = dashjs.MediaPlayer().create();
      dash.on('error', (event) => note(`dash.js ${JSON.stringify(event.error || event)}`));
      programme_time = () => new Date(dash.timeAsUTC() * 1000);
      if (metadata) {
        for (const scheme of ['urn:scte:scte35:2013:bin', 'https://aomedia.org/emsg/ID3']) {
          dash.on(scheme, (event) => heard.push([kind_of(scheme), event.event.calculatedPresentationTime]), null,
            { mode: dashjs.MediaPlayer.events.EVENT_MODE_ON_RECEIVE });
        }
      }
      if (seeks) {
        // and a seek into a later Period that is in the buffer already is one that dash.js 5.2 may never end
        dash.updateSettings({ streaming: { buffer: {
          bufferTimeDefault: 4, bufferTimeAtTopQuality: 4, bufferTimeAtTopQualityLongForm: 4, bufferToKeep: 2 } } });
      }
      range = () => ({ start: video.seekable.start(0), live: video.seekable.end(0) });
      on_ended = (then) => dash.on(dashjs.MediaPlayer.events.PLAYBACK_ENDED, then);  // it may say so before the video does
      dash.initialize(video, url, true, from_start ? 0 : undefined);
      if (subtitles) dash.enableText(true);
    } else {
      video.src = url;
    }
  } catch (error) {
    note(`exception ${error.code || ''} ${error.message || error} ${JSON.stringify(error.data || '')}`);
  }
  // dash.js starts by itself, and misses a `play` event that comes before it listens: its manifest is then never updated
  if (player !== 'dash.js') video.play().catch((error) => note(`play(): ${error.message}`));

  const tick = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const patience = performance.now() + 30000;
  while (video.currentTime === 0 || video.paused || video.readyState < 3) {
    if (performance.now() > patience) break;
    await tick(50);
  }
  const began_at = video.currentTime;
  const sought = seeks ? await window.seek_through({
    // dash.js 5.2 may ask for nothing after a seek away from an end that is all in the buffer; a second one helps it
    video, seeks, range, programme_time, on_ended, tries: player === 'dash.js' ? 2 : 1 }) : null;
  if (trick) window.shaka_player.trickPlay(trick);
  const quality = () => video.getVideoPlaybackQuality();
  const began = performance.now();
  let position = video.currentTime;
  const first = position;
  const first_time = programme_time();
  const latency = first_time ? (Date.now() - first_time.getTime()) / 1000 : null;
  let last_move = began;
  let longest_stall = 0;
  let backwards = 0;
  const shown = [];
  while (performance.now() - began < seconds * 1000) {
    await tick(100);
    const now = performance.now();
    if (video.currentTime > position) last_move = now;
    if (video.currentTime < position) backwards += 1;
    position = video.currentTime;
    longest_stall = Math.max(longest_stall, now - last_move);
    if (subtitles) shown.push([video.currentTime, [...video.textTracks].flatMap((t) => [...(t.activeCues || [])]).map((cue) => cue.text)]);
  }
  const buffered = [];
  for (let i = 0; i < video.buffered.length; ++i) buffered.push([video.buffered.start(i), video.buffered.end(i)]);
  return {
    sought, began_at, shown, ranges, metadata: heard, began: video.seekable.length ? video.seekable.start(0) : null, advanced: position - first, first, first_time, latency, position, longest_stall: longest_stall / 1000, backwards, errors, buffered,
    width: video.videoWidth, height: video.videoHeight, frames: quality().totalVideoFrames,
    dropped: quality().droppedVideoFrames, audio_bytes: video.webkitAudioDecodedByteCount,
  };
}

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'tarn-chromium-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
    '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
    '--disable-backgrounding-occluded-windows'],
});

async function run(one) {
  const page = await context.newPage();
  const console_errors = [];
  page.on('pageerror', (error) => console_errors.push(`page: ${error.message.slice(0, 300)}`));
  await page.goto(base);
  for (const library of libraries[one.player] || []) await page.addScriptTag({ url: `/lib/${library}` });
  if (one.seeks) await page.addScriptTag({ content: `window.seek_through = ${seek_through}` });
  const result = await page.evaluate(watch, { player: one.player, url: one.url, seconds: job.seconds, clear_keys: one.clear_keys, subtitles: one.subtitles, metadata: one.metadata, from_start: one.from_start, trick: one.trick, seeks: one.seeks, from: one.from,
    licence: one.licence, identity: one.identity });
  if (job.screenshots) await page.screenshot({ path: path.join(job.screenshots, `${one.name}.png`) });
  await page.close();
  process.stdout.write(`${JSON.stringify({ name: one.name, ...result, errors: [...result.errors, ...console_errors] })}\n`);
}

let code = 0;
try {
  await Promise.all(job.cases.map(run));
} catch (error) {
  console.error(error);
  code = 1;
}
await context.close();
server.close();
fs.rmSync(profile, { recursive: true, force: true });
process.exit(code);
