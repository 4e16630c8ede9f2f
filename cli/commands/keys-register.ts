/** Owns `mosis keys register`: the public half of a key goes to the server. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { decodePublicKeyPem, KeyFileError } from '../../format/keys.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, systemCode } from '../errors.ts';
import { registerKey } from '../pinning.ts';
import { defaultKeyPath, openSigningKey } from '../signing-key.ts';
import { bold, green, t } from '../text.ts';

export const keysRegister = defineCommand({
  summary: 'Register a public key with your account',
  options: {
    key: {
      type: 'string',
      value: 'FILE',
      help: 'Public or private key, PEM (default: the one of mosis keys generate)',
    },
    name: { type: 'string', value: 'NAME', help: "What to call it (default: this machine's name)" },
  },
  exits: ['0  registered', '4  sign-in needed (an API key cannot do this)', '6  the key is registered already'],
  async run(context, { options }) {
    const publicKey = await readPublicKey(context, options.key);
    const registered = await registerKey(await context.client(), publicKey, options.name);
    return {
      json: registered,
      lines: [t`${green('registered')}  ${bold(registered.keyId)} as ${registered.name}`],
    };
  },
});

/** The public key beside a private one needs no passphrase. */
async function readPublicKey(context: Context, path: string | undefined): Promise<Uint8Array> {
  const full =
    path === undefined ? defaultKeyPath(context.env).replace(/\.pem$/, '.pub.pem') : resolve(context.cwd, path);
  let pem: string;
  try {
    pem = await readFile(full, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return (await openSigningKey(context, path)).publicKey;
  }
  if (pem.includes('PRIVATE KEY')) return (await openSigningKey(context, path)).publicKey;
  try {
    return decodePublicKeyPem(pem);
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    throw new CliError('KEY_INVALID', `${full}: ${error.message}`, { next: 'mosis keys generate', cause: error });
  }
}
