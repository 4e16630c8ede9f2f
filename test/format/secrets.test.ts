/** Secrets in files: a labelled set of true cases and of look-alikes, what a message shows, and places. Nothing here is real. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PackageContents } from '../../format/check.ts';
import { type SECRET_CATALOGUE, secretsCheck } from '../../format/checks/secrets.ts';
import type { Finding } from '../../format/findings.ts';
import { encodePrivateKeyPem } from '../../format/keys.ts';
import { makeSecret } from '../../server/accounts/secrets.ts';
import { utf8 } from '../support/packages.ts';

const BASE62 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
let seed = 0;

/** Made up as the services make theirs, so that no scanner of repositories finds a token in this file. */
function made(length: number, alphabet = BASE62): string {
  let text = '';
  while (text.length < length) {
    seed += 1;
    const digest = createHash('sha256').update(`secret ${seed}`).digest();
    for (const byte of digest) if (text.length < length) text += alphabet.charAt(byte % alphabet.length);
  }
  return text;
}

const HEX = '0123456789abcdef';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const lines = (text: string) => (text.match(/.{1,64}/g) ?? []).join('\n');
const pem = (label: string, head = '') =>
  `-----BEGIN ${label}-----\n${head}${lines(made(400))}\n-----END ${label}-----\n`;
const mosis = (prefix: string) =>
  makeSecret((size) => Uint8Array.from(createHash('shake256', { outputLength: size }).update(prefix).digest()), prefix);
const jwt = `eyJ${made(33)}.eyJ${made(80)}.${made(43)}`;

type Code = keyof typeof SECRET_CATALOGUE;
interface Case {
  readonly what: string;
  readonly file: string;
  readonly text: string;
  /** Null for a look-alike. */
  readonly code: Code | null;
}
const lua = (what: string, code: Code | null, value: string): Case => ({
  what,
  code,
  file: 'assets/main.lua',
  text: `-- settings\nlocal value = "${value}"\nreturn value\n`,
});
const source = (what: string, code: Code | null, text: string, file = 'assets/main.lua'): Case => ({
  what,
  code,
  file,
  text,
});

