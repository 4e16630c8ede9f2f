/** Owns the contract between a check and those who run it. It runs nothing itself. */
import type { CatalogueEntry, Finding } from './findings.ts';
import type { Manifest } from './manifest.ts';

/** A package whose container was read: every file's unpacked bytes by path, in path-byte order, directories left out. */
export interface PackageContents {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The parsed manifest, or null where its own check refused it; checks that need it return nothing then. */
  readonly manifest: Manifest | null;
  /** SHA-256 of every file in hexadecimal, where whoever read the package knows it already. */
  readonly sha256?: ReadonlyMap<string, string>;
}

/** One check of the registry: pure, never throws for bad input, finishes within the bounds of the package limits. */
export interface Check {
  /** Stable lower-case name shown in the timeline: `lua`, `icons`. */
  readonly name: string;
  /** Which table row of docs/PACKAGE_FORMAT.md the rules belong to. */
  readonly kind: 'format' | 'policy';
  /** Every code that it can find, by code: the whole catalogue is made of these, so a check brings its entries along. */
  readonly findings: Readonly<Record<string, CatalogueEntry>>;
  readonly run: (contents: PackageContents) => Finding[] | Promise<Finding[]>;
}
