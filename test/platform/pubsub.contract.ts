// Owns what every publish and subscribe must keep; adapters' tests call it with a way to make theirs.
import { describe, expect, it } from 'vitest';
import type { PubSub } from '../../server/platform/pubsub/pubsub.ts';

/** `make` gets where errors of subscribers go. */
export function testPubSubContract(name: string, make: (onError: (error: unknown) => void) => PubSub): void {
  describe(`publish and subscribe, ${name}`, () => {
    it('brings a message to every subscriber of its topic and to no other', async () => {
      const pubsub = make(() => {});
      const got: string[] = [];
      pubsub.subscribe('a', (text) => got.push(`1 ${text}`));
      pubsub.subscribe('a', (text) => got.push(`2 ${text}`));
      pubsub.subscribe('b', (text) => got.push(`3 ${text}`));
      pubsub.publish('a', 'x');
      await expect.poll(() => got.toSorted()).toEqual(['1 x', '2 x']);
    });

    it('brings nothing after the subscription has ended, and keeps the others', async () => {
      const pubsub = make(() => {});
      const got: string[] = [];
      const end = pubsub.subscribe('a', () => got.push('ended'));
      pubsub.subscribe('a', () => got.push('other'));
      end();
      end();
      pubsub.publish('a', 'x');
      await expect.poll(() => got).toEqual(['other']);
    });

    it('goes on to the next subscriber when one throws', async () => {
      const errors: unknown[] = [];
      const pubsub = make((error) => errors.push(error));
      const got: string[] = [];
      pubsub.subscribe('a', () => {
        throw new Error('bad');
      });
      pubsub.subscribe('a', (text) => got.push(text));
      pubsub.publish('a', 'x');
      await expect.poll(() => got).toEqual(['x']);
      expect(errors).toHaveLength(1);
    });

    it('lets a subscriber end its own and other subscriptions', async () => {
      const pubsub = make(() => {});
      const got: string[] = [];
      const endFirst = pubsub.subscribe('a', () => {
        got.push('first');
        endFirst();
        endSecond();
      });
      const endSecond = pubsub.subscribe('a', () => got.push('second'));
      pubsub.publish('a', 'x');
      pubsub.publish('a', 'y');
      await expect.poll(() => got).toEqual(['first']);
    });
  });
}
