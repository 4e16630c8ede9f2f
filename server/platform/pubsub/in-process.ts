// Owns publish and subscribe within one process.
import type { PubSub } from './pubsub.ts';

/** A pub/sub for one process; `onError` gets what a subscriber threw, and the other subscribers go on. */
export function createInProcessPubSub(onError: (error: unknown, topic: string) => void): PubSub {
  const topics = new Map<string, Set<{ fn: (text: string) => void }>>();
  return {
    publish(topic, text) {
      // A copy: a subscriber may end its own or another's subscription.
      for (const subscription of [...(topics.get(topic) ?? [])]) {
        if (!topics.get(topic)?.has(subscription)) continue;
        try {
          subscription.fn(text);
        } catch (error) {
          onError(error, topic);
        }
      }
    },
    subscribe(topic, fn) {
      const subscription = { fn };
      const subscriptions = topics.get(topic) ?? new Set();
      topics.set(topic, subscriptions.add(subscription));
      return () => {
        subscriptions.delete(subscription);
        if (subscriptions.size === 0 && topics.get(topic) === subscriptions) topics.delete(topic);
      };
    },
  };
}
