/** Owns `mosis doctor`: what could be wrong with this machine, its sign-in and the way to the server. It changes nothing. */
import { stat } from 'node:fs/promises';
import { send } from '../client.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, type ExitCode, systemCode } from '../errors.ts';
import { WhoAmIDocument } from '../generated/operations.ts';
import { programVersion } from '../main.ts';
import { defaultKeyPath } from '../signing-key.ts';
import { bold, dim, duration, green, red, t, table, yellow } from '../text.ts';

type Verdict = 'ok' | 'warning' | 'failed';

interface Check {
  readonly name: string;
  readonly verdict: Verdict;
  readonly message: string;
  readonly next?: string;
  readonly exit?: ExitCode;
}

/** Tokens and signatures are judged by time; more than this confuses them. */
const MAX_SKEW_SECONDS = 120;
const MARKS = { ok: green('✓'), warning: yellow('!'), failed: red('✗') } as const;

export const doctor = defineCommand({
  summary: 'Check this machine and the server',
  exits: ['0  nothing is wrong that stops you', '4  the sign-in has ended', '7  the server cannot be reached'],
  async run(context) {
    const checks: Check[] = [nodeCheck(), await credentialFile(context), await keyFile(context)];
    const server = await serverCheck(context);
    checks.push(...server.checks);
    if (server.reachable) checks.push(await signInCheck(context));
    const rows = checks.map(({ verdict, name, message }) => [MARKS[verdict], bold(name), message]);
    const worst = checks.find(({ verdict }) => verdict === 'failed');
    return {
      json: { ok: worst === undefined, checks: checks.map(({ exit: _, ...check }) => check) },
      lines: table(rows),
      notes: checks.flatMap(({ next, name }) => (next === undefined ? [] : [t`${dim(`${name}:`)} ${next}`])),
      exit: worst === undefined ? EXIT.done : (worst.exit ?? EXIT.failed),
    };
  },
});

function nodeCheck(): Check {
  return { name: 'program', verdict: 'ok', message: `mosis ${programVersion()} on Node ${process.versions.node}` };
}

async function credentialFile({ credentials, env }: Context): Promise<Check> {
  const name = 'credentials';
  if (env.MOSIS_TOKEN) return { name, verdict: 'ok', message: 'from MOSIS_TOKEN' };
  const mode = await credentials.mode();
  if (mode === null) return { name, verdict: 'warning', message: 'none on this machine', next: 'mosis login' };
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    return {
      name,
      verdict: 'warning',
      message: `${credentials.path} can be read by others`,
      next: `chmod 600 ${credentials.path}`,
    };
  const servers = await credentials.servers();
  return { name, verdict: 'ok', message: `${credentials.path}, for ${servers.join(', ') || 'no server'}` };
}

async function keyFile({ env }: Context): Promise<Check> {
  const path = defaultKeyPath(env);
  const name = 'signing key';
  try {
    const mode = (await stat(path)).mode & 0o077;
    if (process.platform === 'win32' || mode === 0) return { name, verdict: 'ok', message: path };
    return { name, verdict: 'warning', message: `${path} can be read by others`, next: `chmod 600 ${path}` };
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return { name, verdict: 'warning', message: 'none on this machine', next: 'mosis keys generate' };
  }
}

async function serverCheck(context: Context): Promise<{ reachable: boolean; checks: Check[] }> {
  const name = 'server';
  const begun = performance.now();
  try {
    const response = await send(context.fetch, `${context.serverUrl}/healthz`, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    const took = Math.round(performance.now() - begun);
    if (!response.ok) {
      const message = `${context.serverUrl} answered ${response.status} at /healthz`;
      return {
        reachable: false,
        checks: [{ name, verdict: 'failed', message, exit: EXIT.network, next: 'check --url or MOSIS_URL' }],
      };
    }
    return {
      reachable: true,
      checks: [
        { name, verdict: 'ok', message: `${context.serverUrl} answers in ${took} ms` },
        clockCheck(context, response),
      ],
    };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const next = 'check the network, --url and MOSIS_URL';
    return {
      reachable: false,
      checks: [{ name, verdict: 'failed', message: error.message, exit: EXIT.network, next }],
    };
  }
}

function clockCheck({ clock }: Context, response: Response): Check {
  const name = 'clock';
  const theirs = Date.parse(response.headers.get('date') ?? '');
  if (Number.isNaN(theirs)) return { name, verdict: 'warning', message: 'the server does not say its time' };
  const skew = Math.abs(clock().getTime() - theirs) / 1000;
  if (skew <= MAX_SKEW_SECONDS) return { name, verdict: 'ok', message: 'agrees with the server' };
  return {
    name,
    verdict: 'warning',
    message: `${duration(skew)} apart from the server`,
    next: "set this machine's clock",
  };
}

async function signInCheck(context: Context): Promise<Check> {
  const name = 'sign-in';
  const client = await context.client();
  if (client.credential === null) return { name, verdict: 'warning', message: 'not signed in', next: 'mosis login' };
  try {
    const { viewer } = await client.request(WhoAmIDocument, {});
    if (viewer !== null)
      return {
        name,
        verdict: 'ok',
        message: `${viewer.developer.email} (${viewer.credential.kind.toLowerCase().replace('_', ' ')})`,
      };
    return { name, verdict: 'failed', message: 'the token is not accepted', exit: EXIT.signIn, next: 'mosis login' };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return {
      name,
      verdict: 'failed',
      message: error.message,
      exit: error.exit,
      ...(error.next === null ? {} : { next: error.next }),
    };
  }
}
