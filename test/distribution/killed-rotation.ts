/** Owns a rotation in a process of its own that kills itself at a step: arguments as in `metadata-root-killed.test.ts`. */
import { readFile } from 'node:fs/promises';
import { openRepository } from './root-world.ts';

const [dataDir = '', act = '', step = '', file = ''] = process.argv.slice(2);
let armed = false;
const { service } = await openRepository(dataDir, {
  onStep(name) {
    // SIGKILL cannot be caught: no cleanup of any kind runs after this line.
    if (armed && name === step) process.kill(process.pid, 'SIGKILL');
  },
});
await service.start();
armed = true;
if (act === 'publish') await service.root.publish(await readFile(file, 'utf8'));
else
  await service.root.prepare({
    change: 'ROTATE',
    roles: ['timestamp', 'snapshot', 'targets', 'bins'],
    keys: null,
    threshold: null,
  });
process.exit(0);
