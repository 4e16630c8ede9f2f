/**
 * Owns the note of how many bits bins have been named by at most: beside the roots, where no restore takes it back, since
 * devices know those bins for good. It counts nothing and signs nothing.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BIN_LEVELS, type BinLevel } from '../../../format/trust/targets.ts';
import { replaceWhole } from '../../platform/files.ts';

/** Holds the number of bits. */
export const BIN_LEVEL_FILE = 'bin-level';

/** The note is there and says nothing that it could; nothing was changed. */
export class BinLevelUnfit extends Error {
  override readonly name = 'BinLevelUnfit';
}

export interface BinLevelNote {
  /** The highest level that was begun here, whatever the database says; null before the first. Throws BinLevelUnfit. */
  highest(): Promise<BinLevel | null>;
  /** Notes this level where it is higher; it survives a power cut once this resolves. */
  raise(level: BinLevel): Promise<void>;
}

export function createBinLevelNote(rootsDir: string): BinLevelNote {
  const path = join(rootsDir, BIN_LEVEL_FILE);
  /** This process is the only writer, so what it has read once it knows. */
  let known: BinLevel | null = null;

  async function highest(): Promise<BinLevel | null> {
    known ??= await readNote(path);
    return known;
  }

  return {
    highest,
    async raise(level) {
      if (level <= ((await highest()) ?? 0)) return;
      await replaceWhole(path, { text: `${level}\n`, mode: 0o644 });
      known = level;
    },
  };
}

async function readNote(path: string): Promise<BinLevel | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  const level = BIN_LEVELS.find((each) => String(each) === text.trim());
  if (level !== undefined) return level;
  throw new BinLevelUnfit(
    `${path} must hold ${BIN_LEVELS.join(', ')}: the bit_length that devices know (docs/OPERATIONS.md, Root and keys). Put it back.`,
  );
}
