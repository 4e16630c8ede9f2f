/** Owns sending the simulated month to the server, at the speed that the server allows. It makes no events. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Month } from './telemetry.ts';

const CONNECTIONS = 6;
const MAX_TRIES = 20;

export interface Sent {
  readonly batches: number;
  readonly events: number;
  readonly crashes: number;
}

/** Sends every batch and crash; waits as long as a 429 or 503 says. Throws when an event is refused. */
export async function sendMonth(url: string, { batches, crashes }: Month): Promise<Sent> {
  const posts = [
    ...batches.map((batch) => () => post(`${url}/v1/telemetry/events`, batch)),
    ...crashes.map((crash) => () => post(`${url}/v1/telemetry/crash`, crash)),
  ];
  const waiting = posts.values();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      for (const send of waiting) await send();
    }),
  );
  const events = batches.reduce((sum, batch) => sum + batch.events.length, 0);
  return { batches: batches.length, events, crashes: crashes.length };
}

async function post(url: string, body: unknown): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (response.status === 202) {
      if (!text.includes('"rejected":[{')) return;
      throw new Error(`${url} refused events: ${text.slice(0, 500)}`);
    }
    const mayRetry = response.status === 429 || response.status === 503;
    if (!mayRetry || tries >= MAX_TRIES) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 500)}`);
    await delay(1_000 * Number(response.headers.get('retry-after') ?? 1));
  }
}
