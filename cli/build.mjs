// Owns the making of dist/mosis.mjs: the command line as one file that runs on Node 20. Run: node cli/build.mjs
import { chmod } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Bundles the sources and everything they import from npm into one file. */
export async function buildCli(outfile = here('./dist/mosis.mjs')) {
  await build({
    entryPoints: [here('./main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20.15',
    format: 'esm',
    legalComments: 'linked',
    logLevel: 'warning',
    // CommonJS packages in an ES module call require for Node's own modules.
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
  });
  await chmod(outfile, 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildCli();
