/** Owns registering and pinning signing keys at a server. The private key is used here and sent nowhere. */
import { hostname } from 'node:os';
import { encodePublicKeyPem } from '../format/keys.ts';
import { signPinLink } from '../format/pins.ts';
import { type Client, payloadOf } from './client.ts';
import type { Context } from './context.ts';
import { CliError, EXIT } from './errors.ts';
import {
  PinSigningKeysDocument,
  RegisterSigningKeyDocument,
  type SigningKeyFieldsFragment,
  SigningKeysDocument,
} from './generated/operations.ts';
import { defaultKeyPath, hasDefaultKey, openSigningKey, type SigningKey } from './signing-key.ts';
import { dim, t } from './text.ts';

/** The signed-in account's registered keys. Throws UNAUTHENTICATED for nobody. */
export async function registeredKeys(client: Client): Promise<readonly SigningKeyFieldsFragment[]> {
  const { viewer } = await client.request(SigningKeysDocument, {});
  return requireViewer(viewer, client).signingKeys;
}

/** The viewer, or what to do when there is none. */
export function requireViewer<Viewer>(viewer: Viewer | null | undefined, client: Client): Viewer {
  if (viewer !== null && viewer !== undefined) return viewer;
  const { credential, serverUrl } = client;
  const why =
    credential === null
      ? `You are not signed in at ${serverUrl}.`
      : credential.source === 'environment'
        ? `${serverUrl} does not accept the token in MOSIS_TOKEN.`
        : `Your sign-in at ${serverUrl} has ended.`;
  const next = credential?.source === 'environment' ? 'set MOSIS_TOKEN to a valid token' : 'mosis login';
  throw new CliError('UNAUTHENTICATED', why, { exit: EXIT.signIn, next });
}

/** Registers a public key under a name. */
export async function registerKey(
  client: Client,
  publicKey: Uint8Array,
  name?: string,
): Promise<SigningKeyFieldsFragment> {
  const input = { name: name ?? `${hostname()}`.slice(0, 80), publicKey: encodePublicKeyPem(publicKey) };
  const { registerSigningKey } = await client.request(RegisterSigningKeyDocument, { input });
  return payloadOf(registerSigningKey, 'RegisterSigningKeyPayload', client).signingKey;
}

export interface PinnedApp {
  readonly id: string;
  readonly packageId: string;
  readonly pinnedKeyIds: readonly string[];
  readonly pinSerial: number;
}

/** Signs and sends the next link of an app's pin chain; gives the set in force. */
export async function pinKeys(
  client: Client,
  app: PinnedApp,
  keyIds: readonly string[],
  signer: SigningKey,
): Promise<readonly string[]> {
  const link = signPinLink({ packageId: app.packageId, serial: app.pinSerial + 1, keyIds }, signer.secretKey);
  const input = {
    appId: app.id,
    serial: link.serial,
    keyIds: [...link.keyIds],
    signerKeyId: signer.keyId,
    publicKey: link.publicKey,
    signature: link.signature,
  };
  const { pinSigningKeys } = await client.request(PinSigningKeysDocument, { input });
  return payloadOf(pinSigningKeys, 'PinSigningKeysPayload', client).app.pinnedKeyIds;
}

export interface SignerOptions {
  readonly app: PinnedApp;
  /** The key that signed the package. */
  readonly keyId: string;
  /** The private key, when this run has opened it. */
  readonly key: SigningKey | null;
}

/** Makes sure that the server will take a package signed by this key: registered, and pinned when it is the app's first. */
export async function ensureSigner(
  context: Context,
  client: Client,
  { app, keyId, key }: SignerOptions,
): Promise<void> {
  if (app.pinnedKeyIds.includes(keyId)) return;
  if (app.pinnedKeyIds.length > 0) {
    throw new CliError('KEY_NOT_PINNED', `${app.packageId} is signed by ${keyId}, which is not pinned for it.`, {
      details: app.pinnedKeyIds.map((pinned) => `pinned: ${pinned}`),
      next: `mosis keys pin ${app.packageId} --add ${keyId} --key FILE-OF-A-PINNED-KEY`,
    });
  }
  const own = key ?? (await openIfDefault(context));
  if (own === null || own.keyId !== keyId) {
    throw new CliError(
      'KEY_NOT_PINNED',
      `The first submission of ${app.packageId} pins its key, and ${keyId} is not on this machine.`,
      {
        next: `mosis keys pin ${app.packageId} --key FILE`,
      },
    );
  }
  await ensureRegistered(context, client, own);
  await pinKeys(client, app, [keyId], own);
  context.output.note(dim(t`pinned ${keyId} for ${app.packageId}`));
}

async function openIfDefault(context: Context): Promise<SigningKey | null> {
  return (await hasDefaultKey(context.env)) ? await openSigningKey(context, undefined) : null;
}

async function ensureRegistered(context: Context, client: Client, key: SigningKey): Promise<void> {
  const keys = await registeredKeys(client);
  if (keys.some(({ keyId }) => keyId === key.keyId)) return;
  const flag = key.path === defaultKeyPath(context.env) ? '' : ` --key ${key.path}`;
  if (!context.prompt.interactive) {
    throw new CliError('KEY_UNKNOWN', `The key ${key.keyId} is not registered with your account.`, {
      next: `mosis keys register${flag}`,
    });
  }
  if (
    !(await context.prompt.confirm(
      t`The key ${key.keyId} is not registered yet. Register it`,
      `mosis keys register${flag}`,
    ))
  )
    throw new CliError('CANCELLED', 'Cancelled.', { next: `mosis keys register${flag}` });
  await registerKey(client, key.publicKey);
}
