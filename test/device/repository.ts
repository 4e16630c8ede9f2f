/** Owns a TUF repository whose every file a test can bend: the attacker's, on a real socket. Signing is the server's own. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { keyPairFrom } from '../../format/keys.ts';
import {
  type BinLevel,
  binName,
  binOf,
  binPrefixOf,
  type TargetFacts,
  targetPath,
} from '../../format/trust/targets.ts';
import { type RoleKey, roleKey, signWith } from '../../server/distribution/metadata/role-keys.ts';

const SPEC = '1.0.31';
const LEVEL = 4;
export const KEY_ID = `SHA256:${'A'.repeat(43)}`;

/** A key that is the same for the same letter. */
export function keyOf(letter: string): RoleKey {
  return roleKey(keyPairFrom(createHash('sha256').update(`key ${letter}`).digest()));
}

export const FACTS: TargetFacts = {
  v: 1,
  version: '1.0.0',
  min_mosis_version: '1.0.0',
  permissions: [],
  signer_key_id: KEY_ID,
  pins: [{ serial: 1, key_ids: [KEY_ID], public_key: 'x', signature: 'x', recovered: false }],
  rollouts: { stable: { seed: '0'.repeat(64), basis_points: 10_000, state: 'complete' } },
  rollbacks: [],
};

interface RootPlan {
  readonly version: number;
  readonly rootKeys: readonly RoleKey[];
  readonly threshold?: number;
  /** Who signs; the root keys of this and the last root unless said otherwise. */
  readonly signers?: readonly RoleKey[];
  readonly expires?: Date;
  readonly timestamp?: RoleKey;
}

/** Makes files; nobody serves them yet. */
export interface RepositoryFiles {
  /** What is answered, by file name; a test puts in what it likes. */
  readonly files: Map<string, string>;
  readonly keys: Record<'root' | 'targets' | 'snapshot' | 'timestamp' | 'bins', RoleKey>;
  root(plan: RootPlan): string;
  timestamp(version: number, snapshot: number, options?: { expires?: Date; key?: RoleKey }): string;
  snapshot(
    version: number,
    versions: Readonly<Record<string, number>>,
    options?: { expires?: Date; key?: RoleKey },
  ): string;
  targets(version: number, options?: { expires?: Date; key?: RoleKey; level?: BinLevel }): string;
  bin(
    version: number,
    targets: Readonly<Record<string, ListedTarget>>,
    options?: { expires?: Date; key?: RoleKey },
  ): string;
  /** A whole, honest repository at one version of everything, with these targets. */
  publish(version: number, targets: Readonly<Record<string, ListedTarget>>): void;
}

/** What a test lists of a package. */
export interface ListedTarget {
  readonly length: number;
  readonly sha256: string;
  readonly facts: unknown;
}

