// SPDX-License-Identifier: Apache-2.0
// TARN_CONSOLE_OUT: where the built console goes; scripts/build.sh names a folder of the build tree.
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {gzipSync} from 'node:zlib';
import {svelte} from '@sveltejs/vite-plugin-svelte';
import {defineConfig, type Plugin} from 'vite';

// For `npx vite`: the control listener that answers the page under development.
const control = process.env.TARN_CONTROL ?? 'http://127.0.0.1:8081';

// A packed copy beside each asset: the server sends it to browsers that take gzip.
function packed(): Plugin {
  return {
    name: 'packed',
    apply: 'build',
    writeBundle({dir}) {
      const assets = join(dir!, 'assets');
      for (const file of readdirSync(assets)) {
        writeFileSync(join(assets, file + '.gz'), gzipSync(readFileSync(join(assets, file)), {level: 9}));
      }
    },
  };
}

// What is bundled may be passed on with its licences only.
function licences(): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    writeBundle({dir}, bundle) {
      const packages = new Map<string, string>(); // folder, by name
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue;
        for (const id of chunk.moduleIds) {
          const named = /^\0?(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(id);
          if (named && existsSync(join(named[1]!, 'package.json'))) packages.set(named[2]!, named[1]!);
        }
      }
      const texts = [...packages].sort().map(([, folder]) => {
        const {name, version, license} = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
        const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
        return `${name} ${version}, ${license}\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : ''}\n`;
      });
      writeFileSync(join(dir!, 'licences.txt'), texts.join('\n' + '-'.repeat(80) + '\n\n'));
    },
  };
}

export default defineConfig({
  plugins: [svelte(), packed(), licences()],
  base: './',
  build: {
    outDir: process.env.TARN_CONSOLE_OUT ?? 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // the policy allows no inline code, and data: for images only
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
    chunkSizeWarningLimit: 2000,
  },
  server: {proxy: {'/api': control, '/clearkey': control}},
});
