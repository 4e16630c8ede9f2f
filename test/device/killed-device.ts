/**
 * Owns a device in a process of its own that kills itself at the n-th occurrence of a step; arguments as in `killed.test.ts`.
 * With a second step it fails there first, as a full disk would.
 */
import { createDevice } from '../../device/device.ts';

const [root = '', serverUrl = '', act = '', step = '', occurrence = '1', failing = ''] = process.argv.slice(2);
let seen = 0;
const onStep = (name: string): void => {
  if (name === failing) throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' });
  if (name !== step) return;
  seen += 1;
  // SIGKILL cannot be caught: no cleanup of any kind runs after this line.
  if (seen === Number(occurrence)) process.kill(process.pid, 'SIGKILL');
};
const device = createDevice({
  root,
  serverUrl,
  fetch: (input, init) => {
    onStep('fetch');
    return fetch(input, init);
  },
  clock: () => new Date(),
  onStep,
});
const APP = 'com.example.notes';
try {
  switch (act) {
    case 'update':
      await device.update(APP, { onProgress: () => onStep('bytes') });
      break;
    case 'update-all':
      await device.updateAll();
      break;
    case 'provision':
      await device.provisionFromNetwork();
      break;
    case 'hold':
      await device.install(APP, { onProgress: () => process.send?.('downloading') });
      break;
    default:
      await device.uninstall(APP, { keepData: act === 'uninstall-keep' });
  }
} catch (error) {
  const code = error instanceof Error && 'code' in error ? error.code : error;
  process.stdout.write(`${String(code)}\n`);
  process.exitCode = 3;
}
