/** Owns the measure of what deltas save: each update of the sample apps' version histories, whole and as a delta. */

import { decodeDelta, encodeDelta } from '../format/delta.ts';
import { NOTES, packRelease, readSample, WEATHER } from '../prisma/demo/releases.ts';

const SECRET_KEY = new Uint8Array(32).fill(1);
const kb = (bytes: number): string => `${(bytes / 1024).toFixed(1).padStart(7)} kB`;

async function main(): Promise<void> {
  let whole = 0;
  let sent = 0;
  for (const app of [NOTES, WEATHER]) {
    const newest = await readSample(app.folder);
    const packages = app.releases.map((release) => ({ release, bytes: packRelease(release, newest, SECRET_KEY) }));
    for (const [index, { release, bytes }] of packages.entries()) {
      for (const base of packages.slice(Math.max(0, index - 5), index)) {
        const startMs = performance.now();
        const delta = await encodeDelta(bytes, base.bytes);
        const madeMs = performance.now();
        await decodeDelta(delta, base.bytes, bytes.length);
        const share = ((delta.length / bytes.length) * 100).toFixed(1).padStart(5);
        const times = `made in ${(madeMs - startMs).toFixed(0).padStart(4)} ms, applied in ${(performance.now() - madeMs).toFixed(1)} ms`;
        console.log(
          `${app.folder.padEnd(8)} ${base.release.version} to ${release.version}  whole ${kb(bytes.length)}  delta ${kb(delta.length)}  ${share} %  ${times}`,
        );
        if (base !== packages[index - 1]) continue;
        whole += bytes.length;
        sent += Math.min(delta.length, bytes.length);
      }
    }
  }
  const saved = ((1 - sent / whole) * 100).toFixed(1);
  console.log(`\nEach update from the version before: ${kb(whole)} whole, ${kb(sent)} by delta: ${saved} % saved.`);
}

await main();
