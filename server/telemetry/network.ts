/** Owns what is kept of where a report came from: a short keyed hash of its network, never an address. Pure. */
import { createHmac } from 'node:crypto';
import { ipv6Prefix, parseAddress } from '../platform/address.ts';
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
  const parsed = parseAddress(address);
  if (parsed === null) return null;
  return parsed.kind === 'IPv4' ? parsed.octets.slice(0, 3).join('.') : ipv6Prefix(parsed.groups, 48);
}
