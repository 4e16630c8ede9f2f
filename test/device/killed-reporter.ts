/** Owns a reporter in a process of its own that kills itself at the n-th step: arguments as in `report-killed.test.ts`. */
import { createReporter } from '../../device/report.ts';
import { createStorage } from '../../device/storage.ts';

const [root = '', serverUrl = '', killAt = '', packageId = ''] = process.argv.slice(2);
let steps = 0;
const network = {
  serverUrl,
  fetch,
  clock: () => new Date(),
  sleep: async () => undefined,
  random: () => 0,
};
const reporter = createReporter({
  storage: createStorage(root),
  network,
  mosisVersion: '1.0.0',
  onStep: (step) => {
    steps += 1;
    // SIGKILL cannot be caught: no cleanup of any kind runs after this line.
    if (steps === Number(killAt)) {
      process.stdout.write(`killed ${step}\n`);
      process.kill(process.pid, 'SIGKILL');
    }
  },
});
for (let n = 0; n < 2; n += 1) {
  // Whoever tracks learns that the event is on disk; only such an event is promised.
  await reporter.track(packageId, { type: 'app_start', consent: false });
  process.stdout.write('tracked\n');
}
await reporter.flush();
process.stdout.write('done\n');
