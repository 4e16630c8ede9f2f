// Types that SvelteKit looks for in the global App namespace.
declare global {
  namespace App {}
}

export {};
