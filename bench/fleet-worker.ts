/**
 * Owns a process of simulated devices: it takes its devices through one round and ends. Its parent kills it at random instants and
 * starts it again; what is done is in the devices' ledgers. The order comes as JSON in the first argument.
 */

import { runDevice } from './fleet-device.ts';
import type { WorkerOrder } from './fleet-plan.ts';

const order = JSON.parse(process.argv[2] ?? '') as WorkerOrder;
let next = order.from;
let failed = 0;

async function lane(): Promise<void> {
  while (next < order.to) {
    const number = next++;
    try {
      await runDevice(order, number);
    } catch (error) {
      failed += 1;
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      if (process.env.FLEET_STACKS !== undefined && error instanceof Error)
        process.stderr.write(`${error.cause instanceof Error ? error.cause.stack : error.stack}\n`);
    }
  }
}

await Promise.all(Array.from({ length: order.concurrency }, lane));
process.exitCode = failed === 0 ? 0 : 1;
