// Test runner settings: one project for everything that runs in Node. Browser tests drive a real Chromium from here too.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/**/*.test.ts',
      'format/**/*.test.ts',
      'server/**/*.test.ts',
      'cli/**/*.test.ts',
      'device/**/*.test.ts',
    ],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
