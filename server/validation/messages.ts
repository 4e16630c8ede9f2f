/** Owns what passes between the server and its check worker. Plain data only. */
import type { Finding } from '../../format/findings.ts';
import type { Manifest } from '../../format/manifest.ts';

/** What the worker is asked. `gate` is the format verdict of an upload, `checks` everything. */
export interface WorkRequest {
  readonly id: number;
  readonly task: 'gate' | 'checks';
  /** Absolute path of the package file. */
  readonly path: string;
  readonly maxPackageBytes: number;
  /** Checks that need not run again. */
  readonly skip: readonly string[];
}

export interface InspectedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** What is known of a package once it was read. */
export interface Inspection {
  readonly accepted: boolean;
  readonly findings: readonly Finding[];
  readonly manifest: Manifest | null;
  readonly files: readonly InspectedFile[];
  readonly size: number;
  readonly sha256: string | null;
  readonly signature: { readonly text: string; readonly keyId: string; readonly publicKey: string } | null;
}

/** A check's start or end, in the order in which they happen. */
export type CheckProgress =
  | { readonly type: 'start'; readonly check: string }
  | {
      readonly type: 'end';
      readonly check: string;
      readonly findings: readonly Finding[];
      readonly durationMs: number;
      /** Why it did not finish; for the log, never for the developer. Null when it did. */
      readonly crash: string | null;
    };

export type WorkAnswer =
  | (CheckProgress & { readonly id: number })
  | { readonly id: number; readonly type: 'done'; readonly inspection: Inspection }
  | { readonly id: number; readonly type: 'failed'; readonly message: string };
