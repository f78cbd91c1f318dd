// SPDX-License-Identifier: Apache-2.0
// What the console's stories stand on: a browser that watches over the page, and steps that are told as JSON lines.
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = path.dirname(fileURLToPath(import.meta.url));
const axe_source = fs.readFileSync(path.join(here, 'node_modules/axe-core/axe.min.js'), 'utf8');
export const job = JSON.parse(fs.readFileSync(0, 'utf8'));

export function check(condition, what) {
  if (!condition) throw new Error(what);
}

// Polls; the bound is a failure, not a pause.
export async function until(condition, seconds, what) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const result = await condition();
    if (result) return result;
    check(Date.now() < deadline, `after ${seconds} s still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// A command line in a shell; ends it and all that it has started.
export function start(line, log) {
  const file = fs.openSync(path.join(job.folder, log), 'w');
  const child = spawn('sh', ['-c', line], { detached: true, stdio: ['ignore', file, file] });
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch { /* it has ended */ }
  };
  child.unref(); // a story does not wait for it, it ends it
  process.on('exit', end);
  return end;
}

export async function api(method, where, body) {
  const answer = await fetch(`${job.control}/api/v1${where}`, {
    method,
    headers: { Authorization: `Bearer ${job.token}`, 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null };
}

// One browser, one page, and everything that it must not do.
export async function open_console() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required', '--disable-background-networking',
      '--disable-component-update'],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  const seen = { foreign: [], urls: [], violations: [], errors: [] };
  const allowed = [new URL(job.control).host, new URL(job.origin).host];
  page.on('request', (request) => {
    const url = request.url();
    seen.urls.push(url);
    if (/^https?:/.test(url) && !allowed.includes(new URL(url).host)) seen.foreign.push(url);
  });
  page.on('pageerror', (error) => seen.errors.push(error.message));
  await page.exposeFunction('note_violation', (text) => seen.violations.push(text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.note_violation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  return { browser, page, seen };
}

async function serious(page) {
  await page.evaluate(axe_source);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  return found.violations.filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`).join(' | ')}`);
}

const looks = [['light', 1280, 900], ['dark', 1280, 900], ['dark', 390, 844], ['light', 390, 844]];

// As it is now, in both colour schemes and at the width of a phone: accessible, and nothing to scroll sideways for.
export async function judge(page, name) {
  const complaints = [];
  for (const [scheme, width, height] of looks) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
    for (const text of await serious(page)) complaints.push(`${scheme} ${width}: ${text}`);
    const over = await page.evaluate(() => document.scrollingElement.scrollWidth - window.innerWidth);
    if (over > 0) complaints.push(`${scheme} ${width}: ${over} px too wide`);
    if (job.screenshots) {
      await page.screenshot({ path: path.join(job.screenshots, `${name}-${scheme}-${width}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 900 });
  check(complaints.length === 0, `${name}: ${complaints.join('\n')}`);
}

// The judges themselves: what they are for must not pass them.
export async function judges_see(page, seen) {
  await page.evaluate(() => {
    const image = document.createElement('img');
    image.src = 'tarn.svg';
    const inline = document.createElement('script');
    inline.textContent = 'window.inlined = true';
    document.querySelector('main').append(image, inline);
  });
  const complaints = await serious(page);
  check(complaints.some((text) => text.startsWith('image-alt')), `an image without a text is none of ${complaints}`);
  await until(() => seen.violations.length > 0, 5, 'inline code is a violation');
  check(!(await page.evaluate(() => window.inlined)), 'inline code ran');
  seen.violations.length = 0;
}

// What comes after a step that failed has no ground to stand on: the story ends there, with its first failure.
export async function step(page, name, run) {
  try {
    await run();
    process.stdout.write(`${JSON.stringify({ name, ok: true })}\n`);
  } catch (problem) {
    const shown = await page.evaluate(() => document.body.innerText.slice(0, 600)).catch(() => '');
    if (job.screenshots) await page.screenshot({ path: path.join(job.screenshots, 'failed.png') });
    const error = `${String(problem.stack || problem).slice(0, 2000)}\nthe page: ${page.url()}\n${shown}`;
    await new Promise((resolve) => process.stdout.write(`${JSON.stringify({ name, ok: false, error })}\n`, resolve));
    await page.context().browser()?.close();
    process.exit(1);
  }
}

export async function sign_in(page) {
  await page.goto(`${job.control}/console/`);
  await page.getByLabel('Control token').fill(job.token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Channel groups' }).waitFor();
}

export const dialog = (page) => page.getByRole('dialog');
export const field = (page, name) => page.locator(`dialog [data-field="${name}"]`);

export async function submit(page, action) {
  await dialog(page).getByRole('button', { name: action, exact: true }).click();
}

export async function closed(page) {
  await dialog(page).waitFor({ state: 'detached' });
}

// Plays what the page shows until the picture has moved on by `seconds`.
export async function plays(page, player, seconds = 2) {
  await page.getByLabel('Player', { exact: true }).selectOption({ label: player });
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  const at = () => page.locator('video').evaluate((video) => (video.readyState > 2 ? video.currentTime : 0));
  const first = await until(async () => {
    const alert = await page.getByRole('alert').allTextContents();
    check(alert.join('').trim() === '', alert.join(' '));
    return at();
  }, 60, `${player} has a picture`);
  await until(async () => (await at()) >= first + seconds, 40, `${player} goes on`);
  await until(async () => /^Playing/.test(await page.locator('[data-playback]').textContent()), 5, 'the page says that it plays');
}
