// SPDX-License-Identifier: Apache-2.0
// TARN_CONSOLE_OUT: where the built console goes; scripts/build.sh names a folder of the build tree.
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
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

export default defineConfig({
  plugins: [svelte(), packed()],
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
