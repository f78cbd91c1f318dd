// SPDX-License-Identifier: Apache-2.0
// Seeking as a viewer does it, one place after another. players.mjs puts this into its page, so that it names nothing
// outside of itself. The pictures have to carry their numbers (seeking.py draws them): 16 squares of 16 pixels along the
// top, the lowest bit first.

// `seeks`: numbers are times of the player's axis, gone to with the video held as while a handle is dragged; 'start' and
// 'live' are where `range()` has them, gone to while it plays; 'end' waits until the presentation has ended. Returns for
// each {asked, arrived, picture, played, position, latency}: where it was sent, the time and the number of the first
// picture that was shown there, how far it played on, how far behind the clock that is.
// `tries`: how often it is sent to a place before that has failed; `tried` in the result says how often it was.
export async function seek_through({ video, seeks, range, programme_time, on_ended, tries }) {
  const patience = 20000;  // what takes longer has failed
  const tick = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const until = async (condition, wait = patience) => {
    const deadline = performance.now() + wait;
    while (!condition() && performance.now() < deadline) await tick(20);
    return condition();
  };

  const canvas = document.createElement('canvas');
  canvas.width = 256;
  canvas.height = 16;
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const number_shown = () => {
    pen.drawImage(video, 0, 0, 256, 16, 0, 0, 256, 16);
    let number = 0;
    for (let bit = 0; bit < 16; ++bit) {
      const [red, green, blue] = pen.getImageData(16 * bit + 8, 8, 1, 1).data;
      if (red + green + blue > 3 * 128) number += 2 ** bit;
    }
    return number;
  };
  let target = null;
  let around = null;  // [before, behind] the target, in seconds
  let shown = null;  // the latest picture there
  const on_picture = (_now, { mediaTime }) => {
    const is_near = target !== null && mediaTime > target - around[0] && mediaTime < target + around[1];
    if (is_near) shown = { at: mediaTime, number: number_shown() };
    video.requestVideoFrameCallback(on_picture);
  };
  video.requestVideoFrameCallback(on_picture);

  const state = () => ({
    paused: video.paused, ready: video.readyState,
    buffered: [...Array(video.buffered.length).keys()].map((i) => [video.buffered.start(i), video.buffered.end(i)]),
  });

  let ended = null;  // where
  on_ended(() => { ended = video.currentTime; });

  const results = [];
  const began = video.currentTime;
  await until(() => video.currentTime > began + 1);  // nobody seeks before there is something to see
  for (const seek of seeks) {
    if (seek === 'end') {
      results.push({ asked: seek, ended: await until(() => ended !== null), position: ended, ...state() });
      continue;
    }
    const asked = typeof seek === 'number' ? seek : range()[seek];
    const holds = typeof seek === 'number';
    if (holds) video.pause();
    target = asked;
    around = holds ? [0.3, 0.3] : [3, 5];
    shown = null;
    let tried = 0;
    let is_there = false;
    while (!is_there && tried < tries) {
      ++tried;
      video.currentTime = asked;
      if (!holds && video.paused) video.play().catch(() => {});
      is_there = await until(() => shown !== null && !video.seeking, patience / tries);
    }
    if (!is_there) {
      results.push({ seek, asked, tried, arrived: null, position: video.currentTime, ...state() });
      break;  // the others would take as long
    }
    const { at: arrived, number: picture } = shown;
    target = null;
    if (video.paused) video.play().catch(() => {});
    const from = video.currentTime;
    await until(() => video.currentTime > from + 1.2 || video.ended);
    const time = programme_time();
    results.push({
      seek, asked, tried, arrived, picture, played: video.currentTime - from,
      position: video.currentTime, latency: time ? (Date.now() - time.getTime()) / 1000 : null, ...state(),
    });
  }
  return results;
}
