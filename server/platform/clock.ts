// Owns the reading of time for the whole server; nothing else may call Date.now() for a decision that is stored or compared.

/** Where services read the time; tests pass one that they move themselves. */
export type Clock = {
  /** The current time, to the millisecond, in UTC. */
  now(): Date;
  /** The same as milliseconds since the Unix epoch. */
  ms(): number;
};

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => new Date(),
  ms: () => Date.now(),
};
