/** Owns the mark of a restore that was cut off: while it is there, nobody may use the data folder but the restore itself. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MARK = 'restore-unfinished';

/** A restore was killed between the first and the last file it put into place. */
export class HalfRestored extends Error {
  override readonly name = 'HalfRestored';

  constructor(dataDir: string) {
    super(`A restore into ${dataDir} was cut off: run \`mosis-admin restore\` with the same backup again.`);
  }
}

/** Throws HalfRestored. */
export function refuseHalfRestored(dataDir: string): void {
  if (existsSync(join(dataDir, MARK))) throw new HalfRestored(dataDir);
}

/** Before the first file is put into place. */
export function markRestore(dataDir: string, backup: string): void {
  writeFileSync(join(dataDir, MARK), `${backup}\n`, { mode: 0o600, flush: true });
}

/** After the last one. */
export function unmarkRestore(dataDir: string): void {
  rmSync(join(dataDir, MARK), { force: true });
}

/** Names in a data folder that belong to a restore. */
export const RESTORE_NAMES: readonly string[] = [MARK];
