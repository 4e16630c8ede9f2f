/** Owns `mosis login`: a session for this machine, confirmed in the portal, or a given token. */
import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, createClient, payloadOf } from '../client.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { PollDeviceLoginDocument, StartDeviceLoginDocument, WhoAmIDocument } from '../generated/operations.ts';
import { programVersion } from '../main.ts';
import { bold, cyan, dim, green, t } from '../text.ts';

/** What SLOW_DOWN adds to the interval when the server does not say (RFC 8628 §3.5). */
const SLOW_DOWN_SECONDS = 5;

export const login = defineCommand({
  summary: 'Sign in on this machine',
  description:
    'Shows a code to type into the portal, where you are signed in already. With --token it stores an API key instead. In CI set MOSIS_TOKEN and skip this.',
  options: {
    token: { type: 'string', value: 'TOKEN', help: 'An API key of the portal (mk_…)' },
    'no-browser': { type: 'boolean', help: 'Do not try to open a browser' },
  },
  exits: ['0  signed in', '4  denied, or the code ran out', '7  network'],
  async run(context, { options }) {
    const token = options.token ?? (await byCode(context, !options['no-browser']));
    const client = withToken(context, token);
    const { viewer } = await client.request(WhoAmIDocument, {});
    if (viewer === null) {
      throw new CliError('BAD_CREDENTIALS', `${context.serverUrl} does not accept this token.`, {
        exit: EXIT.signIn,
        next: 'make a new API key in the portal, or: mosis login',
      });
    }
    const { email } = viewer.developer;
    const { expiresAt, kind } = viewer.credential;
    await context.credentials.save(context.serverUrl, { token, email, ...(expiresAt === null ? {} : { expiresAt }) });
    const overridden = context.env.MOSIS_TOKEN ? [t`MOSIS_TOKEN is set and wins over this sign-in.`] : [];
    return {
      json: { serverUrl: context.serverUrl, email, name: viewer.developer.name, kind, expiresAt },
      lines: [t`${green('signed in')}  ${bold(email)} at ${context.serverUrl}`],
      notes: overridden,
    };
  },
});

function withToken(context: Context, token: string | null): Client {
  const credential = token === null ? null : ({ token, source: 'file', email: null } as const);
  return createClient({ serverUrl: context.serverUrl, credential, fetch: context.fetch });
}

/** The shape of RFC 8628: show a code, then poll until it is confirmed. */
async function byCode(context: Context, openBrowser: boolean): Promise<string> {
  const client = withToken(context, null);
  const input = { clientName: `mosis ${programVersion()}`.slice(0, 60), host: hostname().slice(0, 120) };
  const { startDeviceLogin } = await client.request(StartDeviceLoginDocument, { input });
  const started = payloadOf(startDeviceLogin, 'StartDeviceLoginPayload', client);
  const { output } = context;
  output.note(t``);
  output.note(t`  Open   ${cyan(started.verificationUrl)}`);
  output.note(t`  Type   ${bold(started.userCode)}`);
  output.note(t``);
  output.note(dim(t`Waiting for you to confirm it there. The code runs out in ten minutes.`));
  if (openBrowser && context.prompt.interactive) openUrl(started.verificationUrl);
  let intervalSeconds = started.intervalSeconds;
  const until = new Date(started.expiresAt).getTime();
  while (context.clock().getTime() < until) {
    await delay(intervalSeconds * 1000);
    const poll = await pollOnce(client, started.deviceCode);
    if (poll.kind === 'token') return poll.token;
    if (poll.kind === 'slower') intervalSeconds += poll.seconds;
  }
  throw expired();
}

type Poll =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'pending' }
  | { readonly kind: 'slower'; readonly seconds: number };

async function pollOnce(client: Client, deviceCode: string): Promise<Poll> {
  let answer: Awaited<ReturnType<typeof request>>;
  try {
    answer = await request(client, deviceCode);
  } catch (error) {
    // One lost poll is no reason to give up a code that a person is typing.
    if (error instanceof CliError && error.code === 'NETWORK') return { kind: 'slower', seconds: SLOW_DOWN_SECONDS };
    throw error;
  }
  const { pollDeviceLogin: result } = answer;
  if (result.__typename === 'RateLimitedError')
    return { kind: 'slower', seconds: Math.max(SLOW_DOWN_SECONDS, result.retryAfterSeconds) };
  const { state, token } = payloadOf(result, 'PollDeviceLoginPayload', client);
  if (state === 'CONFIRMED' && token !== null) return { kind: 'token', token };
  if (state === 'PENDING') return { kind: 'pending' };
  if (state === 'EXPIRED') throw expired();
  throw new CliError('DEVICE_CODE_DENIED', 'The sign-in was refused in the portal.', {
    exit: EXIT.signIn,
    next: 'mosis login',
  });
}

function request(client: Client, deviceCode: string) {
  return client.request(PollDeviceLoginDocument, { input: { deviceCode } });
}

function expired(): CliError {
  return new CliError('DEVICE_CODE_EXPIRED', 'The code ran out before it was confirmed.', {
    exit: EXIT.signIn,
    next: 'mosis login',
  });
}

/** Tries the desktop's way to open an address; a machine without one is fine, for the address is on the screen. */
function openUrl(url: string): void {
  if (!/^https?:\/\//.test(url)) return;
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['rundll32', 'url.dll,FileProtocolHandler', url]
        : ['xdg-open', url];
  if (command === undefined) return;
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
