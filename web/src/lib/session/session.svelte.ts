// Who is signed in here; every page asks this one place. It decides nothing about rights: the server does.
import { SessionViewerDocument, type SessionViewerFragment, SignOutDocument } from '#lib/graphql/generated/graphql.ts';
import { graph } from '#lib/graphql/graph.svelte.ts';
import { ask, mutate } from '#lib/graphql/query.svelte.ts';

class Session {
  #viewer = $state.raw<SessionViewerFragment | null>();
  #asking: Promise<SessionViewerFragment | null> | undefined;

  constructor() {
    // Unreachable is not signed out: the connection dot tells of it, and the next request asks again.
    graph.onSessionEnded(() => void this.refresh().catch(() => undefined));
  }

  /** Undefined until the server answered once; null when nobody is signed in. */
  get viewer(): SessionViewerFragment | null | undefined {
    return this.#viewer;
  }
  get isReviewer(): boolean {
    return this.#has('REVIEWER') || this.isAdmin;
  }
  get isAdmin(): boolean {
    return this.#has('ADMIN');
  }

  /** The viewer, asked for at most once. Throws when the server cannot be reached. */
  async ensure(): Promise<SessionViewerFragment | null> {
    if (this.#viewer !== undefined) return this.#viewer;
    return this.refresh();
  }

  /** Asks the server who is signed in. Calls made at the same time share one request. */
  refresh(): Promise<SessionViewerFragment | null> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Takes over the viewer that a sign-in answered with. */
  begin(viewer: SessionViewerFragment): void {
    this.#viewer = viewer;
    graph.reset();
  }

  async signOut(): Promise<void> {
    await mutate(SignOutDocument, {});
    this.#viewer = null;
    graph.reset();
  }

  async #ask(): Promise<SessionViewerFragment | null> {
    const before = this.#viewer;
    const { viewer } = await ask(SessionViewerDocument, {});
    this.#viewer = viewer ?? null;
    if (before && before.developer.id !== viewer?.developer.id) graph.reset();
    return this.#viewer;
  }

  #has(role: string): boolean {
    return this.#viewer?.developer.roles.some((each) => each === role) ?? false;
  }
}

export const session = new Session();
