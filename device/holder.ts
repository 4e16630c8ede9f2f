/** Owns telling one process from another that got its id later, after it had ended or the device had restarted. It locks nothing. */
import { readFile } from 'node:fs/promises';
import { systemCode } from './errors.ts';

/** This process as a lock names it: its id and, where the system tells, when it began. */
export async function holderMark(): Promise<string> {
  const born = await bornAt(process.pid);
  return born === null ? String(process.pid) : `${process.pid} ${born}`;
}

/** Whether the process of a mark is another one than this and lives. Any other text is of nobody. */
export async function isHolderAlive(mark: string): Promise<boolean> {
  const [pid = '', born] = mark.split(' ');
  if (!isAlive(Number(pid))) return false;
  if (born === undefined) return true;
  const now = await bornAt(Number(pid));
  return now === null || now === born;
}

/** Whether a process other than this one has that id now. */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** The boot and the moment in it that a process began (Linux); null where nobody says. */
export async function bornAt(pid: number): Promise<string | null> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Its name may hold spaces and brackets; the 22nd field is the 20th after it.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? null : `${boot}/${ticks}`;
  } catch {
    return null;
  }
}
