/** Owns `mosis init`: a new app folder from the template. It writes into no folder that holds something. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MANIFEST_PATH } from '../../format/layout.ts';
import { parseManifest } from '../../format/manifest.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, systemCode, usageError } from '../errors.ts';
import { bold, cyan, green, type Styled, t } from '../text.ts';

/** The same path from the sources and from the bundle. */
const TEMPLATE = fileURLToPath(new URL('../templates/app/', import.meta.url));
/** Files whose text has placeholders, and how a value is written there. */
const ESCAPES: Readonly<Record<string, (value: string) => string>> = {
  json: (value) => JSON.stringify(value).slice(1, -1),
  rml: (value) => value.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`),
  md: (value) => value,
};

export const init = defineCommand({
  summary: 'Start a new app from the template',
  arguments: [{ name: 'NAME', help: 'Name of the app, as the store shows it' }],
  options: {
    id: { type: 'string', value: 'ID', help: 'Package id in reverse DNS, such as com.example.notes; it never changes' },
    author: { type: 'string', value: 'NAME', help: 'Who made the app' },
    email: { type: 'string', value: 'ADDRESS', help: "The author's e-mail address" },
    dir: { type: 'string', value: 'DIR', help: 'Folder to make (default: from the name)' },
  },
  examples: ['mosis init Notes', 'mosis init Notes --id com.example.notes --author "Ada" --email ada@example.com'],
  async run(context, { args, options }) {
    const { prompt } = context;
    const name = args[0] ?? (await prompt.ask(t`Name of the app`, { flag: 'NAME', check: (v) => problem('name', v) }));
    refuse('name', name, 'NAME');
    const slug =
      name
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '_')
        .replace(/^[^a-z]+|_+$/g, '') || 'app';
    const ask = async (
      key: 'id' | 'author' | 'email',
      question: Styled,
      suggestion: () => Promise<string | undefined>,
    ) => {
      const given = options[key];
      if (given !== undefined) {
        refuse(key, given, `--${key}`);
        return given;
      }
      const suggested = prompt.interactive ? await suggestion() : undefined;
      const extra = suggested === undefined ? {} : { suggestion: suggested };
      return await prompt.ask(question, { flag: `--${key}`, check: (v) => problem(key, v), ...extra });
    };
    const id = await ask('id', t`Package id`, async () => `com.example.${slug}`);
    const author = await ask('author', t`Author`, () => gitConfig(context, 'user.name'));
    const email = await ask('email', t`E-mail`, () => gitConfig(context, 'user.email'));
    const folder = resolve(context.cwd, options.dir ?? slug.replaceAll('_', '-'));
    const files = await fillTemplate({ id, name, author_name: author, author_email: email });
    await requireEmpty(folder);
    for (const [path, bytes] of files) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, bytes, { flag: 'wx' });
    }
    const shown = relative(context.cwd, folder) || '.';
    return {
      json: { id, name, folder, files: [...files.keys()] },
      lines: [
        t`${green('created')}  ${bold(shown)}  ${files.size} files`,
        t``,
        t`Next:`,
        ...(shown === '.' ? [] : [t`  ${cyan(t`cd ${shown}`)}`]),
        t`  ${cyan('mosis validate')}`,
        t`  ${cyan('mosis build')}`,
      ],
    };
  },
});

type Answers = Readonly<Record<'id' | 'name' | 'author_name' | 'author_email', string>>;

/** The template's files with the answers in them; `gitignore` gets its dot, which package registries would drop. */
async function fillTemplate(answers: Answers): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const entries = await readdir(TEMPLATE, { withFileTypes: true, recursive: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = relative(TEMPLATE, join(entry.parentPath, entry.name)).split('\\').join('/');
    const bytes = await readFile(join(TEMPLATE, path));
    const escaped = ESCAPES[path.slice(path.lastIndexOf('.') + 1)];
    const content = escaped === undefined ? bytes : Buffer.from(fill(bytes.toString('utf8'), answers, escaped));
    files.set(path === 'gitignore' ? '.gitignore' : path, content);
  }
  return files;
}

function fill(text: string, answers: Answers, escaped: (value: string) => string): string {
  return text.replace(/\{\{(id|name|author_name|author_email)\}\}/g, (_, key: keyof Answers) => escaped(answers[key]));
}

const SAMPLE = { name: 'Sample', id: 'com.example.sample', author: 'Sample', email: 'sample@example.com' };

/** What the manifest's own rules say about one answer, or null when it is fine. */
function problem(key: keyof typeof SAMPLE, value: string): string | null {
  const { id, name, author, email }: typeof SAMPLE = { ...SAMPLE, [key]: value };
  const manifest = {
    id,
    name,
    version: '0.1.0',
    version_code: 1,
    author: { name: author, email },
    entry: 'main.rml',
    permissions: [],
    min_mosis_version: '1.0.0',
  };
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  return parseManifest(bytes).findings.find((found) => found.severity === 'error')?.message ?? null;
}

function refuse(key: keyof typeof SAMPLE, value: string, flag: string): void {
  const message = problem(key, value);
  if (message !== null) throw usageError(`${flag}: ${message}`, 'mosis init --help');
}

/** What git knows of the author, as a suggestion; without git there is none. */
async function gitConfig({ cwd, env }: Context, key: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('git', ['config', '--get', key], { cwd, env, timeout: 2_000 });
    return stdout.trim() === '' ? undefined : stdout.trim();
  } catch {
    return undefined;
  }
}

async function requireEmpty(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  const inTheWay = names.find((name) => name !== '.git');
  if (inTheWay === undefined) return;
  const what = names.includes(MANIFEST_PATH) ? 'holds an app already' : `is not empty (${inTheWay})`;
  throw new CliError('CONFLICT', `${folder} ${what}.`, {
    exit: EXIT.conflict,
    next: 'choose another folder with --dir DIR',
  });
}
