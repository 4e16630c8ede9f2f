/** The import rules of docs/ARCHITECTURE.md, read from the sources themselves. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s*'([^']+)'/g;

interface Source {
  readonly path: string;
  readonly text: string;
  /** Paths from the root for our own files, names for packages. */
  readonly imports: readonly string[];
}

function sourcesOf(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(
      (name) =>
        /\.(ts|svelte)$/.test(name) && !/(^|\/)(generated|node_modules|\.svelte-kit|build|dist|templates)\//.test(name),
    )
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(ROOT, path), 'utf8');
      const imports = [...text.matchAll(IMPORT)].map((match) => {
        const target = match[1] ?? match[2] ?? match[3] ?? '';
        return target.startsWith('.') ? relative(ROOT, join(ROOT, dirname(path), target)) : target;
      });
      return { path, text, imports };
    });
}

const server = sourcesOf('server');
const isOurs = (target: string) => /^(format|server|web|cli|device|prisma|samples|bench|test|scripts)\//.test(target);

/** `file → import` for each import that breaks the rule. */
function breaches(sources: readonly Source[], breaks: (target: string, source: Source) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports.filter((target) => breaks(target, source)).map((target) => `${source.path} → ${target}`),
  );
}

describe('imports', () => {
  it('are found at all', () => {
    expect(server.find(({ path }) => path === 'server/app.ts')?.imports).toContain('server/services.ts');
    expect(server.length).toBeGreaterThan(100);
  });

  it('of format/ name nothing else of ours, and no database, network or clock', () => {
    const format = sourcesOf('format');
    expect(breaches(format, (target) => isOurs(target) && !target.startsWith('format/'))).toEqual([]);
    const forbidden =
      /^(node:)?(net|http|https|http2|dgram|dns|tls|child_process|worker_threads|timers)\b|prisma|better-sqlite3|^ws$/;
    expect(breaches(format, (target) => forbidden.test(target))).toEqual([]);
    const clocks = format.filter(({ text }) =>
      /\bDate\.now\(|\bnew Date\(\)|\bsetTimeout\(|\bMath\.random\(/.test(text),
    );
    expect(clocks.map(({ path }) => path)).toEqual([]);
  });

  it('of server/platform name no feature', () => {
    const platform = server.filter(({ path }) => path.startsWith('server/platform/'));
    const allowed = /^server\/(platform|generated)\/|^server\/errors\.ts$|^format\//;
    expect(breaches(platform, (target) => isOurs(target) && !allowed.test(target))).toEqual([]);
  });

  it('of what is no edge name neither graphql/ nor http/', () => {
    const edges =
      /^server\/(app|services)\.ts$|^server\/(graphql|http)\/|\/(schema[a-z-]*|routes|tus|body|[a-z-]*handlers?|[a-z-]*-type|[a-z-]*-types)\.ts$/;
    const inner = server.filter(({ path }) => !edges.test(path));
    expect(
      breaches(inner, (target) => /^server\/(graphql|http)\//.test(target) && target !== 'server/http/rate-limit.ts'),
    ).toEqual([]);
  });

  it('of services name nothing of GraphQL or HTTP, by whatever package', () => {
    const services = server.filter(({ path }) => /\/(service|access|states|policy|jobs)\.ts$/.test(path));
    expect(services.length).toBeGreaterThan(8);
    expect(
      breaches(services, (target) => /^(graphql|@pothos|graphql-yoga|graphql-ws|ws|node:http)/.test(target)),
    ).toEqual([]);
  });

  it('of cli/, device/ and web/ name only format/ and themselves', () => {
    for (const folder of ['cli', 'device', 'web']) {
      const own = sourcesOf(folder);
      const foreign = (target: string) =>
        isOurs(target) &&
        !target.startsWith('format/') &&
        !target.startsWith(`${folder}/`) &&
        !(folder === 'cli' && target.startsWith('device/'));
      expect(breaches(own, foreign)).toEqual([]);
    }
  });

  it('of adapters are in app.ts alone', () => {
    const adapters = /^server\/platform\/(db\/sqlite|blobs\/folder|pubsub\/in-process)\.ts$/;
    const others = server.filter(({ path }) => path !== 'server/app.ts' && !path.startsWith('server/platform/'));
    const values = others.map((source) => ({
      ...source,
      // What only names a type chooses nothing.
      imports: [
        ...source.text
          .replaceAll(/import type [^;]+;/g, '')
          .replaceAll(/import \{\s*(?:type \w+,?\s*)+\} from [^;]+;/g, '')
          .matchAll(IMPORT),
      ]
        .map((match) => match[1] ?? match[2] ?? match[3] ?? '')
        .map((target) => (target.startsWith('.') ? relative(ROOT, join(ROOT, dirname(source.path), target)) : target)),
    }));
    expect(breaches(values, (target) => adapters.test(target))).toEqual([]);
  });
});

describe('sources of the server', () => {
  it('read the environment in config.ts alone', () => {
    const readers = server.filter(({ text }) => /\bprocess\.env\b/.test(text)).map(({ path }) => path);
    expect(
      readers.filter((path) => !['server/config.ts', 'server/main.ts', 'server/ops/mosis-admin.ts'].includes(path)),
    ).toEqual([]);
  });

  it('write a version’s state in versions/ alone', () => {
    const writers = server
      .filter(({ text }) => /appVersion\.(update|updateMany|upsert|create)\b/.test(text))
      .map(({ path }) => path);
    expect(writers.filter((path) => !path.startsWith('server/versions/'))).toEqual([]);
  });

  it('open with what the file owns', () => {
    const silent = server.filter(({ text }) => !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(text)).map(({ path }) => path);
    expect(silent).toEqual([]);
  });
});
