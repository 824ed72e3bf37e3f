import { fileURLToPath } from 'node:url'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import { compressed } from './tools/compressed.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

// Both portals in one build: what they share is one file for both. `npm run dev` passes the API on to a running control.
export default defineConfig({
  root: here('.'),
  base: '/',
  publicDir: false,
  resolve: { alias: { $shared: here('./shared') } },
  plugins: [svelte(), compressed()],
  build: {
    outDir: process.env.YZ_WEB_OUT ?? here('../build/web'),
    emptyOutDir: true,
    target: 'es2022',
    manifest: 'manifest.json',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: { input: { operator: here('./operator/index.html'), customer: here('./customer/index.html') } },
  },
  server: { proxy: { '/api': process.env.YZ_CONTROL ?? 'http://127.0.0.1:7080' } },
})
