// Builds the portal as a static single-page app; owns the build's settings and the page's content security policy.
import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

/** Where `vite dev` finds a running server; the built portal is served by that server itself. */
const apiUrl = process.env.MOSIS_API_URL ?? 'http://localhost:4000';

export default defineConfig({
  plugins: [
    tailwindcss(),
    sveltekit({
      compilerOptions: { runes: true },
      adapter: adapter({ fallback: 'index.html' }),
      csp: {
        mode: 'hash',
        directives: {
          'default-src': ['self'],
          'script-src': ['self'],
          'style-src': ['self'],
          // Positions of floating parts and widths of bars are style attributes; no style sheet is ever inlined.
          'style-src-attr': ['unsafe-inline'],
          'img-src': ['self', 'data:'],
          'font-src': ['self'],
          'connect-src': ['self'],
          'object-src': ['none'],
          'base-uri': ['none'],
          'form-action': ['self'],
        },
      },
    }),
  ],
  build: { assetsInlineLimit: 0 },
  server: {
    proxy: {
      '/graphql': { target: apiUrl, ws: true },
      '/v1': { target: apiUrl },
      '/uploads': { target: apiUrl },
    },
  },
});
