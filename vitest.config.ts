// Owns the test runner's settings: one project for everything; browser tests drive a real Chromium from Node.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/sequence.ts';

export default defineConfig({
  resolve: {
    // graphql ships two builds; packages load the CommonJS one, and a schema must not meet types of the other.
    alias: [
      { find: /^graphql$/, replacement: fileURLToPath(new URL('./node_modules/graphql/index.js', import.meta.url)) },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['scripts/prepare-tests.mjs'],
    // Programs and threads that tests start keep their compiled code, as `npm start` does: most of a short run is compiling.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('./.cache/compiled', import.meta.url)) },
    testTimeout: 30_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    pool: 'forks',
    maxWorkers: 2,
    // Generated clients and the schema are large: one slow import must not fail a test.
    teardownTimeout: 20_000,
  },
});
