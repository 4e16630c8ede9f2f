/** Owns what is kept of where a report came from: a short keyed hash of its network, never an address. Pure. */
import { createHmac } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { preparedKey, type TelemetrySecret } from './secret.ts';

/** The value for an address that is not known; no network hashes to it. */
export const UNKNOWN_NETWORK = 0;

/**
 * 32 bits of an HMAC over the app and the sender's network: the /24 of an IPv4 address, the /48 of an IPv6 one. Many
 * networks share a value, so it tells that many reports came from one place, not from which (docs/ARCHITECTURE.md, Privacy).
 * 0 for anything that is no address.
 */
export function networkHash(secret: TelemetrySecret, appId: string, address: string): number {
  const network = networkOf(address);
  const [key] = secret.keys;
  if (network === null || key === undefined) return UNKNOWN_NETWORK;
  const hash = createHmac('sha256', preparedKey(key)).update(`network\n${appId}\n${network}`).digest().readUInt32BE(0);
  return hash === UNKNOWN_NETWORK ? 1 : hash;
}

/** The network as one text for each, however the address was written; null for what is no address. */
export function networkOf(address: string): string | null {
  if (isIPv4(address)) return address.slice(0, address.lastIndexOf('.'));
  const plain = address.split('%', 1)[0] ?? '';
  if (!isIPv6(plain)) return null;
  const groups = groupsOf(plain);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  // An IPv4 address in IPv6 clothes is the IPv4 address.
  if (isMapped) {
    const [high = 0, low = 0] = groups.slice(6);
    return `${high >>> 8}.${high & 0xff}.${low >>> 8}`;
  }
  return groups
    .slice(0, 3)
    .map((group) => group.toString(16))
    .join(':');
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::', 2);
  const front = partsOf(head);
  const back = tail === undefined ? [] : partsOf(tail);
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function partsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
