import { expect, it } from 'vitest';
import { addressKey, parseAddress, siteKey } from '../../server/platform/address.ts';
import { telemetryThrottles } from '../../server/telemetry/rates.ts';
import { createTestClock } from '../support/clock.ts';
import { createStand } from '../telemetry/stand.ts';

it.each([
  ['192.0.2.1', '192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1', '192.0.2.1'],
  ['0:0:0:0:0:ffff:c000:0201', '192.0.2.1', '192.0.2.1'],
  ['::ffff:c000:201%eth0', '192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
  ['2001:0DB8:0001:2::', '2001:db8:1:2::/64', '2001:db8:1::/48'],
  ['2001:DB8::1', '2001:db8:0:0::/64', '2001:db8:0::/48'],
  ['::1', '0:0:0:0::/64', '0:0:0::/48'],
  ['64:ff9b::203.0.113.9', '64:ff9b:0:0::/64', '64:ff9b:0::/48'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64', 'fe80:0:0::/48'],
  ['unknown', 'unknown', 'unknown'],
])('%s counts as the client %s at the site %s', (address, client, site) => {
  expect([addressKey(address), siteKey(address)]).toEqual([client, site]);
});

it('reads nothing from what is no address', () => {
  for (const text of ['', 'unknown', '1.2.3', '1.2.3.4%eth0', '2001:db8::1::2', '[::1]', '1.2.3.4:80'])
    expect(parseAddress(text), text).toBeNull();
});

it('the 256 networks of one household together may not send as much as an app takes', async () => {
  const clock = createTestClock();
  const stand = await createStand({ throttles: telemetryThrottles(clock) });
  const admitted = (address: string): number => {
    try {
      stand.telemetry.admit(address);
      return 1;
    } catch {
      return 0;
    }
  };
  let total = 0;
  for (let n = 0; n < 256 * 100; n += 1) total += admitted(`2001:db8:1:${(n % 256).toString(16)}::1`);
  expect(total).toBe(6_000);
  expect(admitted('2001:db8:2::1')).toBe(1);
  expect(admitted('203.0.113.9')).toBe(1);
  await stand.close();
});
