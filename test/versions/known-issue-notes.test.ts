// Notes in memory: read once for all who ask, never older than their last change, and bounded.
import { beforeEach, describe, expect, it } from 'vitest';
import { createNotes, type StoredNote } from '../../server/known-issues/notes.ts';

let reads: string[];
let nowMs: number;
let stored: StoredNote[];
beforeEach(() => {
  [reads, nowMs, stored] = [[], 0, [{ versionCode: 2, reason: '', note: 'Known.' }]];
});

const notesOf = (options: { maxHeld?: number } = {}) =>
  createNotes(
    async (appId) => {
      reads.push(appId);
      return stored;
    },
    { nowMs: () => nowMs, ...options },
  );

describe('the notes of an app', () => {
  it('are read once for all who ask, at once or one after the other', async () => {
    const notes = notesOf();
    const [first, second] = await Promise.all([notes.of('a'), notes.of('a')]);
    expect(first).toBe(second);
    expect(await notes.of('a')).toEqual(new Map([['2 ', 'Known.']]));
    await notes.of('b');
    expect(reads).toEqual(['a', 'b']);
  });

  it('are read again after a change, also one that came while they were read', async () => {
    const notes = notesOf();
    const early = notes.of('a');
    stored = [];
    notes.forget();
    expect((await early).size).toBe(1);
    expect((await notes.of('a')).size).toBe(0);
    expect(reads).toEqual(['a', 'a']);
  });

  it('are read again after half a minute', async () => {
    const notes = notesOf();
    await notes.of('a');
    nowMs = 30_000;
    await notes.of('a');
    nowMs = 30_001;
    await notes.of('a');
    expect(reads).toHaveLength(2);
  });

  it('are let go of where there are too many', async () => {
    const notes = notesOf({ maxHeld: 2 });
    for (const app of ['a', 'b', 'c', 'a', 'b', 'c']) await notes.of(app);
    expect(reads).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('that could not be read are read again', async () => {
    let fail = true;
    const notes = createNotes(async () => {
      if (fail) throw new Error('disk I/O error');
      return stored;
    });
    await expect(notes.of('a')).rejects.toThrow('disk I/O error');
    fail = false;
    expect((await notes.of('a')).size).toBe(1);
  });
});
