/** Owns `mosis keys generate`: a new private key file on this machine. It sends nothing. */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { encodePrivateKeyPem, encodePublicKeyPem, keyPairFrom } from '../../format/keys.ts';
import { keyIdOf, SECRET_KEY_BYTES } from '../../format/signing.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, systemCode, usageError } from '../errors.ts';
import { writeNewFile } from '../files.ts';
import { defaultKeyPath } from '../signing-key.ts';
import { bold, dim, green, t, table, yellow } from '../text.ts';

const MIN_PASSPHRASE_CHARACTERS = 8;

export const keysGenerate = defineCommand({
  summary: 'Make a signing key on this machine',
  description:
    'Writes an Ed25519 private key as PKCS#8 PEM, encrypted with a passphrase, and its public key beside it. Keep a copy in a safe place: without it nobody can sign updates of your apps.',
  options: {
    output: {
      type: 'string',
      short: 'o',
      value: 'FILE',
      help: 'Where to write (default $XDG_CONFIG_HOME/mosis/keys/default.pem)',
    },
    'no-passphrase': { type: 'boolean', help: 'Write the key unencrypted; whoever reads the file can sign as you' },
  },
  exits: ['0  written', '6  there is a key already'],
  async run(context, { options }) {
    const path = options.output === undefined ? defaultKeyPath(context.env) : resolve(context.cwd, options.output);
    const passphrase = options['no-passphrase'] ? undefined : await choosePassphrase(context);
    const { secretKey, publicKey } = keyPairFrom(randomBytes(SECRET_KEY_BYTES));
    const publicPath = `${path.replace(/\.pem$/, '')}.pub.pem`;
    try {
      // Exclusive creation: an existing key is never overwritten, not even by a race.
      await writeNewFile(path, encodePrivateKeyPem(secretKey, passphrase), { mode: 0o600, folderMode: 0o700 });
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      throw new CliError('CONFLICT', `There is a key at ${path} already; it is not overwritten.`, {
        exit: EXIT.conflict,
        next: 'mosis keys register, or choose another file with --output FILE',
      });
    }
    await writeNewFile(publicPath, encodePublicKeyPem(publicKey), { mode: 0o644 }, 'replace');
    const keyId = keyIdOf(publicKey);
    if (passphrase === undefined)
      context.output.note(t`${yellow('warning:')} the key is not encrypted; guard the file.`);
    const rows = [
      [dim('key id'), bold(keyId)],
      [dim('private'), `${path} (mode 0600${passphrase === undefined ? '' : ', encrypted'})`],
      [dim('public'), publicPath],
    ];
    return {
      json: { keyId, path, publicPath, encrypted: passphrase !== undefined },
      lines: [green('key made'), ...table(rows, '  ')],
      notes: [dim('next: mosis keys register')],
    };
  },
});

async function choosePassphrase({ env, prompt, output }: Context): Promise<string> {
  const given = env.MOSIS_KEY_PASSPHRASE;
  if (given !== undefined) {
    if (given.length >= MIN_PASSPHRASE_CHARACTERS) return given;
    throw usageError(`MOSIS_KEY_PASSPHRASE has under ${MIN_PASSPHRASE_CHARACTERS} characters.`, 'set a longer one');
  }
  const flag = '--no-passphrase, or MOSIS_KEY_PASSPHRASE to the environment';
  for (;;) {
    const first = await prompt.secret(t`Passphrase for the new key`, flag);
    if (first.length < MIN_PASSPHRASE_CHARACTERS) {
      output.note(t`At least ${MIN_PASSPHRASE_CHARACTERS} characters.`);
      continue;
    }
    if ((await prompt.secret(t`The same again`, flag)) === first) return first;
    output.note(t`The two differ.`);
  }
}
