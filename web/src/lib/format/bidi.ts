// Keeps text that runs from right to left from reordering what stands beside it. Pure.

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/** The text itself, isolated from its neighbours where it holds right-to-left letters. */
export function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}
