import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const MODULE = new URL('../../server/platform/idle-memory.ts', import.meta.url).href;
const run = promisify(execFile);

/** Fills the heap, lets go of it, idles or works on for a while, and says how many MB the heap had and has. */
function program(meanwhile: string): string {
  return `
    import { giveMemoryBack } from ${JSON.stringify(MODULE)};
    import { getHeapStatistics } from 'node:v8';
    import { setTimeout as delay } from 'node:timers/promises';
    giveMemoryBack({ lookMs: 150 });
    const megabytes = () => Math.round(getHeapStatistics().total_heap_size / 2 ** 20);
    let held = Array.from({ length: 400_000 }, (_, n) => ({ n, text: 'text ' + n }));
    const before = megabytes();
    held = null;
    ${meanwhile}
    console.log(JSON.stringify({ before, after: megabytes() }));
  `;
}

async function heap(flags: readonly string[], meanwhile: string): Promise<{ before: number; after: number }> {
  const { stdout } = await run(process.execPath, [...flags, '--input-type=module', '-e', program(meanwhile)]);
  return JSON.parse(stdout) as { before: number; after: number };
}

const IDLE = 'await delay(1_500);';
const BUSY =
  'for (const end = Date.now() + 1_000; Date.now() < end; await delay(1)) for (const stop = Date.now() + 5; Date.now() < stop; );';

it('an idle process gives back what it has let go of', async () => {
  const { before, after } = await heap(['--expose-gc'], IDLE);
  expect(after).toBeLessThan(before / 2);
});

it('one at work, or one that may not collect, is left as it is', async () => {
  for (const [flags, meanwhile] of [
    [['--expose-gc'], BUSY],
    [[], IDLE],
  ] as const) {
    const { before, after } = await heap(flags, meanwhile);
    expect(after).toBeGreaterThan(before / 2);
  }
});
