/** Owns the bad network between devices and server: a TCP relay that delays, and cuts connections at random bytes. It reads nothing. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Link {
  readonly url: string;
  readonly cuts: number;
  /** How many bytes, in the mean, come through before a connection is cut; null cuts nothing. */
  cutEvery(meanBytes: number | null): void;
  close(): Promise<void>;
}

const MAX_DELAY_MS = 20;

/** A relay to `port` on this machine. */
export async function startLink(port: number, random: () => number): Promise<Link> {
  let meanBytes: number | null = null;
  let cuts = 0;
  const open = new Set<Socket>();
  const budgets = new Set<{ left: number }>();
  /** Bytes until the next cut: exponential, so that every byte is as likely as any other. */
  const drawn = () => (meanBytes === null ? Number.POSITIVE_INFINITY : -Math.log(1 - random()) * meanBytes);

  const server: Server = createServer((client) => {
    const upstream = connect(port, 'localhost');
    const budget = { left: drawn() };
    budgets.add(budget);
    const end = () => {
      client.destroy();
      upstream.destroy();
      budgets.delete(budget);
    };
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end).on('close', () => {
        open.delete(socket);
        end();
      });
    }
    const pump = async (from: Socket, to: Socket): Promise<void> => {
      for await (const chunk of from) {
        const bytes = chunk as Buffer;
        if (meanBytes !== null && random() < 0.1) await delay(random() * MAX_DELAY_MS);
        if (budget.left < bytes.length) {
          // Some bytes of the chunk still come through: the cut is inside a message, not between two.
          to.write(bytes.subarray(0, Math.floor(budget.left)), end);
          cuts += 1;
          return;
        }
        budget.left -= bytes.length;
        if (!to.write(bytes)) await once(to, 'drain');
      }
      to.end();
    };
    pump(client, upstream).catch(end);
    pump(upstream, client).catch(end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The link has no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    get cuts() {
      return cuts;
    },
    cutEvery(mean) {
      meanBytes = mean;
      if (mean === null) for (const budget of budgets) budget.left = Number.POSITIVE_INFINITY;
    },
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, 'close');
    },
  };
}