const TRUE_CASES: readonly Case[] = [
  source('RSA key', 'SECRET_PRIVATE_KEY', pem('RSA PRIVATE KEY'), 'assets/a.txt'),
  source('PKCS#8 key', 'SECRET_PRIVATE_KEY', pem('PRIVATE KEY'), 'README.md'),
  source('EC key with parameters', 'SECRET_PRIVATE_KEY', `${pem('EC PARAMETERS')}${pem('EC PRIVATE KEY')}`, 'a.txt'),
  source('OpenSSH key', 'SECRET_PRIVATE_KEY', pem('OPENSSH PRIVATE KEY'), 'id.txt'),
  source('PGP key', 'SECRET_PRIVATE_KEY', pem('PGP PRIVATE KEY BLOCK', 'Version: GnuPG v2\n\n'), 'pgp.txt'),
  source('encrypted key', 'SECRET_PRIVATE_KEY', pem('ENCRYPTED PRIVATE KEY'), 'a.txt'),
  source(
    'encrypted RSA key',
    'SECRET_PRIVATE_KEY',
    pem('RSA PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n'),
    'a.txt',
  ),
  source(
    'key in JSON',
    'SECRET_PRIVATE_KEY',
    JSON.stringify({ private_key: pem('PRIVATE KEY') }),
    'assets/service.json',
  ),
  source(
    'key in Lua with escapes',
    'SECRET_PRIVATE_KEY',
    `local key = "${pem('PRIVATE KEY').replaceAll('\n', '\\n')}"`,
  ),
  source('key in CRLF', 'SECRET_PRIVATE_KEY', pem('PRIVATE KEY').replaceAll('\n', '\r\n'), 'a.txt'),
  lua('Ed25519 key without its frame', 'SECRET_PRIVATE_KEY', `MC4CAQAwBQYDK2VwBCIEI${made(43)}`),
  lua('age key', 'SECRET_PRIVATE_KEY', `AGE-SECRET-KEY-1${made(58, UPPER)}`),
  lua('Mosis API key', 'SECRET_TOKEN', mosis('mk_')),
  lua('Mosis session of the command line', 'SECRET_TOKEN', mosis('mc_')),
  lua('Mosis session of the portal', 'SECRET_TOKEN', mosis('ms_')),
  lua('GitHub token', 'SECRET_TOKEN', `ghp_${made(36)}`),
  lua('GitHub server token', 'SECRET_TOKEN', `ghs_${made(36)}`),
  lua('GitHub fine-grained token', 'SECRET_TOKEN', `github_pat_${made(22)}_${made(59)}`),
  lua('GitLab token', 'SECRET_TOKEN', `glpat-${made(20)}`),
  lua('Slack bot token', 'SECRET_TOKEN', `xoxb-${made(12, '123456789')}-${made(12, '987654321')}-${made(24)}`),
  lua(
    'Slack webhook',
    'SECRET_TOKEN',
    `https://hooks.slack.com/services/T${made(9, UPPER)}/B${made(9, UPPER)}/${made(24)}`,
  ),
  lua('Stripe live key', 'SECRET_TOKEN', `sk_live_${made(24)}`),
  lua('Stripe restricted key', 'SECRET_TOKEN', `rk_live_${made(99)}`),
  lua('Google client secret', 'SECRET_TOKEN', `GOCSPX-${made(28)}`),
  lua('Google access token', 'SECRET_TOKEN', `ya29.${made(120)}`),
  source(
    'AWS pair',
    'SECRET_TOKEN',
    `aws_access_key_id = AKIA${made(16, UPPER)}\naws_secret_access_key = ${made(40, `${BASE62}+/`)}\n`,
    'a.txt',
  ),
  lua('Anthropic key', 'SECRET_TOKEN', `sk-ant-api03-${made(93)}AA`),
  lua('OpenAI key', 'SECRET_TOKEN', `sk-${made(20)}T3BlbkFJ${made(20)}`),
  lua('OpenAI project key', 'SECRET_TOKEN', `sk-proj-${made(74)}T3BlbkFJ${made(73)}`),
  lua('npm token', 'SECRET_TOKEN', `npm_${made(36)}`),
  lua('PyPI token', 'SECRET_TOKEN', `pypi-AgEIcHlwaS5vcmc${made(120)}`),
  lua('SendGrid key', 'SECRET_TOKEN', `SG.${made(22)}.${made(43)}`),
  lua('Telegram bot token', 'SECRET_TOKEN', `${made(10, '123456789')}:AA${made(33)}`),
  lua('Shopify token', 'SECRET_TOKEN', `shpat_${made(32, HEX)}`),
  lua('DigitalOcean token', 'SECRET_TOKEN', `dop_v1_${made(64, HEX)}`),
  lua('Hugging Face token', 'SECRET_TOKEN', `hf_${made(34, BASE62.slice(0, 52))}`),
  lua('Azure account key', 'SECRET_TOKEN', `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${made(86)}==`),
  lua('AWS key id alone', 'SECRET_LIKELY', `AKIA${made(16, UPPER)}`),
  lua('Stripe test key', 'SECRET_LIKELY', `sk_test_${made(24)}`),
  lua('Google API key', 'SECRET_LIKELY', `AIza${made(35)}`),
  lua('JSON Web Token', 'SECRET_LIKELY', jwt),
  lua('database address', 'SECRET_LIKELY', 'postgres://admin:h7Gk2pQx@db.internal:5432/app'),
  lua('address with basic authentication', 'SECRET_LIKELY', 'https://deploy:t0ps3cr3tW@api.internal/v1'),
  source('password assignment', 'SECRET_LIKELY', 'local password = "kT9v-Qm2x!Lr7w"'),
  source('API key in JSON', 'SECRET_LIKELY', `{ "apiKey": "${made(32)}" }`, 'assets/config.json'),
  source('client secret in Lua', 'SECRET_LIKELY', `config.client_secret = '${made(40, HEX)}'`),
  source('quoted key of a table', 'SECRET_LIKELY', `return { ["auth_token"] = "${made(24)}" }`),
  source(
    'token in RML',
    'SECRET_LIKELY',
    `<rml><body><p onclick="go()">x</p><script>local api_key = '${made(30)}'</script></body></rml>`,
    'assets/a.rml',
  ),
  source('environment file', 'SECRET_LIKELY', `NODE_ENV=production\nSESSION_SECRET=${made(32)}\n`, 'env.txt'),
  source('environment file with export', 'SECRET_LIKELY', `export DB_PASSWORD='hunter2hunter3'\n`, 'notes.md'),
];

