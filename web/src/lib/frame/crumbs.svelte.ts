// The path shown in the frame's head; the page that is open sets it.

export type Crumb = { label: string; href?: string };

class Crumbs {
  #list = $state.raw<readonly Crumb[]>([]);

  get list(): readonly Crumb[] {
    return this.#list;
  }
  set list(value: readonly Crumb[]) {
    this.#list = value;
  }
}

export const crumbs = new Crumbs();
