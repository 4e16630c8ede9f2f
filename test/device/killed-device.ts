/** Owns a device in a process of its own that kills itself at the n-th occurrence of a step: arguments as in `killed.test.ts`. */
import { createDevice } from '../../device/device.ts';

const [root = '', serverUrl = '', act = '', step = '', occurrence = '1'] = process.argv.slice(2);
let seen = 0;
const device = createDevice({
  root,
  serverUrl,
  fetch,
  clock: () => new Date(),
  onStep: (name) => {
    if (name !== step) return;
    seen += 1;
    // SIGKILL cannot be caught: no cleanup of any kind runs after this line.
    if (seen === Number(occurrence)) process.kill(process.pid, 'SIGKILL');
  },
});
if (act === 'update') await device.update('com.example.notes');
else await device.uninstall('com.example.notes', { keepData: act === 'uninstall-keep' });
