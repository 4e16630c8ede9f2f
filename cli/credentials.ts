/** Owns what this machine remembers about servers: one token for each, readable by its owner alone. */
import { chmod, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { CliError, systemCode } from './errors.ts';
import { writeFileAtomic } from './files.ts';

const Stored = z.object({
  token: z.string().min(1),
  /** Who the token speaks for, to show without asking the server. */
  email: z.string().optional(),
  expiresAt: z.string().optional(),
});
export type StoredCredential = z.infer<typeof Stored>;

const CredentialFile = z.object({ version: z.literal(1), servers: z.record(z.string(), Stored) });
type CredentialFile = z.infer<typeof CredentialFile>;

/** A token and where it comes from: the environment wins over the file. */
export interface Credential {
  readonly token: string;
  readonly source: 'environment' | 'file';
  readonly email: string | null;
}

/** `$XDG_CONFIG_HOME/mosis`, or `~/.config/mosis`. */
export function configFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CONFIG_HOME;
  return join(base?.startsWith('/') ? base : join(env.HOME ?? homedir(), '.config'), 'mosis');
}

export interface Credentials {
  readonly path: string;
  /** The token for a server, or null when nobody signed in there. */
  find(serverUrl: string): Promise<Credential | null>;
  /** The same from the file alone. */
  stored(serverUrl: string): Promise<Credential | null>;
  save(serverUrl: string, credential: StoredCredential): Promise<void>;
  /** Forgets a server; false when it was not known. */
  forget(serverUrl: string): Promise<boolean>;
  servers(): Promise<string[]>;
  /** Permission bits of the file, or null when there is none. */
  mode(): Promise<number | null>;
}

export function createCredentials(env: NodeJS.ProcessEnv): Credentials {
  const path = join(configFolder(env), 'credentials.json');
  const write = (file: CredentialFile) =>
    writeFileAtomic(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, folderMode: 0o700 });
  const stored = async (serverUrl: string): Promise<Credential | null> => {
    const found = (await read(path)).servers[originOf(serverUrl)];
    return found === undefined ? null : { token: found.token, source: 'file', email: found.email ?? null };
  };
  return {
    path,
    stored,
    async find(serverUrl) {
      const token = env.MOSIS_TOKEN;
      if (token !== undefined && token !== '') return { token, source: 'environment', email: null };
      return await stored(serverUrl);
    },
    async save(serverUrl, credential) {
      const file = await read(path);
      await write({ ...file, servers: { ...file.servers, [originOf(serverUrl)]: credential } });
    },
    async forget(serverUrl) {
      const file = await read(path);
      const { [originOf(serverUrl)]: gone, ...servers } = file.servers;
      if (gone === undefined) return false;
      await write({ ...file, servers });
      return true;
    },
    async servers() {
      return Object.keys((await read(path)).servers);
    },
    async mode() {
      try {
        return (await stat(path)).mode & 0o777;
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return null;
        throw error;
      }
    },
  };
}

async function read(path: string): Promise<CredentialFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
    // A file that others could read is closed to them before it is used.
    if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o600);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { version: 1, servers: {} };
    throw error;
  }
  const parsed = CredentialFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new CliError('CREDENTIALS_UNREADABLE', `${path} is not a credential file of this program.`, {
    next: `remove it, then: mosis login`,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The part of a server's address that a token belongs to. */
export function originOf(serverUrl: string): string {
  return new URL(serverUrl).origin;
}
