/** Owns the list of what docs/PACKAGE_FORMAT.md §1 to §5 demands, rule by rule, with the codes that enforce each. It decides nothing. */

export interface Rule {
  readonly section: '1' | '2' | '3' | '4' | '5';
  readonly rule: string;
  /** Empty where keeping the rule is the writer's or the API's part, which `held` names. */
  readonly codes: readonly string[];
  readonly held?: string;
}

const rules = (
  section: Rule['section'],
  rows: readonly (readonly [rule: string, codes: string, held?: string])[],
): Rule[] =>
  rows.map(([rule, codes, held]) => ({
    section,
    rule,
    codes: codes === '' ? [] : codes.split(' '),
    ...(held === undefined ? {} : { held }),
  }));

const prefixed = (prefix: string, names: string): string =>
  names
    .split(' ')
    .map((name) => `${prefix}${name}`)
    .join(' ');

const archive = (names: string): string => prefixed('ARCHIVE_', names);
const path = (names: string): string => prefixed('ARCHIVE_PATH_', names);
const content = (names: string): string => prefixed('CONTENT_', names);
const manifest = (names: string): string => prefixed('MANIFEST_', names);

export const RULES: readonly Rule[] = [
  ...rules('1', [
    ['a ZIP file', archive('NOT_ZIP')],
    ['at least one entry', archive('EMPTY')],
    ['the central directory can be walked to its end', archive('DIRECTORY_BROKEN')],
    ['package of at most 50 MiB', archive('TOO_LARGE')],
    ['files of at most 100 MiB together', archive('UNPACKED_TOO_LARGE')],
    ['each file of at most 25 MiB', archive('FILE_TOO_LARGE')],
    ['at most 10,000 entries', archive('TOO_MANY_ENTRIES')],
    ['the end record counts the entries that are there', archive('ENTRY_COUNT')],
    ['at most 200 to 1 for an entry that unpacks to over 1 MiB', archive('RATIO')],
    ['stored and deflate only', archive('METHOD')],
    ['a stored entry has equal sizes', archive('STORED_SIZE')],
    ['version needed at most 2.0', archive('VERSION')],
    ['general purpose flags 1, 2, 3 and 11 only', archive('FLAGS')],
    ['no ZIP64 record, and no size or place of 0xFFFFFFFF', archive('ZIP64')],
    ['no extra field 0x0001', archive('EXTRA_ZIP64')],
    ['no extra field 0x7075', archive('EXTRA_UNICODE_PATH')],
    ['other extra fields parse', archive('EXTRA_MALFORMED')],
    ['no encryption', archive('ENCRYPTED')],
    ['one disk', archive('MULTI_DISK')],
    ['no comment, of the archive or an entry', archive('COMMENT')],
    ['no data before the first part', archive('LEADING_DATA')],
    ['no data between the parts; every byte belongs to exactly one structure', archive('GAP')],
    ['no data after the last part', archive('TRAILING_DATA')],
    ['every entry has a local header', archive('LOCAL_HEADER_BROKEN')],
    ['the local header agrees in name', archive('NAME_MISMATCH')],
    ['the local header agrees in method', archive('METHOD_MISMATCH')],
    ['the local header agrees in flags', archive('FLAGS_MISMATCH')],
    ['the local header agrees in CRC-32', archive('CRC_MISMATCH')],
    ['the local header agrees in sizes', archive('SIZE_MISMATCH')],
    ['a data descriptor agrees', archive('DESCRIPTOR_MISMATCH')],
    ['entries do not overlap', archive('OVERLAP')],
    ['the directory lists entries in the order of the file', archive('ORDER')],
    ['the data is valid deflate', archive('DATA_BROKEN')],
    ['a deflate stream fills its packed size', archive('DATA_TRAILING')],
    ['the data has the size that is declared', archive('SIZE_WRONG')],
    ['CRC-32 recomputed for every file', archive('CRC_WRONG')],
    ['names are UTF-8', path('NOT_UTF8')],
    ['flag bit 11 where a name is not ASCII', path('FLAG')],
    ['names are in NFC', path('NOT_NFC')],
    ['names are relative', path('ABSOLUTE')],
    ['a name has at least a byte', path('EMPTY')],
    ['no empty segment', path('EMPTY_SEGMENT')],
    ['no . or .. segment', path('TRAVERSAL')],
    ['no backslash', path('BACKSLASH')],
    ['no drive letter, no colon', path('COLON')],
    ['no control character', path('CONTROL')],
    ['no bidirectional control', path('BIDI')],
    ['no Windows device name', path('DEVICE_NAME')],
    ['no trailing dot or space in a segment', path('TRAILING')],
    ['255 bytes a segment', path('SEGMENT_TOO_LONG')],
    ['512 bytes a path', path('TOO_LONG')],
    ['16 segments deep', path('TOO_DEEP')],
    ['no two names equal', path('DUPLICATE')],
    ['no two names equal after NFC and simple case folding', path('CASE_COLLISION')],
    ['no file that is the folder of another', path('FILE_AS_FOLDER')],
    ['no symbolic link', archive('SYMLINK')],
    ['no device, pipe or socket', archive('SPECIAL_FILE')],
    ['the mode says the same as the name: file or directory', archive('KIND_MISMATCH')],
    ['a directory has no data', archive('DIRECTORY_WITH_DATA')],
    ['`mosis build` writes the canonical form', '', 'test/format/canonical.test.ts'],
    ['the bytes that arrive are those that were announced', 'UPLOAD_HASH_MISMATCH', 'the server'],
  ]),
  ...rules('2', [
    ['manifest.json at the root', content('MANIFEST_MISSING')],
    ['only the allowed types, in lower case', content('TYPE_NOT_ALLOWED')],
    ['media begin with the bytes of their type', content('TYPE_MISMATCH')],
    ['no compiled Lua', content('LUA_COMPILED')],
    ['no ELF, PE or Mach-O header', content('EXECUTABLE')],
    ['no nested archive', content('NESTED_ARCHIVE')],
    ['text is UTF-8', content('TEXT_NOT_UTF8')],
    ['text has no NUL', content('TEXT_NUL')],
    ['a locale file is named by a language tag', 'LOCALE_NAME'],
    ['a locale table is JSON', 'LOCALE_JSON'],
    ['a locale table is flat and has texts', 'LOCALE_NOT_FLAT'],
    ['no private key', 'SECRET_PRIVATE_KEY'],
    ['no token of a service', 'SECRET_TOKEN'],
    ['nothing that looks like a secret', 'SECRET_LIKELY'],
    ['every file is used', 'FILE_UNUSED FILE_USE_UNKNOWN'],
  ]),
  ...rules('3', [
    ['UTF-8', manifest('NOT_UTF8')],
    ['JSON, without a byte order mark', manifest('JSON_SYNTAX')],
    ['one object', manifest('NOT_OBJECT')],
    ['no key twice', manifest('DUPLICATE_KEY')],
    ['64 KiB', manifest('TOO_LARGE')],
    ['depth 8', manifest('TOO_DEEP')],
    ['an unknown key is a warning', manifest('KEY_UNKNOWN')],
    ['no required key is missing', manifest('KEY_MISSING')],
    ['id', manifest('ID')],
    ["id is the app's package id", manifest('ID_MISMATCH')],
    ['name', manifest('NAME')],
    ['version', manifest('VERSION')],
    ['version_code', manifest('VERSION_CODE')],
    ['version_code is greater than every submitted one', manifest('VERSION_CODE_USED')],
    ['entry is the path of an .rml', manifest('ENTRY')],
    ['entry is in the package', manifest('ENTRY_MISSING')],
    ['permissions is an array', manifest('PERMISSIONS')],
    ['no permission twice', manifest('PERMISSION_REPEATED')],
    ['each permission is of the registry', manifest('PERMISSION_UNKNOWN')],
    ['min_mosis_version', manifest('MIN_VERSION')],
    ['author', manifest('AUTHOR')],
    ['author.email is one address of at most 254 characters', manifest('AUTHOR_EMAIL')],
    ['icons are paths of PNG files by size', manifest('ICONS')],
    ['each icon is in the package', manifest('ICON_MISSING')],
    ['each icon is a PNG that decodes', 'ICON_NOT_PNG'],
    ['each icon is a square of exactly its pixels', 'ICON_SIZE'],
    ['icon "64" to submit', 'ICON_64_MISSING MANIFEST_ICON_64_MISSING'],
    ['description', manifest('DESCRIPTION')],
    ['homepage is an https address', manifest('HOMEPAGE')],
    ['default_locale is a language tag', manifest('DEFAULT_LOCALE')],
    ['no control or bidirectional character in a text that is shown', manifest('TEXT_CONTROL')],
    ['no permission that nothing uses', 'PERMISSION_UNUSED PERMISSION_UNUSED_DANGEROUS'],
    ['no use without the permission', 'LUA_PERMISSION_MISSING'],
  ]),
  ...rules('4', [
    ['a signature to submit; without one a notice', 'SIGNATURE_MISSING SIGNATURE_REQUIRED'],
    ['signature.sig has exactly its four keys, 4 KiB, canonical base64', 'SIGNATURE_MALFORMED'],
    ['format mosis-package-v1', 'SIGNATURE_FORMAT_UNKNOWN'],
    ['publicKey hashes to keyId', 'SIGNATURE_KEY_ID_MISMATCH'],
    ['no key of small or mixed order', 'SIGNATURE_KEY_WEAK'],
    ['the signature verifies over every file', 'SIGNATURE_INVALID'],
    ['the key is pinned for the app', 'SIGNATURE_KEY_NOT_PINNED'],
    ['Ed25519 as RFC 8032 and Wycheproof say', '', 'test/format/signing.test.ts'],
  ]),
  ...rules('5', [
    ['at most 200 findings of each severity and check', 'FINDINGS_LEFT_OUT'],
    ['a check that did not finish is said', 'CHECK_CRASHED', 'the server'],
    ['names from the package are escaped', '', 'test/format/corpus.test.ts'],
  ]),
];
