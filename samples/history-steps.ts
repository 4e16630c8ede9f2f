/** Owns the small changes that turn a sample into its earlier version. It knows no sample, and reads no folder. */

/** A package's files by path. */
type Files = ReadonlyMap<string, Uint8Array>;

/** One change on the way from a version to the one before it. */
export type Step = (files: Map<string, Uint8Array>) => void;

function readText(files: Files, path: string): string {
  const bytes = files.get(path);
  if (bytes === undefined) throw new Error(`The sample has no file ${path}; samples/history.ts expects one.`);
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

function writeText(files: Map<string, Uint8Array>, path: string, text: string): void {
  files.set(path, new TextEncoder().encode(text));
}

/** Replaces one place in a file; throws unless it is there exactly once, so that no version silently keeps a feature. */
export function replaceOnce(path: string, from: string, to: string): Step {
  return (files) => {
    const parts = readText(files, path).split(from);
    if (parts.length !== 2) {
      throw new Error(`${path} has ${parts.length - 1} places with ${JSON.stringify(from)}; expected one.`);
    }
    writeText(files, path, parts.join(to));
  };
}

/** Takes one place out of a file. */
export function cut(path: string, text: string): Step {
  return replaceOnce(path, text, '');
}

/** Takes out all from the first marker up to, but without, the second one. */
export function cutBetween(path: string, first: string, next: string): Step {
  return (files) => {
    const text = readText(files, path);
    const start = text.indexOf(first);
    const end = text.indexOf(next, start + first.length);
    if (start < 0 || end < 0) throw new Error(`${path} does not hold ${JSON.stringify(first)} before its next part.`);
    writeText(files, path, text.slice(0, start) + text.slice(end));
  };
}

/** Writes a file anew; throws where there is none to replace. */
export function put(path: string, text: string): Step {
  return (files) => {
    readText(files, path);
    writeText(files, path, text);
  };
}

/** Takes files out. */
export function removeFiles(...paths: readonly string[]): Step {
  return (files) => {
    for (const path of paths) {
      if (!files.delete(path)) throw new Error(`The sample has no file ${path}; samples/history.ts expects one.`);
    }
  };
}

function parseObject(text: string, path: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${path} is no JSON object.`);
  return Object.fromEntries(Object.entries(value));
}

/** Takes the keys with these prefixes out of every locale table, so that the tables go on agreeing. */
export function removeTexts(...prefixes: readonly string[]): Step {
  return (files) => {
    const tables = [...files.keys()].filter((path) => path.startsWith('locales/'));
    for (const path of tables) {
      const entries = Object.entries(parseObject(readText(files, path), path));
      const kept = entries.filter(([key]) => !prefixes.some((prefix) => key.startsWith(prefix)));
      if (kept.length === entries.length)
        throw new Error(`${path} has no text that starts with ${prefixes.join(', ')}.`);
      writeText(files, path, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`);
    }
  };
}

/** Changes keys of the manifest. */
export function setManifest(changes: Readonly<Record<string, unknown>>): Step {
  return (files) => {
    const manifest = { ...parseObject(readText(files, 'manifest.json'), 'manifest.json'), ...changes };
    writeText(files, 'manifest.json', `${JSON.stringify(manifest, null, 2)}\n`);
  };
}
