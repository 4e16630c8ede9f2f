/** Owns what tests of the root share: keys of people, signing a draft, a repository without the rest of a server. It asserts nothing. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { Updater } from 'tuf-js';
import { keyPairFrom } from '../../format/keys.ts';
import { type RoleKey, roleKey } from '../../server/distribution/metadata/role-keys.ts';
import { draftText, readDraft, signDraft } from '../../server/distribution/metadata/root-draft.ts';
import { createMetadataRoutes } from '../../server/distribution/metadata/routes.ts';
import { createMetadataService, type MetadataService } from '../../server/distribution/metadata/service.ts';
import { createEvents } from '../../server/events/service.ts';
import type { RouteContext } from '../../server/http/router.ts';
import { type Clock, systemClock } from '../../server/platform/clock.ts';
import { openDatabase, type SqliteDatabase } from '../../server/platform/db/sqlite.ts';
import { createInProcessPubSub } from '../../server/platform/pubsub/in-process.ts';
import { fillMetadataBins } from '../../server/versions/metadata-bins.ts';

export function makeKeys(count: number): RoleKey[] {
  return Array.from({ length: count }, () => roleKey(keyPairFrom(Uint8Array.from(randomBytes(32)))));
}

export const hexOf = (key: RoleKey): string => key.key.keyVal.public ?? '';

/** The draft with these keys' signatures, as `root sign` leaves it. */
export function signedBy(draft: string | null, keys: readonly RoleKey[]): string {
  const read = readDraft(draft ?? '');
  for (const key of keys) signDraft(read, key);
  return draftText(read);
}

/** Prepares and publishes the first root with keys of people. */
export async function initRoot(root: MetadataService['root'], keys: readonly RoleKey[], threshold: number) {
  const { draft } = await root.prepare({ change: 'INIT', keys: keys.map(hexOf), threshold, roles: [] });
  await root.publish(signedBy(draft, keys.slice(0, threshold)));
}

export interface BareRepository {
  readonly db: SqliteDatabase;
  readonly service: MetadataService;
  close(): Promise<void>;
}

/** The signed metadata of a data folder, with nothing else of a server; not started. */
export async function openRepository(
  dataDir: string,
  given: { clock?: Clock; onStep?: (step: string) => void } = {},
): Promise<BareRepository> {
  const { clock = systemClock, onStep = () => undefined } = given;
  const db = await openDatabase({ path: join(dataDir, 'core.db') });
  const events = createEvents({ db, clock, pubsub: createInProcessPubSub(() => undefined) });
  const log = pino({ level: 'silent' });
  try {
    const fillBins = () => fillMetadataBins(db);
    const service = await createMetadataService({ db, clock, log, events, dataDir, fillBins, onStep });
    return {
      db,
      service,
      async close() {
        await service.stop();
        await db.close();
      },
    };
  } catch (error) {
    await db.close();
    throw error;
  }
}

type Answer = (request: IncomingMessage, response: ServerResponse, name: string) => unknown;

/** A server of one handler, which is given the file's name. */
export async function serve(answer: Answer): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const name = (request.url ?? '').split('/').at(-1) ?? '';
    Promise.resolve(answer(request, response, name)).catch(() => response.writeHead(404).end());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** What lies in a data folder, served as it is: nothing is repaired or signed. */
export async function serveFolder(dataDir: string) {
  const db = await openDatabase({ path: join(dataDir, 'core.db') });
  const { routes } = createMetadataRoutes({ db, rootsDir: join(dataDir, 'roots'), maxBytes: 0 });
  const server = await serve((request, response, name) =>
    routes[0]?.handler(request, response, { params: { file: name } } as unknown as RouteContext),
  );
  return {
    url: server.url,
    async close() {
      await server.close();
      await db.close();
    },
  };
}

/** In front of a server: answers some files itself. */
export function serveInFront(url: string, forged: ReadonlyMap<string, string>) {
  return serve(async (request, response, name) => {
    const own = forged.get(name);
    if (own !== undefined) return response.end(own);
    const answer = await fetch(`${url}${request.url}`);
    response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
  });
}

/** A client of TUF that is not ours; the first call of a folder provisions it with `root`. */
export async function independentClient(url: string, folder: string, root?: string): Promise<Updater> {
  await mkdir(folder, { recursive: true });
  if (root !== undefined) await writeFile(join(folder, 'root.json'), root);
  return new Updater({
    metadataDir: folder,
    metadataBaseUrl: `${url}/v1/metadata`,
    targetDir: folder,
    targetBaseUrl: `${url}/v1/packages`,
    config: { fetchRetries: 0 },
  });
}
