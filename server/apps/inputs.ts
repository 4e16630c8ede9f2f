/** Owns the rules for what people write about an app. Texts are bounded and free of control and bidirectional characters. */
import { z } from 'zod';
import { MAX_PINNED_KEYS } from '../../format/pins.ts';
import { DomainError } from '../errors.ts';

/** Categories of the store: a closed list, so that filters stay useful. */
export const CATEGORIES = [
  'BOOKS',
  'BUSINESS',
  'COMMUNICATION',
  'DEVELOPMENT',
  'EDUCATION',
  'ENTERTAINMENT',
  'FINANCE',
  'FOOD',
  'GAMES',
  'HEALTH',
  'LIFESTYLE',
  'MAPS',
  'MUSIC',
  'NEWS',
  'PHOTOS',
  'PRODUCTIVITY',
  'SHOPPING',
  'SPORTS',
  'TOOLS',
  'TRAVEL',
  'WEATHER',
] as const;
export type Category = (typeof CATEGORIES)[number];

const PACKAGE_ID = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,}$/;
/** Control characters (but line feed where lines are allowed), those that reorder text, and halves of letters, which UTF-8 cannot say. */
const HIDDEN_IN_LINE = /[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]/u;
const HIDDEN_IN_TEXT = /(?!\n)[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]/u;

/** A one-line text shown to people. */
export function shownLine(least: number, most: number) {
  return z
    .string()
    .transform((text) => text.normalize('NFC').trim())
    .refine((text) => [...text].length >= least && [...text].length <= most, `must have ${least} to ${most} characters`)
    .refine((text) => !HIDDEN_IN_LINE.test(text), 'must have no control or direction-changing characters');
}

/** A text of several lines shown to people. */
export function shownText(most: number) {
  return z
    .string()
    .transform((text) => text.normalize('NFC').replaceAll('\r\n', '\n').trim())
    .refine((text) => [...text].length <= most, `must have at most ${most} characters`)
    .refine((text) => !HIDDEN_IN_TEXT.test(text), 'must have no control or direction-changing characters');
}

const tags = z
  .array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,29}$/, 'must be 1 to 30 characters of a-z, 0-9 and -'))
  .max(10, 'must be at most 10')
  .transform((list) => [...new Set(list)]);

const homepage = z
  .string()
  .max(2048, 'must have at most 2,048 characters')
  .refine((text) => URL.parse(text)?.protocol === 'https:', 'must be an https URL');

const createAppSchema = z.object({
  packageId: z
    .string()
    .min(3, 'must have 3 to 128 characters')
    .max(128, 'must have 3 to 128 characters')
    .regex(PACKAGE_ID, 'must be reverse DNS in lower case, such as com.example.notes'),
  name: shownLine(1, 50),
  summary: shownLine(0, 80).default(''),
  description: shownText(4000).default(''),
  category: z.enum(CATEGORIES).nullable().default(null),
  tags: tags.default([]),
});

const listingSchema = z.object({
  name: shownLine(1, 50).optional(),
  summary: shownLine(0, 80).optional(),
  description: shownText(4000).optional(),
  category: z.enum(CATEGORIES).nullable().optional(),
  tags: tags.optional(),
  homepage: homepage.nullable().optional(),
});

const keyId = z.string().regex(/^SHA256:[A-Za-z0-9_-]{43}$/, 'must be a key id, SHA256: and 43 characters');

const pinSchema = z.object({
  serial: z.int().min(1).max(1_000_000),
  keyIds: z
    .array(keyId)
    .min(1, 'must name at least one key')
    .max(MAX_PINNED_KEYS, `must name at most ${MAX_PINNED_KEYS} keys`)
    .refine((list) => new Set(list).size === list.length, 'must name each key once')
    .transform((list) => list.toSorted()),
  signerKeyId: keyId,
  publicKey: z.base64().length(44),
  signature: z.base64().length(88),
});

export type Pin = z.output<typeof pinSchema>;

export function parseCreateApp(input: unknown): z.output<typeof createAppSchema> {
  return parseInput(createAppSchema, input);
}

/** Only the fields that were given. */
export function parseListing(input: unknown) {
  const given = parseInput(listingSchema, input);
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [Key in keyof typeof given]?: Exclude<(typeof given)[Key], undefined>;
  };
}

export function parsePin(input: unknown): Pin {
  return parseInput(pinSchema, input);
}

/** Parses with a zod schema; what breaks a rule becomes one VALIDATION failure with a line for each field. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({
    path: ['input', ...issue.path].join('.'),
    message: issue.message,
  }));
  const first = fields[0];
  throw new DomainError(
    'VALIDATION',
    first === undefined ? 'The input is not valid.' : `${first.path} ${first.message}.`,
    { fields },
  );
}

/** A text of several lines by itself, as one field of an input. Throws VALIDATION naming `path`. */
export function onlyText(text: string, path: string, most: number, least = 0): string {
  const parsed = shownText(most)
    .refine((value) => [...value].length >= least, `must have at least ${least} characters`)
    .safeParse(text);
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues[0]?.message ?? 'is not valid';
  throw new DomainError('VALIDATION', `${path} ${message}.`, { fields: [{ path, message }] });
}