export interface EvilRepository extends RepositoryFiles {
  readonly url: string;
  /** Names asked for, in order. */
  readonly asked: string[];
  /** When set, answers instead. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  close(): Promise<void>;
}

export const APP = 'com.example.notes';

/** The targets of these codes of com.example.notes, with made-up bytes. */
export function listed(codes: readonly number[], facts: unknown = FACTS): Record<string, ListedTarget> {
  return Object.fromEntries(
    codes.map((code) => {
      const path = targetPath(APP, code);
      return [path, { length: 1_000, sha256: createHash('sha256').update(path).digest('hex'), facts }];
    }),
  );
}

/** Nothing but the first root. `now` is what its dates count from. */
export function createRepositoryFiles(now: () => Date): RepositoryFiles {
  const keys = {
    root: keyOf('root'),
    targets: keyOf('targets'),
    snapshot: keyOf('snapshot'),
    timestamp: keyOf('timestamp'),
    bins: keyOf('bins'),
  };
  const files = new Map<string, string>();
  const inDays = (days: number) => new Date(now().getTime() + days * 86_400_000);
  const written = (date: Date) => date.toISOString().replace(/\.\d{3}Z$/, 'Z');
  const signed = <T extends Root | Targets | Snapshot | Timestamp>(
    document: T,
    signers: readonly RoleKey[],
  ): string => {
    const metadata = new Metadata(document);
    for (const key of signers) signWith(metadata, key);
    return JSON.stringify(metadata.toJSON());
  };
  const repository: RepositoryFiles = {
    files,
    keys,
    root({ version, rootKeys, threshold = 1, signers = rootKeys, expires = inDays(365), timestamp = keys.timestamp }) {
      const root = new Root({ version, specVersion: SPEC, expires: written(expires) });
      for (const key of rootKeys) root.addKey(key.key, 'root');
      root.addKey(keys.targets.key, 'targets');
      root.addKey(keys.snapshot.key, 'snapshot');
      root.addKey(timestamp.key, 'timestamp');
      const json = root.toJSON() as { roles: { root: { threshold: number } } };
      json.roles.root.threshold = threshold;
      return signed(Root.fromJSON(json as unknown as Parameters<typeof Root.fromJSON>[0]), signers);
    },
    timestamp: (version, snapshot, { expires = inDays(1), key = keys.timestamp } = {}) =>
      signed(
        new Timestamp({
          version,
          specVersion: SPEC,
          expires: written(expires),
          snapshotMeta: new MetaFile({ version: snapshot }),
        }),
        [key],
      ),
    snapshot: (version, versions, { expires = inDays(7), key = keys.snapshot } = {}) => {
      const meta = Object.fromEntries(
        Object.entries(versions).map(([role, at]) => [`${role}.json`, new MetaFile({ version: at })]),
      );
      return signed(new Snapshot({ version, specVersion: SPEC, expires: written(expires), meta }), [key]);
    },
    targets: (version, { expires = inDays(90), key = keys.targets, level = LEVEL } = {}) =>
      signed(
        Targets.fromJSON({
          _type: 'targets',
          spec_version: SPEC,
          version,
          expires: written(expires),
          targets: {},
          delegations: {
            keys: { [keys.bins.key.keyID]: keys.bins.key.toJSON() },
            succinct_roles: { bit_length: level, keyids: [keys.bins.key.keyID], name_prefix: 'bin', threshold: 1 },
          },
        }),
        [key],
      ),
    bin: (version, listing, { expires = inDays(90), key = keys.bins } = {}) => {
      const targets = Object.fromEntries(
        Object.entries(listing).map(([path, { length, sha256, facts }]) => [
          path,
          new TargetFile({
            path,
            length,
            hashes: { sha256 },
            unrecognizedFields: { custom: { mosis: JSON.parse(JSON.stringify(facts)) } },
          }),
        ]),
      );
      return signed(new Targets({ version, specVersion: SPEC, expires: written(expires), targets }), [key]);
    },
    publish(version, targets) {
      const versions: Record<string, number> = { targets: version };
      for (let bin = 0; bin < 1 << LEVEL; bin += 1) {
        const name = binName(bin, LEVEL);
        const own = Object.entries(targets).filter(([path]) => binOf(binPrefixOf(path), LEVEL) === bin);
        files.set(`${version}.${name}.json`, repository.bin(version, Object.fromEntries(own)));
        versions[name] = version;
      }
      files.set(`${version}.targets.json`, repository.targets(version));
      files.set(`${version}.snapshot.json`, repository.snapshot(version, versions));
      files.set('timestamp.json', repository.timestamp(version, version));
    },
  };
  files.set('1.root.json', repository.root({ version: 1, rootKeys: [keys.root] }));
  return repository;
}

/** Serves such files, or whatever a test puts in their place. */
export async function startEvilRepository(now: () => Date): Promise<EvilRepository> {
  const made = createRepositoryFiles(now);
  const evil: Omit<EvilRepository, 'url' | 'close'> = { ...made, asked: [], answer: null };
  const server: Server = createServer((request, response) => {
    const name = (request.url ?? '').split('/').at(-1) ?? '';
    evil.asked.push(name);
    if (evil.answer !== null) return evil.answer(request, response);
    const text = made.files.get(name);
    response.writeHead(text === undefined ? 404 : 200, { Date: now().toUTCString() }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(evil, {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** The bin that a version's path falls into. */
export function binOfCode(code: number, level: BinLevel = LEVEL): string {
  return binName(binOf(binPrefixOf(targetPath(APP, code)), level), level);
}
