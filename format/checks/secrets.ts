/** Owns the check for keys and tokens left in files, docs/PACKAGE_FORMAT.md policy rules. It never shows a secret, only its kind and length. */
import type { Check } from '../check.ts';
import { MEDIA_TYPES, typeOf } from '../contents.ts';
import { crc32 } from '../crc32.ts';
import { FindingList } from '../finding-list.ts';
import { type CatalogueEntry, defineCatalogue } from '../findings.ts';
import { SIGNATURE_PATH } from '../layout.ts';
import { PACKAGE_LIMITS } from '../limits.ts';
import { decodeUtf8, printable } from '../text.ts';

export const SECRET_CATALOGUE = defineCatalogue({
  SECRET_PRIVATE_KEY: {
    severity: 'error',
    title: 'Private key in the package',
    why: 'Everybody who installs the app can read its files, and with them the key.',
    fix: 'Remove the key from the package, and replace it wherever it was used: it counts as known from now on.',
    bad: 'assets/server.txt with -----BEGIN PRIVATE KEY----- and the key',
    good: 'the key stays on your machine or server; the package has at most the public key',
    section: '2',
  },
  SECRET_TOKEN: {
    severity: 'error',
    title: 'Token of a service in the package',
    why: 'Everybody who installs the app can read its files and use the token in your name.',
    fix: 'Revoke the token at the service that gave it, and let a server of yours make the call that needs one.',
    bad: 'local token = "ghp_…"  -- 40 characters that GitHub made',
    good: 'mosis.net.get("https://api.example.com/issues", show)  -- your server adds the token',
    section: '2',
  },
  SECRET_LIKELY: {
    severity: 'warning',
    title: 'Text that looks like a secret',
    why: 'A password or token in a package is known to everybody who installs it; a reviewer looks whether this is one.',
    fix: 'Remove it when it is secret. When it is public by design, say so in the note to the reviewer.',
    bad: 'local password = "kT9v-Qm2x!Lr7w"',
    good: 'local password = document:GetElementById("password").value',
    section: '2',
  },
});

type Kind = 'key' | 'token' | 'likely';
interface Rule {
  readonly what: string;
  readonly kind: Kind;
  /** Anchors and the beginning of a run are part of each, so that no run is read twice: the scan stays linear. */
  readonly pattern: RegExp;
  /** Says no where the form is right and the content is not. */
  readonly accepts?: (match: RegExpExecArray, text: string) => boolean;
}

/** The first group of a rule is the secret; without one, the whole match is. */
const secretOf = (match: RegExpExecArray): string => match[1] ?? match[0];
const varied = (match: RegExpExecArray): boolean => entropy(secretOf(match)) >= 3 && !isPlaceholder(secretOf(match));
const START = '(?<![A-Za-z0-9_-])';
const token = (form: string): RegExp => new RegExp(`${START}${form}(?![A-Za-z0-9_-])`, 'g');

