// Owns the contract of publish and subscribe: a hint that something is new, never the news itself.

export type PubSub = {
  /**
   * Tells everyone subscribed to the topic, at most once each, in no promised order and not after a crash: whoever needs
   * every message reads a table and takes this as a reason to look. Never throws because of a subscriber.
   */
  publish(topic: string, text: string): void;
  /** Calls `fn` for later messages of the topic until the returned function is called (twice does nothing). */
  subscribe(topic: string, fn: (text: string) => void): () => void;
};
