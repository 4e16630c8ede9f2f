/** Owns reading internet addresses, so that every spelling of one is the same address: upper case, zeros, zones, IPv4 in IPv6. Pure. */
import { isIPv4, isIPv6 } from 'node:net';

/** An address as the numbers it is of. */
export type Address =
  | { readonly kind: 'IPv4'; readonly octets: readonly [number, number, number, number] }
  | { readonly kind: 'IPv6'; readonly groups: readonly number[] };

/** Reads an address; an IPv4 address in IPv6 clothes is the IPv4 address, and a zone is left out. Null for what is no address. */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) {
    const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
    return { kind: 'IPv4', octets: [a, b, c, d] };
  }
  const plain = text.split('%', 1)[0] ?? '';
  if (!isIPv6(plain)) return null;
  const groups = groupsOf(plain);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (!isMapped) return { kind: 'IPv6', groups };
  const [high = 0, low = 0] = groups.slice(6);
  return { kind: 'IPv4', octets: [high >>> 8, high & 0xff, low >>> 8, low & 0xff] };
}

/** What counts as one client: an IPv4 address, or the /64 that one IPv6 host has to choose from. What is no address stays as it is. */
export function addressKey(text: string): string {
  return keyOf(text, 64);
}

/** What counts as one site: an IPv4 address, or the /48 that a household's or a company's /56 or /48 lies in. */
export function siteKey(text: string): string {
  return keyOf(text, 48);
}

/** The first groups of an IPv6 address as text, without leading zeros. */
export function ipv6Prefix(groups: readonly number[], bits: 48 | 64): string {
  return groups
    .slice(0, bits / 16)
    .map((group) => group.toString(16))
    .join(':');
}

function keyOf(text: string, bits: 48 | 64): string {
  // Has one spelling: nothing to take apart and put together again for each request.
  if (isIPv4(text)) return text;
  const address = parseAddress(text);
  if (address === null) return text;
  return address.kind === 'IPv4' ? address.octets.join('.') : `${ipv6Prefix(address.groups, bits)}::/${bits}`;
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
