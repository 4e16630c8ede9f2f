// The meanings that colours carry, and the classes that draw them.

export const TONES = ['grey', 'green', 'amber', 'red', 'blue', 'teal'] as const;
export type Tone = (typeof TONES)[number];

/** Coloured text on its soft ground. */
export const SOFT: Record<Tone, string> = {
  grey: 'bg-subtle text-ink-2',
  green: 'bg-green-soft text-green',
  amber: 'bg-amber-soft text-amber',
  red: 'bg-red-soft text-red',
  blue: 'bg-blue-soft text-blue',
  teal: 'bg-accent-soft text-accent',
};

/** Coloured text alone. */
export const INK: Record<Tone, string> = {
  grey: 'text-ink-2',
  green: 'text-green',
  amber: 'text-amber',
  red: 'text-red',
  blue: 'text-blue',
  teal: 'text-accent',
};
