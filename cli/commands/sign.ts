/** Owns `mosis sign`: a package rebuilt in canonical form with the developer's signature in it. */
import { relative, resolve } from 'node:path';
import { buildApp, packagePath, refusedOutcome } from '../build-app.ts';
import { defineCommand } from '../command.ts';
import { writeFileAtomic } from '../files.ts';
import { openSigningKey } from '../signing-key.ts';
import { bold, byteCount, dim, green, t, table } from '../text.ts';

export const sign = defineCommand({
  summary: 'Sign a package with your key',
  description:
    'Signs a .mosis file in place, or builds and signs a folder. The private key never leaves this machine; its passphrase is asked for, or read from MOSIS_KEY_PASSPHRASE.',
  arguments: [{ name: 'PATH', help: '.mosis file or app folder (default: this folder)' }],
  options: {
    key: { type: 'string', value: 'FILE', help: 'Private key, PKCS#8 PEM (default: the one of mosis keys generate)' },
    output: { type: 'string', short: 'o', value: 'FILE', help: 'Where to write (default: in place, or DIR/dist)' },
  },
  exits: ['0  signed', '3  no key', '5  refused by the checks; nothing is written'],
  examples: ['mosis sign', 'mosis sign dist/com.example.notes-1.0.0.mosis --key release.pem'],
  async run(context, { args, options }) {
    const key = await openSigningKey(context, options.key);
    const built = await buildApp(context, args[0] ?? '.', key);
    if (built.kind === 'refused') return refusedOutcome(context, built);
    const { manifest, source, bytes, sha256, keyId } = built;
    const path = options.output === undefined ? packagePath(source, manifest) : resolve(context.cwd, options.output);
    await writeFileAtomic(path, bytes);
    const shown = relative(context.cwd, path) || path;
    const rows = [
      [dim('signed by'), keyId ?? ''],
      [dim('size'), byteCount(bytes.length)],
      [dim('sha-256'), sha256],
    ];
    const { id, version, version_code: versionCode } = manifest;
    return {
      json: { path, id, version, versionCode, size: bytes.length, sha256, keyId },
      lines: [t`${green('signed')}  ${bold(shown)}`, ...table(rows, '  ')],
      notes: [dim(t`next: mosis publish ${shown}`)],
    };
  },
});
