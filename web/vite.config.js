// SPDX-License-Identifier: Apache-2.0

import { defineConfig } from 'vite';

// The pages are rendered by the gateway; Vite bundles what they load. The gateway finds the hashed names in the manifest.
export default defineConfig({
  base: '/assets/',
  build: {
    manifest: 'manifest.json',
    assetsDir: '.',
    target: 'es2022',
    // Everything is served from files: a strict content security policy allows no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    rolldownOptions: { input: { main: 'src/main.ts', style: 'src/style.css' } },
  },
});
