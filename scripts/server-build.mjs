// Owns bundling the server into one file and its threads: it starts faster and idles in two thirds of the memory, for what is
// never used is left out. Development runs the sources themselves, and so do
// tests within their own process.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hashOf } from './hash.mjs';
import { CACHE, ROOT } from './paths.mjs';

const OUT = join(CACHE, 'server');
const STAMP = join(OUT, 'stamp');
const SOURCES = [
  'server',
  'format',
  'prisma/migrate.ts',
  'prisma/migrate-apart.ts',
  'prisma/schema-engine.ts',
  'prisma/schema.prisma',
  'package-lock.json',
  'scripts/server-build.mjs',
];
/** Threads and helper processes are programs of their own, found by the name of their source. */
const PROGRAMS = {
  worker: 'server/validation/worker.ts',
  'writer-thread': 'server/telemetry/writer-thread.ts',
  'release-sample-thread': 'server/telemetry/release-sample-thread.ts',
  'migrate-apart': 'prisma/migrate-apart.ts',
  'mosis-admin': 'server/ops/mosis-admin.ts',
};
/** Native code, WebAssembly and what is loaded rarely stay packages. */
const EXTERNAL = [
  'better-sqlite3',
  '@node-rs/argon2',
  '@prisma/client/runtime/*',
  '@prisma/schema-engine-wasm',
  '@graphql-yoga/render-graphiql',
  'pino',
];

/** The program that `npm start` runs. */
export const SERVER_PROGRAM = join(OUT, 'main.js');

/**
 * Bundles the server when a source changed since the last time. Throws when a source does not parse.
 * @returns {Promise<boolean>} whether it bundled
 */
export async function buildServer() {
  const hash = hashOf(SOURCES, new Set(), (path) => path.endsWith('.ts'));
  if (existsSync(SERVER_PROGRAM) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return false;
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: ROOT,
    entryPoints: [
      { in: 'server/main.ts', out: 'main' },
      ...Object.entries(PROGRAMS).map(([out, path]) => ({ in: path, out })),
    ],
    outdir: OUT,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'error',
    external: EXTERNAL,
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    plugins: [
      { name: 'source-places', setup: keepPlaces },
      { name: 'one-language', setup: keepOneLanguage },
      { name: 'query-compiler', setup: keepCompilerAside },
    ],
  });
  mkdirSync(OUT, { recursive: true });
  writeFileSync(STAMP, hash);
  return true;
}

/** Files a source finds beside itself stay beside the source; its threads are beside the bundle. */
function keepPlaces(/** @type {import('esbuild').PluginBuild} */ { onLoad }) {
  onLoad({ filter: /[\\/](?:server|format|prisma)[\\/].*\.ts$/ }, ({ path }) => {
    const source = readFileSync(path, 'utf8');
    if (!source.includes('import.meta.')) return undefined;
    const here = JSON.stringify(pathToFileURL(path).href);
    const contents = source
      .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
      .replaceAll(/new URL\('\.\/([a-z-]+)\.ts', import\.meta\.url\)/g, "new URL('./$1.js', import.meta.url)")
      .replaceAll(/(?<!\.js', )import\.meta\.url/g, here);
    return { contents, loader: 'ts' };
  });
}

/** Messages of the validator in some fifty languages; the server speaks one. */
function keepOneLanguage(/** @type {import('esbuild').PluginBuild} */ { onLoad }) {
  onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/].*\.js$/ }, ({ path }) =>
    /[\\/](?:en|index)\.js$/.test(path) ? undefined : { contents: 'export default undefined;', loader: 'js' },
  );
}

/**
 * The client's query compiler comes as base64 in a module, which would stay in memory three times over: it becomes a file
 * that is read when the client starts. `Buffer.from` takes an object that turns into text.
 */
function keepCompilerAside(/** @type {import('esbuild').PluginBuild} */ { onLoad, onResolve }) {
  const filter = /^@prisma\/client\/runtime\/query_compiler_\w+\.\w+\.wasm-base64\.mjs$/;
  onResolve({ filter }, ({ path }) => ({ path: join(ROOT, 'node_modules', path), namespace: 'compiler' }));
  onLoad({ filter: /./, namespace: 'compiler' }, async ({ path }) => {
    const { wasm } = await import(pathToFileURL(path).href);
    mkdirSync(OUT, { recursive: true });
    writeFileSync(join(OUT, 'query-compiler.wasm'), Buffer.from(wasm, 'base64'));
    const contents = `import { readFileSync } from 'node:fs';
      const file = new URL('./query-compiler.wasm', import.meta.url);
      export const wasm = { [Symbol.toPrimitive]: () => readFileSync(file, 'base64') };`;
    return { contents, loader: 'js', resolveDir: ROOT };
  });
}
