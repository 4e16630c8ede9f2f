/** Owns which URLs a webhook may have, and which addresses it may then be sent to. It resolves nothing. */
import { isIP } from 'node:net';
import { isLoopbackAddress, isPublicAddress } from './addresses.ts';

const MAX_URL_CHARS = 2_048;
/** Ports that web servers have; others are of services that were never meant to be reached from here. */
const PORTS = ['', '443', '8443'];
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

export const TARGET_PROBLEMS = ['FORM', 'SCHEME', 'CREDENTIALS', 'PORT', 'ADDRESS'] as const;
export type TargetProblem = (typeof TARGET_PROBLEMS)[number];

/** Where a request may go: the URL, and the rule for the addresses that its name may stand for. */
export type Target =
  | { readonly ok: true; readonly url: URL; readonly isAllowed: (address: string) => boolean }
  | { readonly ok: false; readonly problem: TargetProblem; readonly message: string };

/**
 * Checks the text of a webhook's URL: https to a public host on port 443 or 8443. With `allowLoopback` (development) also http and
 * https to this machine by the names localhost, 127.0.0.1 and [::1], on any port.
 */
export function parseTarget(text: string, { allowLoopback }: { readonly allowLoopback: boolean }): Target {
  const refuse = (problem: TargetProblem, message: string): Target => ({ ok: false, problem, message });
  if (text.length > MAX_URL_CHARS) return refuse('FORM', `The URL has at most ${MAX_URL_CHARS} characters.`);
  const url = URL.parse(text);
  if (url === null || url.hostname === '') return refuse('FORM', 'Write a whole URL such as https://example.org/hook.');
  if (url.username !== '' || url.password !== '')
    return refuse('CREDENTIALS', 'Leave user name and password out of the URL: the signature proves who sends.');
  if (url.hash !== '') return refuse('FORM', 'Leave out the part after #: it is never sent.');
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  if (allowLoopback && isWeb && LOOPBACK_NAMES.includes(url.hostname))
    return { ok: true, url, isAllowed: isLoopbackAddress };
  if (url.protocol !== 'https:') return refuse('SCHEME', 'The URL must begin with https://.');
  if (!PORTS.includes(url.port)) return refuse('PORT', 'The port must be 443 or 8443.');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 ? !isPublicAddress(host) : isLocalName(host))
    return refuse('ADDRESS', 'The host must be a public one: private, local and reserved addresses are refused.');
  return { ok: true, url, isAllowed: isPublicAddress };
}

/**
 * Whether webhooks may be of this machine: only for a server in development that is itself reached under such a name, so that
 * one that forgot to say that it is in production does not reach into its own machine.
 */
export function mayReachLoopback(mode: 'development' | 'production', publicUrl: string): boolean {
  return mode === 'development' && LOOPBACK_NAMES.includes(new URL(publicUrl).hostname);
}

/** Names that stand for this machine or its network by their form (RFC 6761, RFC 6762, RFC 9476). */
function isLocalName(host: string): boolean {
  const name = host.replace(/\.$/, '');
  return !name.includes('.') || /\.(localhost|local|internal|intranet|lan|home|corp|home\.arpa|alt|onion)$/.test(name);
}
