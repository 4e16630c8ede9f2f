/** Owns `mosis build`: the canonical, unsigned package of a folder. */
import { relative, resolve } from 'node:path';
import { buildApp, packagePath, refusedOutcome } from '../build-app.ts';
import { defineCommand } from '../command.ts';
import { writeFileAtomic } from '../files.ts';
import { bold, byteCount, dim, green, t, table } from '../text.ts';

export const build = defineCommand({
  summary: 'Pack a folder into a .mosis file',
  description:
    'Checks the folder and writes the canonical package: the same files give the same bytes on every machine. dist/, node_modules/ and names that begin with a dot are left out.',
  arguments: [{ name: 'DIR', help: 'App folder (default: this folder)' }],
  options: {
    output: { type: 'string', short: 'o', value: 'FILE', help: 'Where to write (default DIR/dist/ID-VERSION.mosis)' },
  },
  exits: ['0  written', '5  refused by the checks; nothing is written'],
  async run(context, { args, options }) {
    const built = await buildApp(context, args[0] ?? '.', null);
    if (built.kind === 'refused') return refusedOutcome(context, built);
    const { manifest, source, bytes, sha256 } = built;
    const path = options.output === undefined ? packagePath(source, manifest) : resolve(context.cwd, options.output);
    await writeFileAtomic(path, bytes);
    const shown = relative(context.cwd, path) || path;
    return {
      json: {
        path,
        id: manifest.id,
        version: manifest.version,
        versionCode: manifest.version_code,
        size: bytes.length,
        sha256,
      },
      lines: [
        t`${green('built')}  ${bold(shown)}`,
        ...table(
          [
            [dim('size'), byteCount(bytes.length)],
            [dim('sha-256'), sha256],
          ],
          '  ',
        ),
      ],
      notes: [dim(t`next: mosis sign ${shown}`)],
    };
  },
});
