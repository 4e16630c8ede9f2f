import { describe, expect, it } from 'vitest';
import { createIds, isId } from '../../server/platform/ids.ts';
import { createTestClock } from '../support/clock.ts';

describe('ids', () => {
  it('are UUIDs of version 7 that carry the time', () => {
    const id = createIds(createTestClock(new Date(0x0123456789ab))).next();
    expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(isId(id)).toBe(true);
  });

  it('sort as they were made, within one millisecond and when the clock steps back', () => {
    const clock = createTestClock();
    const ids = createIds(clock);
    const made = Array.from({ length: 20_000 }, (_, index) => {
      if (index === 10_000) clock.advance(-5_000);
      return ids.next();
    });
    expect(made).toEqual(made.toSorted());
    expect(new Set(made).size).toBe(made.length);
  });

  it('are told from other text', () => {
    const others = ['', 'x', '0123', '01234567-89AB-7000-8000-000000000000', "' OR 1=1 --"];
    expect(others.map(isId)).toEqual(others.map(() => false));
  });
});
