/** Owns counting who holds one of a bounded number of seats. What a seat is for, and what to do without one, is the caller's business. */

export interface Seats {
  /** Takes a seat for `key` and gives what leaves it (once, however often it is called); null where all are taken. */
  take(key: string): (() => void) | null;
}

/** At most `most` seats, `mostPerKey` of them of one key. */
export function createSeats({ most, mostPerKey }: { readonly most: number; readonly mostPerKey: number }): Seats {
  const taken = new Map<string, number>();
  let all = 0;
  return {
    take(key) {
      const own = taken.get(key) ?? 0;
      if (all >= most || own >= mostPerKey) return null;
      all += 1;
      taken.set(key, own + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        all -= 1;
        const rest = (taken.get(key) ?? 1) - 1;
        if (rest === 0) taken.delete(key);
        else taken.set(key, rest);
      };
    },
  };
}
