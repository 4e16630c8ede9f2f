// The short messages at the edge of the screen; owns their list and their lifetime, and draws nothing.

export type Toast = { id: number; text: string; tone: 'plain' | 'red' };

class Toasts {
  #list = $state<Toast[]>([]);
  #next = 1;

  get list(): readonly Toast[] {
    return this.#list;
  }

  /** Shows `text` for six seconds. */
  show(text: string, tone: Toast['tone'] = 'plain'): void {
    const id = this.#next++;
    this.#list.push({ id, text, tone });
    setTimeout(() => this.dismiss(id), 6000);
  }

  dismiss(id: number): void {
    this.#list = this.#list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
