/** What a submitted version shares with published apps of other people goes to a person; what is one's own, or everybody's, does not. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { createSeed, type Developer, type Reviewer, type Seed, type VersionHandle } from '../support/seed.ts';

let app: TestApp;
let seed: Seed;
let rita: Reviewer;
let ada: Developer;
beforeAll(async () => {
  app = await startApp();
  seed = createSeed(app);
  ada = await seed.developer('Ada');
  rita = await seed.reviewer();
});
afterAll(() => app.close());

/** A script nobody else has, of some length. */
const script = (mark: string) => `-- ${mark} ${randomBytes(160).toString('hex')}\nreturn 1\n`;
let made = 0;
/** Files in which nothing is shared by chance: the good package's own are the same for all. */
function ownFiles(): Record<string, string | null> {
  made += 1;
  return {
    'assets/main.rml': `<rml>\n<head>\n<link type="text/rcss" href="main.rcss"/>\n</head>\n<body><p>App ${made}</p></body>\n</rml>\n`,
    'assets/main.lua': script(`main ${made}`),
  };
}

async function findingsOf(version: VersionHandle) {
  return app.rows<{ code: string; severity: string; message: string; file: string | null }>(
    `SELECT f.code, f.severity, f.message, f.file FROM findings f JOIN check_runs r ON r.id = f.check_run_id
     WHERE f.version_id = ? AND r."check" = 'provenance' ORDER BY f.position`,
    version.key,
  );
}

interface AppOf {
  readonly packageId: string;
  readonly name: string;
  readonly files?: Record<string, string | null>;
  readonly version_code?: number;
}

/** Uploads and submits a version of a new app; the icon is one colour for everybody, so it is left out of the way. */
async function submitted(owner: Developer, { packageId, name, files = {} }: AppOf): Promise<VersionHandle> {
  const handle = await owner.app(packageId);
  await owner.done('updateListing', { appId: handle.id, name });
  const version = await handle.upload({ manifest: { name }, files: { ...ownFiles(), ...files } });
  await version.submitted();
  return version;
}

async function publish(version: VersionHandle): Promise<void> {
  if ((await version.state()) === 'IN_REVIEW') await rita.approve(version);
  await version.app.owner.done('publishVersion', { versionId: version.id });
}

describe('a file', () => {
  it('of another published app is a warning that names the app, and calls a person', async () => {
    const engine = script('engine');
    await publish(
      await submitted(ada, { packageId: 'com.ada.first', name: 'Harbour', files: { 'assets/engine.lua': engine } }),
    );
    const bob = await seed.developer('Bob');
    const copy = await submitted(bob, {
      packageId: 'com.bob.copy',
      name: 'Lagoon',
      files: { 'assets/moved.lua': engine },
    });
    const found = (await findingsOf(copy)).filter(({ file }) => file === 'assets/moved.lua');
    expect(found).toEqual([
      {
        code: 'PROVENANCE_FILE_SHARED',
        severity: 'WARNING',
        message: 'It is byte for byte a file of com.ada.first, published by somebody else, there at assets/engine.lua.',
        file: 'assets/moved.lua',
      },
    ]);
    expect(await copy.state()).toBe('IN_REVIEW');
    const [row] = app.rows<{ review_reasons: string }>(
      'SELECT review_reasons FROM app_versions WHERE id = ?',
      copy.key,
    );
    expect(row?.review_reasons).toContain('CHECK_WARNING');
  });

  it('that its own developer published first stays silent when somebody has copied it meanwhile', async () => {
    const engine = script('original');
    const first = await submitted(ada, {
      packageId: 'com.ada.original',
      name: 'Estuary',
      files: { 'assets/e.lua': engine },
    });
    await publish(first);
    const eve = await seed.developer('Eve');
    await publish(
      await submitted(eve, { packageId: 'com.eve.copy', name: 'Fjord', files: { 'assets/e.lua': engine } }),
    );
    const next = await first.app.upload({
      manifest: { name: 'Estuary' },
      version_code: 2,
      files: { ...ownFiles(), 'assets/e.lua': engine },
    });
    await next.submitted();
    expect((await findingsOf(next)).filter(({ file }) => file === 'assets/e.lua')).toEqual([]);
  });

  it('of an app that is not published, of a member of the app, or too small to tell is none', async () => {
    const [draft, shared] = [script('draft'), script('shared')];
    const tiny = 'return {}\n';
    const carol = await seed.developer('Carol');
    await submitted(carol, { packageId: 'com.carol.draft', name: 'Meadow', files: { 'assets/d.lua': draft } });
    const mine = await submitted(ada, {
      packageId: 'com.ada.shared',
      name: 'Orchard',
      files: { 'assets/s.lua': shared, 'assets/t.lua': tiny },
    });
    await publish(mine);
    const second = await submitted(ada, {
      packageId: 'com.ada.second',
      name: 'Vineyard',
      files: { 'assets/d.lua': draft, 'assets/s.lua': shared },
    });
    const codes = (await findingsOf(second)).map(({ file }) => file);
    expect(codes.filter((file) => file?.startsWith('assets/'))).toEqual([]);
    const third = await submitted(carol, {
      packageId: 'com.carol.tiny',
      name: 'Prairie',
      files: { 'assets/t.lua': tiny },
    });
    expect((await findingsOf(third)).filter(({ file }) => file === 'assets/t.lua')).toEqual([]);
  });

  it('in apps of more than five developers is a library: one notice for all such files', async () => {
    const library = { 'assets/lib/json.lua': script('json'), 'assets/lib/class.lua': script('class') };
    for (let n = 0; n < 6; n += 1) {
      const one = await seed.developer(`Lib ${String.fromCharCode(65 + n)}`);
      await publish(
        await submitted(one, {
          packageId: `com.lib${'abcdef'[n]}.app`,
          name: `Studio ${'Zephyr Quartz Walnut Indigo Copper Basalt'.split(' ')[n]}`,
          files: library,
        }),
      );
    }
    const late = await seed.developer('Late');
    const version = await submitted(late, { packageId: 'com.late.app', name: 'Glacier', files: library });
    const found = (await findingsOf(version)).filter(({ code }) => code.startsWith('PROVENANCE_FILE'));
    expect(found.map(({ code, severity }) => [code, severity])).toEqual([['PROVENANCE_FILE_COMMON', 'NOTICE']]);
    expect(found[0]?.message).toMatch(
      /^2 files are in apps of more than 5 developers: assets\/lib\/.*\.lua, assets\/lib\/.*\.lua\.$/,
    );
  });
});

