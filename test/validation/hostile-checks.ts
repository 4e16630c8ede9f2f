/** Owns a registry with checks that misbehave when the package has a file of their name; threads under test load it. It asserts nothing. */
import type { Check } from '../../format/check.ts';
import { CHECKS as REAL_CHECKS } from '../../format/checks/registry.ts';

/** How long one slow check works, in milliseconds. */
export const SLOW_MS = 150;

function when(name: string, act: () => void, kind: Check['kind'] = 'policy'): Check {
  return {
    name,
    kind,
    findings: {},
    run: ({ files }) => {
      if (files.has(trigger(name))) act();
      return [];
    },
  };
}

function work(): void {
  const until = performance.now() + SLOW_MS;
  while (performance.now() < until);
}

/** The file that makes a check misbehave. */
export function trigger(check: string): string {
  return `assets/${check}.txt`;
}

export const CHECKS: readonly Check[] = [
  when(
    'strict',
    () => {
      throw new Error('a format rule broke');
    },
    'format',
  ),
  ...['slow-1', 'slow-2', 'slow-3', 'slow-4'].map((name) => when(name, work)),
  when('throws', () => {
    throw new Error('a check broke');
  }),
  when('loops', () => {
    for (;;);
  }),
  when('hoards', () => {
    const hoard: number[][] = [];
    for (;;) hoard.push(new Array(1_000_000).fill(hoard.length));
  }),
  when('quits', () => process.exit(0)),
  ...REAL_CHECKS,
];

/** The address under which a thread loads this module. */
export const MODULE = import.meta.url;
