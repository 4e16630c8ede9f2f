/** Owns one report on its way to the server and what the answer means. It touches no queue. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import { DeviceError } from '../errors.ts';
import { asksToWait, type Network, readText, request, retryAfterMs } from '../http.ts';
import { type DropReason, parseJson, type Report } from './layout.ts';

/** The server knows a repeated report for so long; an older one could be counted twice. */
const MAX_RESEND_MS = 7 * 86_400_000;
/** A first try further ahead of the clock than this was noted under a wrong one: its age is unknown. */
const MAX_AHEAD_MS = 86_400_000;
const MAX_ANSWER_BYTES = 256 * 1024;
/** Below this packing saves nothing worth a header. */
const MIN_PACKED_BYTES = 1_024;
const pack = promisify(gzip);

/** What the developer knows of a failed update, as the answer to `app_update_failed` says it. */
export interface KnownIssue {
  readonly packageId: string;
  readonly versionCode: number;
  /** The reason code that it is about; null for any. */
  readonly reason: string | null;
  readonly note: string;
}

const Answer = z.object({
  known_issues: z
    .array(
      z.object({
        version_code: z.int().positive(),
        reason: z.string().max(40).nullable(),
        note: z.string().max(2_000),
      }),
    )
    .max(100)
    .optional(),
});

export type SendOutcome =
  | { readonly kind: 'sent'; readonly knownIssues: readonly KnownIssue[] }
  | { readonly kind: 'dropped'; readonly reason: DropReason }
  | {
      readonly kind: 'later';
      readonly waitMs: number | null;
      readonly problem: string;
      /** The server works and fails at this very report: others need not wait for it. */
      readonly onlyThis: boolean;
    };

/** Whether the server may have forgotten that it took this report. */
export function isTooOld({ firstSentAt }: Report, now: Date): boolean {
  if (firstSentAt === null) return false;
  const ageMs = now.getTime() - Date.parse(firstSentAt);
  return ageMs > MAX_RESEND_MS || ageMs < -MAX_AHEAD_MS;
}

/** Sends a report with the device's time of now. Never throws for the network or for what a server answers. */
export async function sendReport(report: Report, packageId: string, network: Network): Promise<SendOutcome> {
  const json = Buffer.from(JSON.stringify({ ...report.body, sent_at: network.clock().toISOString() }));
  const isPacked = json.byteLength >= MIN_PACKED_BYTES;
  const body = isPacked ? await pack(json) : json;
  try {
    const response = await request(network, `${network.serverUrl}${report.path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(isPacked ? { 'content-encoding': 'gzip' } : {}) },
      body,
    });
    if (response.status === 202) return { kind: 'sent', knownIssues: await knownIssuesOf(response, packageId) };
    await response.body?.cancel();
    return refusal(response, network.clock());
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== 'NETWORK') throw error;
    return { kind: 'later', waitMs: null, problem: error.message, onlyThis: false };
  }
}

/** An answer that breaks off is a NETWORK failure: the report is repeated and gets the same answer. */
async function knownIssuesOf(response: Response, packageId: string): Promise<KnownIssue[]> {
  const tooLarge = () => new DeviceError('PROTOCOL', 'The answer is too large.');
  const text = await readText(response, MAX_ANSWER_BYTES, tooLarge).catch((error: unknown) => {
    if (error instanceof DeviceError && error.code === 'PROTOCOL') return '';
    throw error;
  });
  const answer = Answer.safeParse(parseJson(text));
  const issues = answer.success ? (answer.data.known_issues ?? []) : [];
  return issues.map(({ version_code, reason, note }) => ({ packageId, versionCode: version_code, reason, note }));
}

function refusal(response: Response, now: Date): SendOutcome {
  const { status, headers } = response;
  const problem = `The server answered ${status}.`;
  // By the server's clock where it says its time: a date in Retry-After is of that clock.
  const date = Date.parse(headers.get('date') ?? '');
  const waitMs = retryAfterMs(response, Number.isNaN(date) ? now : new Date(date));
  if (asksToWait(response)) return { kind: 'later', waitMs, problem, onlyThis: false };
  // The link was too slow for this one: it may be better later, and a smaller report may get through now.
  if (status === 408) return { kind: 'later', waitMs, problem, onlyThis: true };
  // The server's own refusal, which it would repeat. A page or redirect of a network that wants a sign-in is none.
  const isOwn = headers.get('content-type')?.startsWith('application/problem+json') === true;
  if (isOwn && status >= 400 && status < 500) return { kind: 'dropped', reason: 'refused' };
  return { kind: 'later', waitMs, problem, onlyThis: status >= 500 };
}
