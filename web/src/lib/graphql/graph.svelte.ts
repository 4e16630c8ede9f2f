// The portal's one GraphQL client, replaced as a whole when the viewer changes so that no cached answer outlives its reader.
import type { Client } from '@urql/core';
import { createGraphClient } from '#lib/graphql/client.ts';
import { createTransport } from '#lib/graphql/transport.ts';

class Graph {
  #listeners = new Set<() => void>();
  #transport = createTransport(() => this.#sessionEnded());
  #client = $state.raw<Client>(this.#create());

  get client(): Client {
    return this.#client;
  }

  /** Forgets every cached answer and connects again as whoever is signed in now. */
  reset(): void {
    this.#client = this.#create();
    this.#transport.restart();
  }

  /** Calls `listener` when the server no longer knows the viewer. */
  onSessionEnded(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #sessionEnded(): void {
    for (const listener of this.#listeners) listener();
  }

  #create(): Client {
    return createGraphClient({ transport: this.#transport, onSignedOut: () => this.#sessionEnded() });
  }
}

export const graph = new Graph();
