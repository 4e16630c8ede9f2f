/** Owns the reports that wait on disk: their order, their bound and how one is dropped. It sends nothing and opens no log. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere, removeFile, replaceFile } from '../durable.ts';
import { systemCode } from '../errors.ts';
import { namesIn } from '../storage.ts';
import {
  type DropReason,
  Losses,
  parseJson,
  parseOpenName,
  parseReportName,
  parseSealedName,
  QUEUE_LIMITS,
  Report,
  type ReportName,
  reportName,
  sumOfLosses,
} from './layout.ts';
import { countLosses, setAside } from './losses.ts';

/** The reports that wait, oldest first. */
export async function waitingReports(folder: string): Promise<ReportName[]> {
  const reports = (await namesIn(folder)).flatMap((name) => parseReportName(name) ?? []);
  return reports.sort((a, b) => a.place - b.place || (a.name < b.name ? -1 : 1));
}

/** Puts a report at the end of the queue; one with an id that waits already replaces it in its place. */
export async function enqueue(
  folder: string,
  { id, packageId, count }: { readonly id: string; readonly packageId: string; readonly count: number },
  report: Report,
): Promise<void> {
  const waiting = await waitingReports(folder);
  const place = (waiting.at(-1)?.place ?? 0) + 1;
  const name = waiting.find((each) => each.id === id)?.name ?? reportName({ place, count, packageId, id });
  await replaceFile(join(folder, name), JSON.stringify(report), 0o600);
}

/** A report as it waits; `damaged` for a file that cannot be read, null when it is gone. */
export async function readReport(folder: string, { name }: ReportName): Promise<Report | 'damaged' | null> {
  const bytes = await readIfThere(join(folder, name));
  if (bytes === null) return null;
  const report = Report.safeParse(parseJson(bytes.toString('utf8')));
  return report.success ? report.data : 'damaged';
}

/** Counts a report as dropped, with what it was to tell of earlier losses, then removes it. Answers how many events went. */
export async function dropReport(
  folder: string,
  { name, packageId, count }: ReportName,
  report: Report | 'damaged',
  reason: DropReason,
): Promise<number> {
  const told = Losses.safeParse(report === 'damaged' ? {} : (report.body.dropped ?? {}));
  await countLosses(folder, packageId, sumOfLosses({ [reason]: count }, told.success ? told.data : {}), name);
  if (report === 'damaged') await setAside(folder, name);
  else await removeFile(join(folder, name));
  return count;
}

/**
 * Drops the oldest reports until there is room for `more` and logs and reports are within their bytes. Those that were sent go
 * last: the server may have counted their events, and its answer was lost. Answers how many events went.
 */
export async function makeRoom(folder: string, more = 0): Promise<number> {
  const waiting = await waitingReports(folder);
  const sizes = new Map<string, number>();
  let bytes = 0;
  for (const name of await namesIn(folder)) {
    if (parseReportName(name) === null && parseOpenName(name) === null && parseSealedName(name) === null) continue;
    const size = await sizeOf(join(folder, name));
    sizes.set(name, size);
    bytes += size;
  }
  let reports = waiting.length + more;
  let dropped = 0;
  const isFull = () => reports > QUEUE_LIMITS.maxReports || bytes > QUEUE_LIMITS.maxBytes;
  const drop = async (each: ReportName, report: Report | 'damaged'): Promise<void> => {
    dropped += await dropReport(folder, each, report, report === 'damaged' ? 'damaged' : 'queue_full');
    reports -= 1;
    bytes -= sizes.get(each.name) ?? 0;
  };
  const sent: [ReportName, Report][] = [];
  for (const each of isFull() ? waiting : []) {
    if (!isFull()) break;
    const report = await readReport(folder, each);
    if (report === null) continue;
    if (report !== 'damaged' && report.firstSentAt !== null) sent.push([each, report]);
    else await drop(each, report);
  }
  for (const [each, report] of sent) if (isFull()) await drop(each, report);
  return dropped;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
