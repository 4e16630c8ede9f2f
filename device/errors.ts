/** Owns the failures of a device: a code, what and why. Each edge (the CLI, a device's own screen) shows them its way. */

export const DEVICE_ERROR_CODES = [
  /** The device trusts no root: `mosis device init` was not run. */
  'DEVICE_NOT_PROVISIONED',
  'NOT_FOUND',
  'NETWORK',
  'RATE_LIMITED',
  /** The server answered something that the protocol does not know. */
  'PROTOCOL',
  /** The bytes are not the ones that the signed metadata names. */
  'DOWNLOAD_CORRUPT',
  /** The signed metadata does not list the version: the platform does not vouch for it. */
  'NOT_VOUCHED_FOR',
  /** The app's chain of pinned keys does not hold, or is another one than this device knows. */
  'PIN_CHAIN_BROKEN',
  /** Signed by a key that the app has not pinned. */
  'SIGNER_NOT_PINNED',
  /** The rollout has not reached this device, was paused or halted, or is on another track. */
  'NOT_OFFERED',
  /** The package breaks the format, or its developer's signature does not verify. */
  'PACKAGE_REFUSED',
  /** The package is another app or version than the one that was asked for. */
  'PACKAGE_MISMATCH',
  'DOWNGRADE_REFUSED',
  /** Not signed by enough keys that the device trusts. */
  'METADATA_UNTRUSTED',
  /** Older than what the device has seen: a rollback attack, or a repository restored wrongly. */
  'METADATA_ROLLBACK',
  /** Past its end: a freeze attack, a dead repository, or a clock that is ahead. */
  'METADATA_EXPIRED',
  /** Files that do not belong together. */
  'METADATA_MIXED',
  'METADATA_TOO_LARGE',
  'METADATA_INVALID',
  /** Off by more than 12 hours. */
  'CLOCK_WRONG',
  'MOSIS_TOO_OLD',
  'PERMISSIONS_REFUSED',
  'NOT_INSTALLED',
  'DEVICE_BUSY',
  /** No room for the download, the new version or the copy of the app's data. */
  'DISK_FULL',
  /** The device's folder cannot be read or written. */
  'STORAGE_FAILED',
  'STATE_BROKEN',
] as const;
export type DeviceErrorCode = (typeof DEVICE_ERROR_CODES)[number];

/** An expected failure of a device operation; whatever was installed before is still installed. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
  readonly code: DeviceErrorCode;
  /** More of the same failure, such as the findings of a refused package. */
  readonly details: readonly string[];

  constructor(code: DeviceErrorCode, message: string, options: { cause?: unknown; details?: readonly string[] } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? [];
  }
}

const FULL_CODES: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** A failure of the file system as this device's own: DISK_FULL or STORAGE_FAILED. Everything else stays what it is. */
export function storageError(error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof DeviceError || !(error instanceof Error) || code === null || !('syscall' in error)) return error;
  if (FULL_CODES.includes(code))
    return new DeviceError('DISK_FULL', `There is no room left in the device's folder (${code}).`, { cause: error });
  return new DeviceError('STORAGE_FAILED', `The device's folder cannot be used: ${error.message}.`, { cause: error });
}

/** The code of a Node system error such as `ENOENT`, or null for any other value. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
