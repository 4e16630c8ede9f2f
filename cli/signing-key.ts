/** Owns the private key files of this machine: where they lie, opening one, and signing files with it. It sends none anywhere. */
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { buildPackage } from '../format/canonical.ts';
import { decodePrivateKeyPem, KeyFileError, type KeyPair } from '../format/keys.ts';
import { SIGNATURE_PATH } from '../format/layout.ts';
import { signPackage } from '../format/package-signature.ts';
import { keyIdOf } from '../format/signing.ts';
import type { Context } from './context.ts';
import { configFolder } from './credentials.ts';
import { CliError, EXIT, systemCode } from './errors.ts';
import { t, yellow } from './text.ts';

/** Longer files are no keys. */
const MAX_KEY_FILE_BYTES = 16 * 1024;
const MAX_PASSPHRASE_TRIES = 3;

export interface SigningKey extends KeyPair {
  readonly keyId: string;
  readonly path: string;
}

/** `$XDG_CONFIG_HOME/mosis/keys/default.pem`. */
export function defaultKeyPath(env: NodeJS.ProcessEnv): string {
  return join(configFolder(env), 'keys', 'default.pem');
}

/** Whether there is a key file where one is looked for without `--key`. */
export async function hasDefaultKey(env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    return (await stat(defaultKeyPath(env))).isFile();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Opens the key at `path`, or the default one; the passphrase comes from MOSIS_KEY_PASSPHRASE or the person. */
export async function openSigningKey(context: Context, path: string | undefined): Promise<SigningKey> {
  const full = path === undefined ? defaultKeyPath(context.env) : resolve(context.cwd, path);
  const pem = await readKeyFile(full, path === undefined);
  await warnIfReadable(context, full);
  const pair = await decode(context, pem, full);
  return { ...pair, keyId: keyIdOf(pair.publicKey), path: full };
}

/** The canonical package of these files with a fresh `signature.sig`. */
export function buildSigned(files: ReadonlyMap<string, Uint8Array>, key: SigningKey): Uint8Array {
  const unsigned = new Map(files);
  unsigned.delete(SIGNATURE_PATH);
  const signature = signPackage(unsigned, key.secretKey);
  return buildPackage(new Map([...unsigned, [SIGNATURE_PATH, signature]]));
}

async function readKeyFile(full: string, isDefault: boolean): Promise<string> {
  try {
    if ((await stat(full)).size > MAX_KEY_FILE_BYTES) throw keyError(`${full} is too long for a private key.`);
    return await readFile(full, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new CliError('KEY_FILE_MISSING', `There is no private key at ${full}.`, {
      exit: EXIT.notFound,
      next: isDefault ? 'mosis keys generate (or give another one: --key FILE)' : 'check the path given with --key',
    });
  }
}

async function warnIfReadable({ output }: Context, full: string): Promise<void> {
  if (process.platform === 'win32') return;
  const mode = (await stat(full)).mode & 0o077;
  if (mode !== 0) output.note(t`${yellow('warning:')} ${full} can be read by others; run: chmod 600 ${full}`);
}

async function decode(context: Context, pem: string, full: string): Promise<KeyPair> {
  const fromEnvironment = context.env.MOSIS_KEY_PASSPHRASE;
  try {
    return decodePrivateKeyPem(pem, fromEnvironment);
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    if (error.problem === 'passphrase-wrong') {
      throw new CliError('KEY_PASSPHRASE', `${full} cannot be opened with the passphrase in MOSIS_KEY_PASSPHRASE.`, {
        next: 'set MOSIS_KEY_PASSPHRASE to the right passphrase, or unset it to be asked',
      });
    }
    if (error.problem !== 'passphrase-needed') throw keyError(`${full}: ${error.message}`);
  }
  for (let attempt = 1; ; attempt += 1) {
    const passphrase = await context.prompt.secret(t`Passphrase of ${full}`, 'MOSIS_KEY_PASSPHRASE in the environment');
    try {
      return decodePrivateKeyPem(pem, passphrase);
    } catch (error) {
      if (!(error instanceof KeyFileError) || error.problem !== 'passphrase-wrong') throw error;
      if (attempt >= MAX_PASSPHRASE_TRIES)
        throw new CliError('KEY_PASSPHRASE', `${full} cannot be opened with this passphrase.`, {
          next: 'a lost passphrase cannot be recovered: mosis keys generate, then mosis keys pin',
        });
      context.output.note(t`That is not the passphrase.`);
    }
  }
}

function keyError(message: string): CliError {
  return new CliError('KEY_INVALID', message, {
    next: 'mosis keys generate, or give an Ed25519 PKCS#8 PEM with --key',
  });
}
