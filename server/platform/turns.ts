/** Owns the order of acts on one thing, such as a stored file, within this process. */

/** Runs acts on one key after each other. One process alone writes a data folder, so that no other one must be asked. */
export function createTurns() {
  const last = new Map<string, Promise<unknown>>();
  return <Result>(key: string, act: () => Promise<Result>): Promise<Result> => {
    const result = (last.get(key) ?? Promise.resolve()).then(act);
    const settled = result
      .catch(() => undefined)
      .then(() => {
        if (last.get(key) === settled) last.delete(key);
      });
    last.set(key, settled);
    return result;
  };
}
