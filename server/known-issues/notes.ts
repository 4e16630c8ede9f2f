/**
 * Owns the notes of apps in bounded memory: any device can ask for them with every batch, and next to nobody writes one. It
 * decides nothing.
 */

/** A note as stored; the reason "" is any. */
export interface StoredNote {
  readonly versionCode: number;
  readonly reason: string;
  readonly note: string;
}

/** Notes of one app by `keyOf`. */
export type AppNotes = ReadonlyMap<string, string>;

/** Notes held of all apps together, of 1,000 bytes each at most. */
const MAX_HELD = 20_000;
/** Apps without notes cost little, and are not to be read again and again. */
const MAX_APPS = 20_000;
/** What another process (an operator's command) changes is seen after this. */
const MAX_AGE_MS = 30_000;

/** Under which a note is found. */
export function keyOf({ versionCode, reason }: Pick<StoredNote, 'versionCode' | 'reason'>): string {
  return `${versionCode} ${reason}`;
}

/** `read` gives the notes of an app; `nowMs` is monotonic. */
export function createNotes(
  read: (appId: string) => Promise<readonly StoredNote[]>,
  { maxHeld = MAX_HELD, nowMs = () => performance.now() } = {},
) {
  let held = new Map<string, Promise<AppNotes>>();
  let count = 0;
  let sinceMs = nowMs();

  function forget(): void {
    held = new Map();
    count = 0;
    sinceMs = nowMs();
  }

  function load(appId: string): Promise<AppNotes> {
    const into = held;
    const notes = read(appId).then((rows) => {
      if (into === held) count += rows.length;
      return new Map(rows.map((row) => [keyOf(row), row.note]));
    });
    into.set(appId, notes);
    notes.catch(() => into.delete(appId));
    return notes;
  }

  return {
    /** The notes of an app, read once however many ask. Throws what `read` throws. */
    of(appId: string): Promise<AppNotes> {
      if (nowMs() - sinceMs > MAX_AGE_MS || count > maxHeld || held.size >= MAX_APPS) forget();
      return held.get(appId) ?? load(appId);
    },
    /** To be called after any of them changed. */
    forget,
  };
}
