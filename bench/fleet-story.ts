/** Owns the life of the fleet's apps: what their developer and an admin do before each round. It runs nothing. */
import { MAPS, NOTES, RADIO, type Round } from './fleet-plan.ts';
import type { FleetStore } from './fleet-store.ts';

export interface Step {
  readonly name: string;
  readonly kind: Round['kind'];
  readonly act: (store: FleetStore) => Promise<void>;
  readonly rot?: boolean;
  /** The server is killed while devices work. */
  readonly killsServer?: boolean;
  /**
   * The server is backed up before the act and put back to that after devices have seen its metadata; then the act is done again,
   * as its developer would.
   */
  readonly restores?: boolean;
  /** Nothing is cut or killed. */
  readonly calm?: boolean;
}

/** The life of the apps, in the order of time. */
export const STEPS: readonly Step[] = [
  {
    name: 'first versions',
    kind: 'install',
    async act(store) {
      await store.prepare(MAPS, 1);
      await store.prepare(MAPS, 2, { minMosis: '1.2.0' });
      await store.prepare(NOTES, 10);
      await store.prepare(RADIO, 1);
      await store.publish(MAPS, 1);
      await store.publish(MAPS, 2);
      await store.publish(NOTES, 10);
      await store.publish(RADIO, 1);
    },
  },
  {
    name: 'a quarter on stable, all of beta; the server is killed',
    kind: 'update',
    killsServer: true,
    async act(store) {
      // Codes are submitted in their order; this one is kept for a bad day.
      await store.prepare(NOTES, 15);
      await store.prepare(NOTES, 20);
      await store.prepare(NOTES, 30);
      await store.publish(NOTES, 20, { percent: 25 });
      await store.publish(NOTES, 30, { track: 'BETA' });
    },
  },
  {
    name: 'a hot-fix below the staged version; an app is suspended',
    kind: 'update',
    rot: true,
    async act(store) {
      await store.publish(NOTES, 15);
      await store.prepare(RADIO, 2);
      await store.publish(RADIO, 2);
      await store.suspend(RADIO);
    },
  },
  {
    name: 'raised to 60 %; another app goes to half',
    kind: 'update',
    killsServer: true,
    async act(store) {
      await store.raise(NOTES, 20, 60);
      await store.prepare(MAPS, 3, { minMosis: '1.2.0' });
      await store.publish(MAPS, 3, { percent: 50 });
    },
  },
  {
    name: 'complete; the other one is halted; the server comes back from a backup',
    kind: 'update',
    restores: true,
    async act(store) {
      await store.raise(NOTES, 20, 100);
      await store.halt(MAPS, 3);
    },
  },
  { name: 'rolled back with its data', kind: 'update', act: (store) => store.rollBack(MAPS, 3, 2) },
  { name: 'a calm day', kind: 'update', calm: true, act: async () => undefined },
];
