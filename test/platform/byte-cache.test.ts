import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createByteCache } from '../../server/platform/byte-cache.ts';

const sizeOf = (value: string): number => value.length;

describe('a byte cache', () => {
  it('drops the longest unused first, and no more than it must', () => {
    const cache = createByteCache<string>({ maxBytes: 10, sizeOf });
    for (const name of ['a', 'b', 'c']) cache.set(name, name.repeat(3));
    expect(cache.get('a')).toBe('aaa');
    expect(cache.set('d', 'dddd')).toBe(true);
    expect(['a', 'b', 'c', 'd'].map((name) => cache.get(name))).toEqual(['aaa', undefined, 'ccc', 'dddd']);
    expect(cache.bytes()).toBe(10);
  });

  it('keeps nothing that is over the bound of one value, and drops what it stood for', () => {
    const cache = createByteCache<string>({ maxBytes: 10, maxValueBytes: 4, sizeOf });
    cache.set('a', 'aaaa');
    expect(cache.set('a', 'aaaaa')).toBe(false);
    expect([cache.get('a'), cache.bytes()]).toEqual([undefined, 0]);
  });

  it('drops nothing that may not go, and takes nothing in its place', () => {
    const staying = new Set(['aaaa', 'bbbb']);
    const cache = createByteCache<string>({ maxBytes: 10, sizeOf, mayGo: (value) => !staying.has(value) });
    cache.set('a', 'aaaa');
    cache.set('b', 'bbbb');
    expect(cache.set('c', 'ccc')).toBe(false);
    staying.delete('bbbb');
    expect(cache.set('c', 'ccc')).toBe(true);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['aaaa', undefined, 'ccc']);
  });

  it('never holds more than its bound, and counts right, whatever is done', () => {
    const act = fc.tuple(fc.constantFrom('set', 'get', 'delete', 'clear'), fc.constantFrom(...'abcdef'), fc.nat(12));
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const cache = createByteCache<string>({ maxBytes: 20, sizeOf });
        for (const [name, key, size] of acts) {
          if (name === 'set') expect(cache.set(key, 'x'.repeat(size))).toBe(true);
          else if (name === 'clear') cache.clear();
          else cache[name as 'get' | 'delete'](key);
          const held = [...'abcdef'].reduce((sum, each) => sum + (cache.get(each)?.length ?? 0), 0);
          expect(cache.bytes()).toBe(held);
          expect(held).toBeLessThanOrEqual(20);
        }
      }),
    );
  });
});
