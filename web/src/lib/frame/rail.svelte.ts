// Whether the rail shows icons only, remembered in this browser.
const KEY = 'mosis-rail';

class Rail {
  #collapsed = $state(read());

  get collapsed(): boolean {
    return this.#collapsed;
  }

  toggle(): void {
    this.#collapsed = !this.#collapsed;
    try {
      localStorage.setItem(KEY, this.#collapsed ? 'icons' : 'wide');
    } catch {
      // A browser without storage keeps the choice until the page is closed.
    }
  }
}

function read(): boolean {
  try {
    return localStorage.getItem(KEY) === 'icons';
  } catch {
    return false;
  }
}

export const rail = new Rail();
