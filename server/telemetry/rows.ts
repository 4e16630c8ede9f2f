/** Owns the shapes that pass between the service, the writer's thread and the files. Types only, all of them cloneable. */
import type { PackedEvents } from './bodies.ts';
import type { CrashType } from './events-schema.ts';
import type { Losses } from './losses.ts';

/** What a crash report keeps beside its event. */
export interface CrashDetails {
  readonly fingerprint: string;
  readonly title: string;
  readonly crashType: CrashType;
  readonly message: string;
  readonly stackTrace: string;
  /** JSON, or null. */
  readonly context: string | null;
}

/** One batch that passed validation, as the writer stores it. */
export interface BatchRow {
  /** The app's id in the core database. */
  readonly app: string;
  readonly version: string;
  readonly versionCode: number | null;
  readonly mosisVersion: string;
  /** The device's hash under every secret, the current one first. */
  readonly devices: readonly Uint8Array[];
  /** 32 bits of a keyed hash of the sender's network (network.ts); 0 when unknown. */
  readonly network: number;
  /** 16 bytes. */
  readonly batchId: Uint8Array;
  /** Milliseconds since 1970; its UTC month names the partition. */
  readonly receivedAtMs: number;
  /** The first answer as JSON. */
  readonly answer: string;
  readonly events: PackedEvents;
  /** For a crash report, whose one event it belongs to. */
  readonly crash: CrashDetails | null;
  /** Events dropped by the device or rejected here, by reason; null for none. */
  readonly losses: Losses | null;
}

/** How far a month's rows are counted: its highest event and batch in the aggregates. */
export interface Counted {
  readonly event: number;
  readonly batch: number;
}

/** Events that one batch lost, on their way into the aggregates; `day` is that of receipt. */
export interface CountedLosses {
  readonly app: string;
  readonly version: string;
  readonly day: number;
  readonly losses: Losses;
}

/** Events of one app, version, device, type and day, on their way into the aggregates. */
export interface CountedEvents {
  readonly app: string;
  readonly version: string;
  readonly device: Uint8Array;
  readonly type: number;
  readonly day: number;
  readonly count: number;
}

/** Measured values of one batch, packed, on their way into the digests. */
export interface CountedValues {
  readonly app: string;
  readonly version: string;
  readonly device: Uint8Array;
  readonly values: ArrayLike<number>;
}

/** A crash report on its way into its group. */
export interface CountedCrash extends CrashDetails {
  readonly app: string;
  readonly version: string;
  readonly device: Uint8Array;
  readonly atMs: number;
  readonly receivedAtMs: number;
}

/** What a device's export holds of one partition, one item for each batch. */
export interface ExportedBatch {
  readonly batch_id: string;
  readonly received_at: string;
  readonly app_version: string;
  readonly mosis_version: string;
  /** The keyed hash of the sender's network, where it is known. */
  readonly network?: number;
  /** Events that the batch lost, by reason. */
  readonly lost?: Losses;
  readonly events: readonly {
    readonly type: string;
    readonly at: string;
    readonly data?: unknown;
    readonly crash?: unknown;
  }[];
}
