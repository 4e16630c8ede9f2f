/**
 * Owns the manifest's schema, docs/PACKAGE_FORMAT.md §3: the one source of the type, of its checks and of the published JSON
 * Schema. A rule's message is the code of its finding.
 */
import { z } from 'zod';
import { PERMISSIONS } from './permissions.ts';
import { MAX_SEMVER_LENGTH, SEMVER_PATTERN } from './semver.ts';
import { hasBidi, hasControl } from './text.ts';

/** `^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,}$`, 3 to 128 characters. */
export const PACKAGE_ID_PATTERN = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,}$/;
export const MAX_VERSION_CODE = 2_147_483_647;

const EMAIL_PATTERN =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/;
/** Language, script, region and variants of BCP 47, without extensions. */
const LOCALE_PATTERN =
  /^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*$/;

/** Text that people see: its length counts characters (code points), and nothing in it is invisible or turns text around. */
function shownText(minLength: number, maxLength: number, code: string) {
  return z
    .string({ error: code })
    .refine((text) => characterCount(text) <= maxLength && text.trim().length >= minLength, { error: code })
    .refine((text) => !hasControl(text) && !hasBidi(text) && text.isWellFormed(), { error: 'MANIFEST_TEXT_CONTROL' })
    .meta({ minLength, maxLength });
}

function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function semver(code: string) {
  return z.string({ error: code }).max(MAX_SEMVER_LENGTH, code).regex(SEMVER_PATTERN, code);
}

function filePath(extension: string, code: string) {
  return z
    .string({ error: code })
    .max(512, code)
    .regex(new RegExp(`^[^/].*\\.${extension}$`), code);
}

function isHttpsAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === 'https:' && url.username === '' && url.password === '';
}

const icon = z.exactOptional(filePath('png', 'MANIFEST_ICONS'));

export const manifestSchema = z.object(
  {
    id: z
      .string({ error: 'MANIFEST_ID' })
      .min(3, 'MANIFEST_ID')
      .max(128, 'MANIFEST_ID')
      .regex(PACKAGE_ID_PATTERN, 'MANIFEST_ID')
      .describe('Package id in reverse DNS; it never changes.'),
    name: shownText(1, 50, 'MANIFEST_NAME').describe('Name shown in the store and on the device.'),
    version: semver('MANIFEST_VERSION').describe('Semantic version 2.0.0 shown to people.'),
    version_code: z
      .int({ error: 'MANIFEST_VERSION_CODE' })
      .min(1, 'MANIFEST_VERSION_CODE')
      .max(MAX_VERSION_CODE, 'MANIFEST_VERSION_CODE')
      .describe('Greater than that of every earlier submitted version.'),
    entry: filePath('rml', 'MANIFEST_ENTRY').describe('Path of the document that opens first.'),
    permissions: z
      .array(z.enum(PERMISSIONS, { error: 'MANIFEST_PERMISSION_UNKNOWN' }), { error: 'MANIFEST_PERMISSIONS' })
      .refine((names) => new Set(names).size === names.length, { error: 'MANIFEST_PERMISSION_REPEATED' })
      .meta({ uniqueItems: true })
      .describe('What the app asks the user for.'),
    min_mosis_version: semver('MANIFEST_MIN_VERSION').describe('Lowest version of Mosis that runs the app.'),
    author: z.object(
      {
        name: shownText(1, 100, 'MANIFEST_AUTHOR'),
        email: z
          .string({ error: 'MANIFEST_AUTHOR_EMAIL' })
          .max(254, 'MANIFEST_AUTHOR_EMAIL')
          .regex(EMAIL_PATTERN, 'MANIFEST_AUTHOR_EMAIL')
          .meta({ format: 'email' }),
      },
      { error: 'MANIFEST_AUTHOR' },
    ),
    icons: z
      .object({ '32': icon, '64': icon, '128': icon }, { error: 'MANIFEST_ICONS' })
      .default({})
      .describe('Square PNG of exactly that many pixels; "64" is required to submit.'),
    description: z.exactOptional(shownText(0, 4_000, 'MANIFEST_DESCRIPTION')),
    homepage: z.exactOptional(
      z
        .string({ error: 'MANIFEST_HOMEPAGE' })
        .max(2_048, 'MANIFEST_HOMEPAGE')
        .refine(isHttpsAddress, { error: 'MANIFEST_HOMEPAGE' })
        .refine((text) => !hasControl(text) && !hasBidi(text), { error: 'MANIFEST_TEXT_CONTROL' })
        .meta({ format: 'uri', pattern: '^https://' }),
    ),
    default_locale: z.exactOptional(
      z
        .string({ error: 'MANIFEST_DEFAULT_LOCALE' })
        .max(35, 'MANIFEST_DEFAULT_LOCALE')
        .regex(LOCALE_PATTERN, 'MANIFEST_DEFAULT_LOCALE'),
    ),
  },
  { error: 'MANIFEST_NOT_OBJECT' },
);

/** A manifest that was parsed and checked; `icons` is present even where the file leaves it out. */
export type Manifest = z.infer<typeof manifestSchema>;

/** The JSON Schema (2020-12) published at `/schemas/manifest-v1.json`; it describes the file, before defaults. */
export function manifestJsonSchema(): Record<string, unknown> {
  return {
    $id: '/schemas/manifest-v1.json',
    title: 'Manifest of a .mosis package, version 1',
    ...z.toJSONSchema(manifestSchema, { target: 'draft-2020-12', io: 'input' }),
  };
}
