/** Owns which root the device trusts: from a file, or once from the network, which it says. */
import { DeviceError } from './errors.ts';
import type { Network } from './http.ts';
import { METADATA_LIMITS } from './trust/documents.ts';
import { fetchMetadata } from './trust/fetch.ts';
import { type RootStatus, trustRoot } from './trust/repository.ts';

export interface ProvisionResult extends RootStatus {
  /** `network` is trust on first use: whoever answered then is believed from now on. */
  readonly source: 'file' | 'network';
}

export interface ProvisionOptions {
  /** Of what the device believes of the repository. */
  readonly folder: string;
  readonly onStep: (step: string) => void;
}

/** Trusts the root in `text` from now on; asking for it again is a decision of the device's owner, never of a server. */
export async function provisionFromFile({ folder, onStep }: ProvisionOptions, text: string): Promise<ProvisionResult> {
  return { ...(await trustRoot(folder, text, onStep)), source: 'file' };
}

/** Trusts the first root that the server shows; later ones are reached from it by their signatures. */
export async function provisionFromNetwork(
  { folder, onStep }: ProvisionOptions,
  network: Network,
): Promise<ProvisionResult> {
  const file = await fetchMetadata(network, '1.root.json', METADATA_LIMITS.root);
  if (file === null) throw new DeviceError('PROTOCOL', `${network.serverUrl} shows no root of a repository.`);
  return { ...(await trustRoot(folder, file.text, onStep)), source: 'network' };
}
