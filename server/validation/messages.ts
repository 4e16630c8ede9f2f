/** Owns what passes between the server and its check threads. Plain data only. */
import type { Finding } from '../../format/findings.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { SharedContents } from './shared-contents.ts';

export interface InspectedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/** Who signed a package, where its signature verifies. */
export interface InspectedSignature {
  readonly text: string;
  readonly keyId: string;
  readonly publicKey: string;
}

/** What is known of a package once it was read. */
export interface Inspection {
  /** Every check ended, and no finding is an error. */
  readonly accepted: boolean;
  /** In the order of the checks. */
  readonly findings: readonly Finding[];
  /** Checks that did not finish. */
  readonly crashed: readonly string[];
  readonly manifest: Manifest | null;
  readonly files: readonly InspectedFile[];
  readonly size: number;
  readonly sha256: string | null;
  /** Looked for by the gate only. */
  readonly signature: InspectedSignature | null;
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

/** One step of work, as a thread is asked for it. `key` names the package in this process. */
export type ThreadRequest =
  | {
      readonly type: 'read';
      readonly key: number;
      /** Absolute path of the package file. */
      readonly path: string;
      readonly maxPackageBytes: number;
      /** Whether to look for who signed it. */
      readonly signature: boolean;
    }
  | { readonly type: 'check'; readonly key: number; readonly check: string; readonly contents: SharedContents }
  /** Reads a picture of a listing, and makes it anew. */
  | { readonly type: 'image'; readonly key: number; readonly path: string }
  /** No answer follows. */
  | { readonly type: 'forget'; readonly key: number };

/** A package as it was read; without contents it was refused, and the findings say why. */
export interface ReadResult {
  readonly type: 'read';
  readonly findings: readonly Finding[];
  readonly contents: SharedContents | null;
  readonly manifest: Manifest | null;
  readonly files: readonly InspectedFile[];
  readonly size: number;
  readonly sha256: string | null;
  readonly signature: InspectedSignature | null;
}

export interface CheckResult {
  readonly type: 'check';
  readonly findings: readonly Finding[];
}

/** A picture that may be shown, made anew from its pixels; or why it may not. */
export interface ImageResult {
  readonly type: 'image';
  readonly image: ShownImage | null;
  readonly findings: readonly Finding[];
}

export interface ShownImage {
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
}

export type ThreadResult = ReadResult | CheckResult | ImageResult;

export type ThreadAnswer =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly result: ThreadResult; readonly durationMs: number }
  | { readonly type: 'threw'; readonly message: string; readonly durationMs: number };
