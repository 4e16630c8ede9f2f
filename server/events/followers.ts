// Owns the waking of those who follow the event log: one subscription and one poll serve them all. It reads no events.
import type { PubSub } from '../platform/pubsub/pubsub.ts';
import { type Hint, parseHint } from './hint.ts';

/** Called when there may be news; null when nothing is known about them. */
export type Follower = (hint: Hint | null) => void;

type Options = { pubsub: PubSub; topic: string; readHead: () => Promise<bigint>; pollMs: number };

/** Returns `follow`, whose result ends the following. Runs a timer only while somebody follows. */
export function createFollowers({ pubsub, topic, readHead, pollMs }: Options): (follower: Follower) => () => void {
  const followers = new Set<Follower>();
  let seen = -1n;
  let stop: (() => void) | undefined;

  function wakeAll(hint: Hint | null): void {
    for (const follower of followers) follower(hint);
  }

  /** For the notification that was lost. */
  async function poll(): Promise<void> {
    // A failed look shows itself to each follower at its own read.
    const head = await readHead().catch(() => null);
    if (head === seen) return;
    if (head !== null) seen = head;
    wakeAll(null);
  }

  function start(): () => void {
    const unsubscribe = pubsub.subscribe(topic, (text) => wakeAll(parseHint(text)));
    const timer = setInterval(poll, pollMs);
    timer.unref();
    return () => {
      clearInterval(timer);
      unsubscribe();
    };
  }

  return (follower) => {
    followers.add(follower);
    stop ??= start();
    return () => {
      followers.delete(follower);
      if (followers.size > 0) return;
      stop?.();
      stop = undefined;
    };
  };
}
