/** Owns the process: reads the environment, starts the app, tells the operator where to go, and stops on a signal. */
import { fileURLToPath } from 'node:url';
import { createApp } from './app.ts';
import { ConfigError, readConfig } from './config.ts';
import { RootUnfit } from './distribution/metadata/root.ts';
import { HalfRestored } from './ops/restore-mark.ts';
import { FolderInUse } from './platform/db/lock.ts';
import { giveMemoryBack } from './platform/idle-memory.ts';
import { KeyFileUnfit } from './platform/key-file.ts';
import { createLog } from './platform/log.ts';

const PORTAL_DIR = fileURLToPath(new URL('../web/build', import.meta.url));

async function run(): Promise<void> {
  // The data folder holds e-mail addresses, hashes of passwords and unpublished packages: nothing for other accounts of the machine.
  process.umask(process.umask() | 0o027);
  const config = readConfig(process.env);
  const log = createLog(config.logLevel);
  const app = await createApp(config, { log, portalDir: PORTAL_DIR });
  giveMemoryBack();
  const stop = (signal: string) => {
    log.info({ signal }, 'stopping');
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'could not stop in order');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', () => stop('SIGTERM'));
  process.once('SIGINT', () => stop('SIGINT'));
  log.info({ url: config.publicUrl, dataDir: config.dataDir }, 'ready');
  process.stderr.write(greeting(config.publicUrl, app.setupUrl));
}

/** Where to go next; the set-up link goes to the terminal only, never through the logger. */
function greeting(publicUrl: string, setupUrl: string | null): string {
  const lines = [
    '',
    `  Mosis is running at ${publicUrl}`,
    `  Store ${publicUrl}/store   Sign up ${publicUrl}/sign-up   GraphQL ${publicUrl}/graphql`,
  ];
  if (setupUrl !== null) lines.push('', '  No admin yet. Open this link once to make the first:', `  ${setupUrl}`);
  return `${lines.join('\n')}\n\n`;
}

run().catch((error: unknown) => {
  const expected =
    error instanceof ConfigError ||
    error instanceof FolderInUse ||
    error instanceof HalfRestored ||
    error instanceof KeyFileUnfit ||
    error instanceof RootUnfit;
  const busy = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (expected) process.stderr.write(`${error.message}\n`);
  else if (busy)
    process.stderr.write('The port is taken by another program. Stop it, or set PORT to another number.\n');
  else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
