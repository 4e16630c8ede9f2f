/** Owns which addresses of the internet a webhook may reach; pure. Everything that is not plainly public is refused. */
import { BlockList, isIP } from 'node:net';

/** IANA IPv4 Special-Purpose Address Registry, with multicast and the reserved class E. */
const CLOSED_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Link-local; the metadata services of clouds are here.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** Of IPv6 only the global unicast block is open at all; these are the parts of it that are not, or that hold an IPv4 address. */
const OPEN_IPV6 = '2000::/3';
const CLOSED_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20'];

const closed4 = listOf(CLOSED_IPV4, 'ipv4');
const open6 = listOf([OPEN_IPV6], 'ipv6');
const closed6 = listOf(CLOSED_IPV6, 'ipv6');
const loopback = listOf(['127.0.0.0/8'], 'ipv4');

/** Whether the text is an IP address that anybody on the internet could reach. IPv4 within IPv6 never counts. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !closed4.check(address, 'ipv4');
  // A zone names an interface of this machine.
  if (family === 6) return !address.includes('%') && open6.check(address, 'ipv6') && !closed6.check(address, 'ipv6');
  return false;
}

/** Whether the address is this machine's own, as 127.0.0.1 and ::1 are. */
export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  return family === 4 ? loopback.check(address, 'ipv4') : family === 6 && address === '::1';
}

function listOf(ranges: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [net = '', bits = '0'] = range.split('/');
    list.addSubnet(net, Number(bits), family);
  }
  return list;
}