const RULES: readonly Rule[] = [
  {
    what: 'A private key',
    kind: 'key',
    pattern: /-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----((?:[^-]|-(?!----)){0,8000})/g,
    accepts: (match) => hasKeyBody(secretOf(match)),
  },
  {
    what: 'A private signing key',
    kind: 'key',
    pattern: token('MC4CAQAwBQYDK2VwBCIEI[A-Za-z0-9+/]{43}'),
    accepts: varied,
  },
  { what: 'An age secret key', kind: 'key', pattern: token('AGE-SECRET-KEY-1[0-9A-Z]{58}'), accepts: varied },
  {
    what: 'A key or session of Mosis',
    kind: 'token',
    pattern: token('m[kcsd]_[0-9A-Za-z]{49}'),
    accepts: ([secret]) => base62(crc32(new TextEncoder().encode(secret.slice(0, -6)))) === secret.slice(-6),
  },
  { what: 'A token of GitHub', kind: 'token', pattern: token('gh[pousr]_[A-Za-z0-9]{36}'), accepts: varied },
  {
    what: 'A token of GitHub',
    kind: 'token',
    pattern: token('github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}'),
    accepts: varied,
  },
  {
    what: 'A token of GitLab',
    kind: 'token',
    pattern: token('gl(?:pat|ptt|dt|rt)-[A-Za-z0-9_-]{20,64}'),
    accepts: varied,
  },
  {
    what: 'A token of Slack',
    kind: 'token',
    pattern: token('xox[abeoprs]-[0-9]{6,14}-[A-Za-z0-9-]{16,240}'),
    accepts: varied,
  },
  {
    what: 'A webhook of Slack',
    kind: 'token',
    pattern: /hooks\.slack\.com\/services\/(T[A-Z0-9]{7,12}\/B[A-Z0-9]{7,12}\/[A-Za-z0-9]{20,28})(?![A-Za-z0-9])/g,
    accepts: varied,
  },
  { what: 'A live key of Stripe', kind: 'token', pattern: token('[rs]k_live_[A-Za-z0-9]{24,120}'), accepts: varied },
  { what: 'A test key of Stripe', kind: 'likely', pattern: token('[rs]k_test_[A-Za-z0-9]{24,120}'), accepts: varied },
  { what: 'A client secret of Google', kind: 'token', pattern: token('GOCSPX-[A-Za-z0-9_-]{28}'), accepts: varied },
  { what: 'An access token of Google', kind: 'token', pattern: token('ya29\\.[A-Za-z0-9_-]{40,400}'), accepts: varied },
  { what: 'An API key of Google', kind: 'likely', pattern: token('AIza[A-Za-z0-9_-]{35}'), accepts: varied },
  {
    what: 'An access key of AWS with its secret',
    kind: 'token',
    pattern: token('A(?:KI|SI)A[A-Z2-7]{16}'),
    accepts: (match, text) => varied(match) && hasAwsSecret(text, match.index),
  },
  {
    what: 'An access key of AWS',
    kind: 'likely',
    pattern: token('A(?:KI|SI)A[A-Z2-7]{16}'),
    accepts: (match, text) => varied(match) && !hasAwsSecret(text, match.index),
  },
  {
    what: 'An API key of Anthropic',
    kind: 'token',
    pattern: token('sk-ant-[a-z0-9]{3,8}-[A-Za-z0-9_-]{80,120}'),
    accepts: varied,
  },
  {
    what: 'An API key of OpenAI',
    kind: 'token',
    pattern: token('sk-(?:[a-z]{3,8}-)?[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80}'),
    accepts: varied,
  },
  { what: 'A token of npm', kind: 'token', pattern: token('npm_[A-Za-z0-9]{36}'), accepts: varied },
  { what: 'A token of PyPI', kind: 'token', pattern: token('pypi-AgE[A-Za-z0-9_-]{60,400}'), accepts: varied },
  {
    what: 'A key of SendGrid',
    kind: 'token',
    pattern: token('SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}'),
    accepts: varied,
  },
  {
    what: 'A token of a Telegram bot',
    kind: 'token',
    pattern: token('[0-9]{8,10}:AA[A-Za-z0-9_-]{33}'),
    accepts: varied,
  },
  { what: 'A token of Shopify', kind: 'token', pattern: token('shp(?:at|ca|pa|ss)_[0-9a-f]{32}'), accepts: varied },
  { what: 'A token of DigitalOcean', kind: 'token', pattern: token('do[opr]_v1_[0-9a-f]{64}'), accepts: varied },
  { what: 'A token of Hugging Face', kind: 'token', pattern: token('hf_[A-Za-z]{34}'), accepts: varied },
  { what: 'A key of an Azure account', kind: 'token', pattern: /AccountKey=([A-Za-z0-9+/]{86}==)/g, accepts: varied },
  {
    what: 'A JSON Web Token',
    kind: 'likely',
    pattern: token('eyJ[A-Za-z0-9_-]{8,2000}\\.eyJ[A-Za-z0-9_-]{8,4000}\\.[A-Za-z0-9_-]{20,2000}'),
    accepts: varied,
  },
  {
    what: 'An address with a password',
    kind: 'likely',
    pattern: /(?<![a-z0-9+])[a-z][a-z0-9+]{1,15}:\/\/[^\s:/@"'<>]{1,64}:([^\s:/@"'<>]{6,128})@[a-z0-9[]/gi,
    accepts: (match) => !isPlaceholder(secretOf(match)) && entropy(secretOf(match)) >= 2.5,
  },
  {
    what: 'A value under the name of a secret',
    kind: 'likely',
    pattern:
      /(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|credentials?)[A-Za-z0-9_]{0,20}["']?\]?\s{0,4}[=:]\s{0,4}["']([^"'\s]{12,200})["']/gi,
    accepts: (match) => looksRandom(secretOf(match)),
  },
  {
    what: 'A line of an environment file',
    kind: 'likely',
    pattern:
      /^(?:export )?[A-Z][A-Z0-9_]{0,60}(?:SECRET|TOKEN|PASSWORD|PASSWD|_KEY|APIKEY)[A-Z0-9_]{0,20}=["']?([^\s"'#]{8,200})["']?\s{0,8}$/gm,
    accepts: (match) => !isPlaceholder(secretOf(match)) && entropy(secretOf(match)) >= 2.75,
  },
];

const ENTRIES: Readonly<Record<Kind, CatalogueEntry>> = {
  key: SECRET_CATALOGUE.SECRET_PRIVATE_KEY,
  token: SECRET_CATALOGUE.SECRET_TOKEN,
  likely: SECRET_CATALOGUE.SECRET_LIKELY,
};

/** Every text file of the package is searched whole, in pieces of a bounded size. */
export const secretsCheck: Check = {
  name: 'secrets',
  kind: 'policy',
  findings: SECRET_CATALOGUE,
  run: ({ files }) => {
    const found = new FindingList(PACKAGE_LIMITS.maxFindings);
    const counts = new Map<Rule, number>();
    for (const [file, bytes] of files) {
      if (file === SIGNATURE_PATH || MEDIA_TYPES.some((type) => type === typeOf(file))) continue;
      searchFile(file, bytes, counts, found);
    }
    return found.list();
  },
};

/** Of one rule in a package: more than is kept, so that what is left out is said; then only the other rules go on. */
const MAX_HITS = 2 * PACKAGE_LIMITS.maxFindings;

/** A piece of a file; pieces overlap, so that what crosses a border is whole in one of them. */
const PIECE_BYTES = 1024 * 1024;
/** Longer than any match and what is read around it. */
const OVERLAP_BYTES = 16 * 1024;
/** Bytes as characters of the same offset: secrets are ASCII. */
const latin1 = new TextDecoder('latin1');

interface Hit {
  readonly rule: Rule;
  readonly at: number;
  readonly end: number;
  readonly secret: string;
}

function searchFile(file: string, bytes: Uint8Array, counts: Map<Rule, number>, found: FindingList): void {
  const place = createPlace(file, bytes);
  let covered = 0;
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    const text = latin1.decode(bytes.subarray(start, start + PIECE_BYTES + OVERLAP_BYTES));
    const isLast = start + PIECE_BYTES >= bytes.length;
    const hits = RULES.flatMap((rule) => hitsOf(rule, text, counts))
      .filter(({ at }) => isLast || at < PIECE_BYTES)
      .sort((a, b) => a.at - b.at);
    for (const { rule, at, end, secret } of hits) {
      // The rules stand in the order of their certainty; a later one adds nothing about the same text.
      if (start + at < covered) continue;
      covered = start + end;
      const length = rule.kind === 'key' ? '' : `, ${secret.length} characters`;
      const shown = `${rule.what}${length}${beginning(rule, secret)}.`;
      found.add(ENTRIES[rule.kind], shown, place(start + at));
    }
  }
}

