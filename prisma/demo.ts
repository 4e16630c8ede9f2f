/**
 * Owns `npm run demo`: fills an empty installation through the public API of the running server, as its users would. It
 * opens no database; of the data folder it reads only the one-time set-up token.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { publicKeyFrom } from '../format/signing.ts';
import { connect } from './demo/client.ts';
import { APP_LIVES } from './demo/lives.ts';
import { DemoRefused, type People, type SigningKey, setUpPeople } from './demo/people.ts';
import { sendMonth } from './demo/sender.ts';
import { publishNotes, publishWeather } from './demo/stories.ts';
import { simulateMonth } from './demo/telemetry.ts';

const DEVICES = 60;
/** The same demo every time, but for the day it is made on. */
const SEED = 20_260_131;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function readSetupToken(dataDir: string): Promise<string> {
  const path = join(dataDir, 'setup-token');
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    throw new DemoRefused(
      `There is no ${path}. Set DATA_DIR to the data folder of the server at MOSIS_URL, and run this on its machine.`,
    );
  }
}

async function run(): Promise<void> {
  const url = process.env.MOSIS_URL || 'http://localhost:4000';
  const dataDir = resolve(process.env.DATA_DIR || './data');
  const client = await connect(url).catch((error: unknown) => {
    throw new DemoRefused(
      `No Mosis server answers at ${url} (${reasonOf(error)}). Start one with npm start, or set MOSIS_URL.`,
    );
  });
  const secretKey = randomBytes(32);
  const key: SigningKey = { secretKey, publicKey: publicKeyFrom(secretKey) };
  const people = await setUpPeople(client, () => readSetupToken(dataDir));
  say('accounts made');
  // One app after the other: the first publication decides how the second one is reviewed.
  await publishNotes(people, key, say);
  await publishWeather(people, key, say);
  const now = new Date();
  const month = simulateMonth({ apps: APP_LIVES, devices: DEVICES, now, seed: SEED, newId: randomUUID });
  const sent = await sendMonth(client.url, month);
  say(
    `telemetry sent: ${sent.events} events in ${sent.batches} batches and ${sent.crashes} crashes of ${DEVICES} devices`,
  );
  process.stdout.write(summary(client.publicUrl, people));
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return cause instanceof Error ? cause.message : String(cause);
}

function summary(url: string, { accounts }: People): string {
  const width = Math.max(...accounts.map(({ email }) => email.length));
  const lines = [
    '',
    'Accounts, for this demo only: anybody can read these passwords in the sources.',
    '',
    ...accounts.map(({ role, email, password }) => `  ${role.padEnd(9)}  ${email.padEnd(width)}  ${password}`),
    '',
    'Where to look',
    '',
    `  visitor    ${url}/store`,
    `  all        ${url}/sign-in`,
    '  developer  versions with their timelines, findings and feedback, analytics and crashes of both apps',
    '  reviewer   Weather 1.3.0 waits in the queue',
    '  admin      accounts, jobs, audit',
    '',
  ];
  return `${lines.join('\n')}\n`;
}

run().catch((error: unknown) => {
  process.stderr.write(
    error instanceof DemoRefused ? `${error.message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = 1;
});
