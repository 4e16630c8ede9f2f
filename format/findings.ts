/** Owns what a finding is: its shape, its severities and how one is made from its catalogue entry. It knows no check. */

export const SEVERITIES = ['error', 'warning', 'notice'] as const;
/** `error` blocks the version, `warning` sends it to a person, `notice` only informs. */
export type Severity = (typeof SEVERITIES)[number];

/** Where in a package a finding points; lines and columns count from 1, columns in UTF-16 code units. */
export interface FindingPlace {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** One thing a check has to say about a package. Codes are stable and have a catalogue entry each. */
export interface Finding extends FindingPlace {
  readonly code: string;
  readonly severity: Severity;
  /** What is wrong here, with the values at hand; one sentence. */
  readonly message: string;
  /** What to do about it; from the catalogue unless the check knows better. */
  readonly help: string;
  /** The rule-set version that a policy finding was made by; format findings have none. */
  readonly ruleSet?: number;
}

/** What the catalogue says about a code: the source of the docs pages, `mosis explain` and the portal's help. */
export interface CatalogueEntry {
  readonly code: string;
  readonly severity: Severity;
  /** A short name for people: `Path leaves the package`. */
  readonly title: string;
  /** Why the rule exists, in one to three sentences. */
  readonly why: string;
  /** How to fix it, one or two sentences; it is the finding's `help`. */
  readonly fix: string;
  /** A short example that gets the finding, and the same made right. */
  readonly bad: string;
  readonly good: string;
  /** The section of docs/PACKAGE_FORMAT.md the rule comes from, such as `1` or `6`. */
  readonly section: string;
}

/** Gives a catalogue its literal codes, so that a misspelt code does not compile. */
export function defineCatalogue<const T extends Record<string, Omit<CatalogueEntry, 'code'>>>(
  entries: T,
): { readonly [K in keyof T & string]: CatalogueEntry } {
  return Object.fromEntries(Object.entries(entries).map(([code, entry]) => [code, { code, ...entry }])) as {
    [K in keyof T & string]: CatalogueEntry;
  };
}

/** Makes a finding from its catalogue entry, with a message that carries the values at hand. */
export function finding(entry: CatalogueEntry, message: string, place: FindingPlace = {}, help?: string): Finding {
  return { code: entry.code, severity: entry.severity, message, help: help ?? entry.fix, ...place };
}
