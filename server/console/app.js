// SPDX-License-Identifier: Apache-2.0
// A preview of the console: what runs, and a player for every endpoint. Text from the API enters the page
// as text only.
const api = '/api/v1';
const refreshMs = 3000;
const byId = (id) => document.getElementById(id);
let token = sessionStorage.getItem('tarn-token') ?? '';
let endpoints = [];
let player = null;
let timer = 0;

class Unauthorized extends Error {}

async function get(path) {
  const answer = await fetch(api + path, {headers: {Authorization: `Bearer ${token}`}});
  if (answer.status === 401) throw new Unauthorized('The token is not right.');
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function list(path) {
  const items = [];
  let page = '';
  do {
    const part = await get(`${path}?pageSize=100${page && `&pageToken=${encodeURIComponent(page)}`}`);
    items.push(...part.items);
    page = part.nextPageToken ?? '';
  } while (page);
  return items;
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const bytes = (n) => (n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : `${(n / 1e6).toFixed(1)} MB`);
const rate = (n) => (n >= 1e6 ? `${(n / 1e6).toFixed(1)} Mb/s` : `${Math.round(n / 1e3)} kb/s`);

function inputCell(input) {
  if (!input) return element('td', {className: 'soft', textContent: '–'});
  const seen = Boolean(input.lastSegment);
  const state = !seen ? ['soft', 'never seen'] : !input.connected ? ['bad', 'silent'] :
      input.active ? ['good', 'active'] : ['good', 'standby'];
  const detail = input.connected && input.bitrate ? rate(input.bitrate) : '';
  const cell = element('td', {}, element('span', {className: `dot ${state[0]}`, textContent: state[1]}),
      element('small', {textContent: detail}));
  if (input.lastError) {
    cell.append(element('small', {className: 'warn', textContent: 'last error', title: input.lastError.error}));
  }
  return cell;
}

function trackText(track) {
  return track.kind === 'VIDEO' ? `${track.width}×${track.height} ${track.codec}` :
      `${track.codec} ${(track.sampleRate ?? 0) / 1000} kHz`;
}

function channelRow({group, channel, status, own}) {
  const [one, two] = status.inputs ?? [];
  const timeline = status.timeline;
  const range = timeline ? `${timeline.start.slice(11, 19)} – ${timeline.end.slice(11, 19)}` : 'empty';
  return element('tr', {},
      element('td', {}, element('strong', {textContent: channel.name}), element('small', {textContent: group.name})),
      inputCell(one), inputCell(two),
      element('td', {}, ...(status.tracks ?? []).map((t) => element('small', {textContent: trackText(t)}))),
      element('td', {textContent: range}, element('small', {textContent: bytes(status.archive?.bytes ?? 0)})),
      element('td', {textContent: status.switchCount ?? 0}),
      element('td', {}, ...own.map((e) => element('small', {textContent: `${e.name} · ${e.protocol}`}))));
}

async function load() {
  const rows = [];
  endpoints = [];
  for (const group of await list('/channel-groups')) {
    for (const channel of await list(`/channel-groups/${group.name}/channels`)) {
      const path = `/channel-groups/${group.name}/channels/${channel.name}`;
      const own = await list(`${path}/endpoints`);
      endpoints.push(...own.map((e) => ({...e, label: `${group.name} / ${channel.name} / ${e.name} (${e.protocol})`})));
      rows.push(channelRow({group, channel, status: await get(`${path}/status`), own}));
    }
  }
  byId('channels').replaceChildren(...rows);
  byId('empty').hidden = rows.length > 0;
  fillSelector();
  byId('state').textContent = `updated ${new Date().toLocaleTimeString()}`;
}

function fillSelector() {
  const select = byId('endpoint');
  const key = endpoints.map((e) => e.url).join('\n');
  if (select.dataset.key === key) return;
  const chosen = select.value;
  select.replaceChildren(...endpoints.map((e) => element('option', {value: e.url, textContent: e.label})));
  if (endpoints.some((e) => e.url === chosen)) select.value = chosen;
  select.dataset.key = key;
}

async function refresh() {
  clearTimeout(timer);
  try {
    await load();
    show(true);
  } catch (error) {
    if (error instanceof Unauthorized) return signOut(token ? error.message : '');
    byId('state').textContent = error.message;
  }
  timer = setTimeout(refresh, refreshMs);
}

function show(signedIn) {
  byId('sign-in').hidden = signedIn;
  byId('content').hidden = !signedIn;
  byId('sign-out').hidden = !signedIn;
}

function signOut(message = '') {
  clearTimeout(timer);
  token = '';
  sessionStorage.removeItem('tarn-token');
  stop();
  show(false);
  byId('state').textContent = '';
  byId('sign-in-error').textContent = message;
}

async function play() {
  const say = (text) => { byId('playback').textContent = text; };
  if (!window.shaka) return say('The player is not installed: run npm install in server/console.');
  await stop();
  const url = byId('endpoint').value;
  if (!url) return say('There is no endpoint to play.');
  shaka.polyfill.installAll();
  player = new shaka.Player();
  await player.attach(byId('video'));
  player.addEventListener('error', (event) => say(`player error ${event.detail.code}`));
  const code = byId('code').value;
  if (code) {
    player.getNetworkingEngine().registerRequestFilter((type, request) => {
      request.headers.Authorization = `Bearer ${code}`;
    });
  }
  byId('stop').hidden = false;
  try {
    await player.load(url);
    await byId('video').play();
    say(`playing ${url}`);
  } catch (error) {
    const status = error.code === 1001 ? error.data?.[1] : '';
    byId('code').hidden = status !== 401 && byId('code').hidden;
    say(status === 503 ? 'This channel has no content yet.' : `cannot play: ${status || error.code || error.message}`);
  }
}

async function stop() {
  byId('stop').hidden = true;
  const old = player;
  player = null;
  await old?.destroy();
}

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  token = byId('token').value.trim();
  byId('token').value = '';
  byId('sign-in-error').textContent = '';
  sessionStorage.setItem('tarn-token', token);
  refresh();
});
byId('sign-out').addEventListener('click', () => signOut());
byId('play').addEventListener('click', play);
byId('stop').addEventListener('click', async () => { await stop(); byId('playback').textContent = ''; });
if (token) refresh(); else show(false);