function hitsOf(rule: Rule, text: string, counts: Map<Rule, number>): Hit[] {
  const hits: Hit[] = [];
  const { pattern } = rule;
  const room = MAX_HITS - (counts.get(rule) ?? 0);
  pattern.lastIndex = 0;
  for (
    let match = room > 0 ? pattern.exec(text) : null;
    match !== null && hits.length < room;
    match = pattern.exec(text)
  ) {
    if (rule.accepts?.(match, text) === false) continue;
    hits.push({ rule, at: match.index, end: match.index + match[0].length, secret: secretOf(match) });
  }
  counts.set(rule, MAX_HITS - room + hits.length);
  return hits;
}

/** A prefix that names the kind is no secret; of anything else nothing is shown. */
function beginning(rule: Rule, secret: string): string {
  const prefix = rule.kind !== 'token' ? null : /^[A-Za-z0-9]{2,6}[_-](?:live_|pat_)?/.exec(secret);
  return prefix === null ? '' : `, beginning with ${printable(prefix[0])}`;
}

/** The place of rising offsets; lines are counted on from the last one. */
function createPlace(
  file: string,
  bytes: Uint8Array,
): (offset: number) => { file: string; line: number; column: number } {
  let line = 1;
  let column = 1;
  let reached = 0;
  return (offset) => {
    for (let at = bytes.indexOf(10, reached); at !== -1 && at < offset; at = bytes.indexOf(10, reached)) {
      line += 1;
      column = 1;
      reached = at + 1;
    }
    const between = bytes.subarray(reached, offset);
    column += decodeUtf8(between)?.length ?? between.length;
    reached = offset;
    return { file: printable(file), line, column };
  };
}

