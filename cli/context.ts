/** Owns what every command is handed: the world outside, parsed once. Commands read no global of their own. */
import { type Client, createClient } from './client.ts';
import { type Credentials, createCredentials } from './credentials.ts';
import { usageError } from './errors.ts';
import { createOutput, type Output, type Sink } from './output.ts';
import { createPrompt, type Prompt } from './prompt.ts';

export const DEFAULT_URL = 'http://localhost:4000';

export interface World {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream & Sink;
  readonly stderr: NodeJS.WriteStream & Sink;
  readonly fetch: typeof fetch;
  readonly clock: () => Date;
}

export interface GlobalOptions {
  readonly json: boolean;
  readonly nonInteractive: boolean;
  readonly noColour: boolean;
  readonly url: string | undefined;
}

export interface Context {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly fetch: typeof fetch;
  readonly clock: () => Date;
  readonly output: Output;
  readonly prompt: Prompt;
  readonly credentials: Credentials;
  /** The server's address without a trailing slash. */
  readonly serverUrl: string;
  /** A client that sends this machine's token for the server, if there is one. */
  client(): Promise<Client>;
}

export function createContext(world: World, options: GlobalOptions): Context {
  const env = options.noColour ? { ...world.env, NO_COLOR: '1' } : world.env;
  const credentials = createCredentials(env);
  const serverUrl = parseServerUrl(options.url ?? (env.MOSIS_URL || DEFAULT_URL));
  let client: Promise<Client> | null = null;
  return {
    cwd: world.cwd,
    env,
    fetch: world.fetch,
    clock: world.clock,
    output: createOutput({ stdout: world.stdout, stderr: world.stderr, json: options.json, env }),
    prompt: createPrompt({ input: world.stdin, output: world.stderr, nonInteractive: options.nonInteractive }),
    credentials,
    serverUrl,
    client() {
      client ??= credentials
        .find(serverUrl)
        .then((credential) => createClient({ serverUrl, credential, fetch: world.fetch }));
      return client;
    },
  };
}

function parseServerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw usageError(`"${text}" is not a server address.`, 'mosis --url https://host …, or set MOSIS_URL');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw usageError('A server address has no user, query or fragment.', 'mosis --url https://host …');
  return url.href.replace(/\/+$/, '');
}
