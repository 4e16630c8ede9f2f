// The phases of the live connection, apart from what keeps them, so that texts can name them.

export const PHASES = ['idle', 'connecting', 'catching-up', 'live', 'offline'] as const;
export type Phase = (typeof PHASES)[number];