/** Whether the text after the first line of a PEM holds a key, and not words about one. */
function hasKeyBody(text: string): boolean {
  const run = /[A-Za-z0-9+/]{40,64}/.exec(text);
  return run !== null && entropy(run[0]) >= 3;
}

function hasAwsSecret(text: string, at: number): boolean {
  const around = text.slice(Math.max(0, at - 300), at + 320);
  for (const [run] of around.matchAll(/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])/g)) {
    if (entropy(run) >= 4 && !isPlaceholder(run)) return true;
  }
  return false;
}

const PLACEHOLDER =
  /example|placeholder|change_?me|your[_-]?|xxxx|\*{3}|•|\.\.\.|…|dummy|sample|<|>|\{\{|\$\{|%[sd]|0123456789|123456|abcdef|qwerty|redacted|insert/i;

function isPlaceholder(text: string): boolean {
  return PLACEHOLDER.test(text);
}

/** Letters and digits mixed without the shape of a word, a path, an address or an identifier. */
function looksRandom(text: string): boolean {
  if (isPlaceholder(text) || /^(?:https?:|\/|\.|#|@)/i.test(text)) return false;
  const parts = text.split(/[._:/-]/);
  if (parts.length > 1 && parts.every((part) => /^(?:[A-Za-z]?[a-z]*|[A-Z]*|[a-z]{0,2}[0-9]{1,4}[a-z]?)$/.test(part)))
    return false;
  const classes = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((kind) => kind.test(text)).length;
  // Names of keys and states (`loginTokenExpiredTitle`) have no digits; dates, versions and UUID-like ids have few letters.
  if (!/[0-9]/.test(text) || !/[A-Za-z]/.test(text)) return false;
  if (/^[a-z]+(?:[A-Z][a-z]+)*[0-9]{1,2}$/.test(text) || /\.(?:png|lua|rml|rcss|json|ttf)$/.test(text)) return false;
  return entropy(text) >= (classes >= 3 ? 3 : 3.3);
}

/** Made once: millions of candidates are measured in the worst package. */
const counts = new Uint16Array(256);
const LOG2 = Float64Array.from({ length: 8193 }, (_, n) => Math.log2(n));

/** Bits per character of a text of at most 8,192 ASCII characters by its own frequencies (Shannon). */
function entropy(text: string): number {
  const { length } = text;
  for (let i = 0; i < length; i += 1) counts[text.charCodeAt(i) & 255] = (counts[text.charCodeAt(i) & 255] ?? 0) + 1;
  let repeated = 0;
  for (let i = 0; i < length; i += 1) repeated += LOG2[counts[text.charCodeAt(i) & 255] ?? 0] ?? 0;
  for (let i = 0; i < length; i += 1) counts[text.charCodeAt(i) & 255] = 0;
  return length === 0 ? 0 : Math.log2(length) - repeated / length;
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A CRC-32 as the six characters that end every key of Mosis. */
function base62(value: number): string {
  let rest = value;
  let written = '';
  while (written.length < 6) {
    written = BASE62.charAt(rest % 62) + written;
    rest = Math.floor(rest / 62);
  }
  return written;
}