const LOOK_ALIKES: readonly Case[] = [
  source('public key', null, pem('PUBLIC KEY'), 'a.txt'),
  source('certificate', null, pem('CERTIFICATE'), 'a.txt'),
  source('words about PEM', null, 'if text:find("-----BEGIN PRIVATE KEY-----", 1, true) then refuse() end'),
  source(
    'PEM with a placeholder',
    null,
    '-----BEGIN PRIVATE KEY-----\n(your key here)\n-----END PRIVATE KEY-----\n',
    'README.md',
  ),
  lua('Mosis key with a wrong checksum', null, `mk_${made(49)}`),
  lua('GitHub placeholder', null, `ghp_${'x'.repeat(36)}`),
  lua('GitHub token too short', null, `ghp_${made(20)}`),
  lua('AWS documentation key', null, 'AKIAIOSFODNN7EXAMPLE'),
  lua('Slack placeholder', null, 'xoxb-000000000000-000000000000-xxxxxxxxxxxxxxxxxxxxxxxx'),
  lua('Stripe publishable key', null, `pk_live_${made(24)}`),
  lua('Stripe placeholder', null, 'sk_live_xxxxxxxxxxxxxxxxxxxxxxxx'),
  lua('Google placeholder', null, 'AIzaxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'),
  lua('UUID', null, '6f1c7b52-2f0e-4a8e-9d3a-1c9b5b2d7e10'),
  lua('SHA-256 digest', null, made(64, HEX)),
  lua('version and build', null, '2026.11.21-build.4711'),
  lua('colour table', null, '#1f2937,#374151,#4b5563,#6b7280'),
  lua('long word', null, 'notificationPermissionRequestDialogController'),
  lua('base64 picture', null, `data:image/png;base64,iVBORw0KGgo${made(100)}`),
  lua('three words with dots', null, 'eyJhbGciOi.short.value'),
  lua('address with a port', null, 'http://localhost:8080/token'),
  lua('address with a placeholder password', null, 'postgres://user:<password>@localhost/app'),
  lua('address with an example password', null, 'https://user:example-password@example.com/'),
  lua('e-mail address', null, 'mailto:ada@example.com'),
  source('label of a password field', null, 'local password = "ui.login.password_label"'),
  source(
    'key of a translation',
    null,
    '{ "login.password": "Enter your password again", "token.expired": "Your token has expired" }',
    'locales/en.json',
  ),
  source(
    'one-word translation',
    null,
    '{ "password": "Zugangskennwort", "secret": "Geheimniskrämerei" }',
    'locales/de.json',
  ),
  source('placeholder password', null, 'local password = "your-password-1234"'),
  source('changeme', null, 'password: "changeme_changeme1"', 'README.md'),
  source(
    'value read at run time',
    null,
    'local token = mosis.storage.get("session_token_v2")\nlocal api_key = settings["api_key"]',
  ),
  source('name of an element', null, 'local password_input = document:GetElementById("password-input-1")'),
  source('storage key', null, 'local TOKEN_KEY = "settings/token/v2"\nlocal secret = "notes.secret.v2"'),
  source('path of a picture', null, 'local token = "images/token_sprite_64.png"'),
  source('format string', null, 'local token = "Bearer%s:%d:%s:token"\nlocal secret = "{{secretName}}-1234"'),
  source('empty and short values', null, 'password = ""\nsecret = "no"\ntoken = "abc123"'),
  source('type annotation', null, '--- @param password string the password\n--- @field token string?'),
  source('keyboard map', null, 'local keys = "qwertyuiopasdfghjklzxcvbnm1234567890"'),
  source('pwd command in prose', null, 'Run `pwd` and note the secret: "a place you remember".', 'README.md'),
  source(
    'environment file with placeholders',
    null,
    'API_KEY=your-key-here\nDB_PASSWORD=<password>\nTOKEN_TTL=3600\n',
    'README.md',
  ),
  source(
    'environment without secrets',
    null,
    'NODE_ENV=production\nPORT=3000\nPUBLIC_URL=https://example.com\n',
    'a.txt',
  ),
  source(
    'game tokens',
    null,
    'local token = "player_one_token"\nlocal tokens = { "red_circle_piece", "blue_square_piece" }',
  ),
  source(
    'lorem ipsum',
    null,
    'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt.',
    'a.txt',
  ),
  source('hash table of levels', null, `{ "levels": ["${made(16, HEX)}", "${made(16, HEX)}"] }`, 'assets/levels.json'),
  source('selector', null, 'input.password-field:focus { border-color: #2563eb; }', 'assets/a.rcss'),
  source('author tokens', null, '{ "tokenizer": "bpe-32k-cased-v1.2" }', 'assets/model.json'),
];

