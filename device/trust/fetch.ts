/** Owns fetching one metadata file within a size, and within the times of `http.ts`. What it brings is believed by nobody yet. */
import { DeviceError } from '../errors.ts';
import {
  asksToWait,
  followRedirects,
  MAX_ATTEMPTS,
  type Network,
  readText,
  retryAfterMs,
  waitBefore,
} from '../http.ts';

/** A file as it came, and the server's clock where it told that: a hint, no more. */
export interface FetchedFile {
  readonly text: string;
  readonly date: Date | null;
}

/** A file below `/v1/metadata/`, or null when there is none. Throws METADATA_TOO_LARGE, NETWORK, RATE_LIMITED, PROTOCOL. */
export async function fetchMetadata(network: Network, name: string, maxBytes: number): Promise<FetchedFile | null> {
  const url = `${network.serverUrl}/v1/metadata/${name}`;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { response } = await followRedirects(network, url, {});
      if (asksToWait(response) && attempt + 1 < MAX_ATTEMPTS) {
        await response.body?.cancel();
        await waitBefore(network, attempt, retryAfterMs(response, network.clock()));
        continue;
      }
      if (response.status === 404 || response.status === 403) {
        await response.body?.cancel();
        return null;
      }
      if (response.status !== 200) throw new DeviceError('PROTOCOL', `${url} answered ${response.status}.`);
      const date = new Date(response.headers.get('date') ?? '');
      const tooLarge = () => new DeviceError('METADATA_TOO_LARGE', `${name} has more than ${maxBytes} bytes.`);
      const text = await readText(response, maxBytes, tooLarge);
      return { text, date: Number.isNaN(date.getTime()) ? null : date };
    } catch (error) {
      if (!(error instanceof DeviceError) || error.code !== 'NETWORK' || attempt + 1 >= MAX_ATTEMPTS) throw error;
      await waitBefore(network, attempt, null);
    }
  }
}
