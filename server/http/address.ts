/** Owns who a connection comes from. Forwarded headers count only from configured proxies. */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import { parseAddress } from '../platform/address.ts';

/** The client's address: the socket's, or the last untrusted hop of X-Forwarded-For behind trusted proxies. */
export function clientAddress(request: IncomingMessage, trustedProxies: readonly string[]): string {
  const direct = plain(request.socket.remoteAddress ?? 'unknown');
  if (!trustedProxies.includes(direct)) return direct;
  const forwarded = request.headers['x-forwarded-for'];
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? ''))
    .split(',')
    .map((hop) => plain(hop.trim()));
  for (const hop of hops.reverse()) {
    if (isIP(hop) === 0) break;
    if (!trustedProxies.includes(hop)) return hop;
  }
  return direct;
}

/** Whether the connection is of a server in front, whoever it speaks for. */
export function isTrustedPeer(request: IncomingMessage, trustedProxies: readonly string[]): boolean {
  return trustedProxies.includes(plain(request.socket.remoteAddress ?? 'unknown'));
}

function plain(address: string): string {
  if (isIPv4(address)) return address;
  const parsed = parseAddress(address);
  return parsed?.kind === 'IPv4' ? parsed.octets.join('.') : address;
}