describe('a name or package id', () => {
  it('that reads like those of a published app of somebody else is a warning each', async () => {
    await publish(await submitted(ada, { packageId: 'com.harbour.tides', name: 'Tide Tables' }));
    const mallory = await seed.developer('Mallory');
    const copy = await submitted(mallory, { packageId: 'org.harbour.tides', name: 'Tіde TabIes' });
    const found = (await findingsOf(copy)).filter(({ file }) => file === 'manifest.json');
    expect(found.map(({ code, severity }) => [code, severity])).toEqual([
      ['PROVENANCE_NAME_SIMILAR', 'WARNING'],
      ['PROVENANCE_ID_SIMILAR', 'WARNING'],
    ]);
    expect(found[0]?.message).toMatch(
      /reads the same as "Tide Tables", the app com\.harbour\.tides, published by somebody else since 20/,
    );
    expect(await copy.state()).toBe('IN_REVIEW');
    expect(await copy.events()).toContain('CHECK_FINISHED');
  });

  it('of a draft, or of an app published later, is none', async () => {
    const nina = await seed.developer('Nina');
    await submitted(nina, { packageId: 'com.nina.quill', name: 'Feather Quill' });
    const oskar = await seed.developer('Oskar');
    const mine = await submitted(oskar, { packageId: 'com.oskar.quill', name: 'Feather Quill' });
    expect((await findingsOf(mine)).filter(({ file }) => file === 'manifest.json')).toEqual([]);
    await publish(mine);
    const petra = await seed.developer('Petra');
    const later = await submitted(petra, { packageId: 'com.petra.pen', name: 'Feather-Quill' });
    expect((await findingsOf(later)).map(({ code }) => code)).toContain('PROVENANCE_NAME_SIMILAR');
    await publish(later);
    const next = await mine.app.upload({ manifest: { name: 'Feather Quill' }, version_code: 2, files: ownFiles() });
    await next.submitted();
    expect((await findingsOf(next)).filter(({ code }) => code.startsWith('PROVENANCE_NAME'))).toEqual([]);
  });

  it('that an app takes later than its first publication is measured against everybody', async () => {
    const quinn = await seed.developer('Quinn');
    const old = await submitted(quinn, { packageId: 'com.quinn.old', name: 'Sandbank' });
    await publish(old);
    await publish(await submitted(ada, { packageId: 'com.ada.kingfisher', name: 'Kingfisher' }));
    const renamed = await old.app.upload({ manifest: { name: 'KingfIsher' }, version_code: 2, files: ownFiles() });
    await renamed.submitted();
    expect((await findingsOf(renamed)).map(({ code }) => code)).toContain('PROVENANCE_NAME_SIMILAR');
  });
});