const check = (file: string, text: string | Uint8Array): Finding[] => {
  const files = new Map([[file, typeof text === 'string' ? utf8(text) : text]]);
  const contents: PackageContents = { files, manifest: null };
  const found = secretsCheck.run(contents);
  if (found instanceof Promise) throw new Error('the check is synchronous');
  return found;
};

describe('secrets', () => {
  it.each(TRUE_CASES)('finds: $what', ({ file, text, code }) => {
    expect(check(file, text).map((found) => found.code)).toEqual([code]);
  });

  it.each(LOOK_ALIKES)('lets pass: $what', ({ file, text }) => {
    expect(check(file, text)).toEqual([]);
  });

  it('has the precision and recall that are claimed', () => {
    const hits = TRUE_CASES.filter(({ file, text, code }) =>
      check(file, text).some((found) => found.code === code),
    ).length;
    const wrong = LOOK_ALIKES.filter(({ file, text }) => check(file, text).length > 0).length;
    const precision = hits / (hits + wrong);
    const recall = hits / TRUE_CASES.length;
    const cases = `${TRUE_CASES.length} true cases and ${LOOK_ALIKES.length} look-alikes`;
    console.log(`secrets: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)} over ${cases}`);
    expect(precision).toBeGreaterThanOrEqual(0.98);
    expect(recall).toBeGreaterThanOrEqual(0.98);
  });

  it('finds the private key that `mosis keys generate` writes', () => {
    expect(check('key.txt', encodePrivateKeyPem(createHash('sha256').update('a key').digest()))).toMatchObject([
      { code: 'SECRET_PRIVATE_KEY' },
    ]);
  });

  it('shows no part of a secret but a prefix that names its kind', () => {
    for (const { file, text } of TRUE_CASES)
      for (const { message } of check(file, text)) {
        const shown = message.match(/[A-Za-z0-9+/_-]{8,}/g) ?? [];
        for (const word of shown)
          if (!/_live_|_pat_/.test(word)) expect(text.split(/[\s"']/).join(' ')).not.toContain(`_${word}`);
        expect(message.length).toBeLessThan(120);
        const body = text.match(/[A-Za-z0-9]{16,}/g) ?? [];
        for (const secret of body) expect(message).not.toContain(secret.slice(0, 12));
      }
  });

  it('places each finding at its line and column', () => {
    const text = `-- ü\n\nlocal a = "ä", "ghp_${made(36)}"\nlocal b = "glpat-${made(20)}"\n`;
    expect(check('a.lua', text).map(({ line, column }) => [line, column])).toEqual([
      [3, 17],
      [4, 12],
    ]);
  });

  it('finds a secret wherever the pieces of a large file meet', () => {
    const secret = `ghp_${made(36)}`;
    for (const before of [1024 * 1024 - 20, 1024 * 1024 - 40, 1024 * 1024, 1024 * 1024 + 16 * 1024 - 10]) {
      const found = check('a.txt', `${' '.repeat(before)}${secret}\n`);
      expect(found).toMatchObject([{ code: 'SECRET_TOKEN', line: 1, column: before + 1 }]);
    }
  });

  it('keeps at most 200 of one severity', () => {
    const found = check(
      'a.txt',
      Array.from({ length: 1000 }, () => `ghp_${randomBytes(18).toString('hex')}`).join('\n'),
    );
    expect(found).toHaveLength(201);
    expect(found.at(-1)?.code).toBe('FINDINGS_LEFT_OUT');
  });

  it('finds a key behind ten thousand texts that only look like a secret', () => {
    const likely = Array.from({ length: 10_000 }, (_, i) => `password = "kT9v-Qm2x!Lr${i}"`).join('\n');
    const found = check('a.txt', `${likely}\n${pem('PRIVATE KEY')}`);
    expect(found.filter(({ code }) => code === 'SECRET_LIKELY')).toHaveLength(200);
    expect(found).toContainEqual(expect.objectContaining({ code: 'SECRET_PRIVATE_KEY', line: 10_001 }));
    expect(found.at(-1)?.code).toBe('FINDINGS_LEFT_OUT');
  });

  it('searches no media and not the signature', () => {
    expect(check('a.png', `ghp_${made(36)}`)).toEqual([]);
    expect(check('signature.sig', `ghp_${made(36)}`)).toEqual([]);
  });
});
