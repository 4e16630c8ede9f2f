/**
 * Owns the benchmark of downloads: memory of the server while 100 clients fetch 50 MB each, then requests a second at 1 MB
 * and 20 MB beside nginx on the same files, with sendfile on and off, in turns, where nginx is installed.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { applyMigrations } from '../prisma/migrate.ts';
import { seedDatabase } from '../prisma/seed.ts';
import { packageKey, packagePath } from '../server/versions/paths.ts';
import { type Child, freePort, median, send, startBundle } from './load.ts';

const MB = 1024 * 1024;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 4);
const TURNS = 3;
const CLIENTS = 100;
const CONNECTIONS = 20;
/** By version code. */
const SIZES = [1 * MB, 20 * MB, 50 * MB];
/** Memory may grow by a buffer and socket overhead a client; below one file. */
const MOST_GROWTH_MB = Number(process.env.BENCH_MAX_GROWTH_MB ?? 32);
const MOST_MB = Number(process.env.BENCH_MAX_MB ?? 200);
/** Least ratio to the better of nginx with sendfile on and off. */
const COMPARED = [
  { code: 1, name: '1 MB', least: 0.6 },
  { code: 2, name: '20 MB', least: 0.95 },
] as const;

interface Files {
  readonly folder: string;
  readonly path: (versionCode: number) => string;
  readonly key: (versionCode: number) => string;
}

async function makeFiles(): Promise<Files> {
  const folder = await mkdtemp(join(tmpdir(), 'mosis-bench-'));
  // nginx reads as another user.
  await chmod(folder, 0o755);
  const databasePath = join(folder, 'core.db');
  await applyMigrations({ databasePath });
  const bytes = SIZES.map((size) => randomBytes(size));
  let packageId = '';
  seedDatabase(
    databasePath,
    { developers: 1, apps: 1, versionsPerApp: SIZES.length },
    {
      signer: { keyId: 'SHA256:bench', publicKey: 'bench' },
      makePackage: (app, versionCode) => {
        packageId = app.packageId;
        const file = bytes[versionCode - 1] ?? Buffer.alloc(0);
        const sha256 = createHash('sha256').update(file).digest('hex');
        return { size: file.length, sha256, signature: '{}', platformSignature: 'SHA256:bench.none' };
      },
    },
  );
  for (const [index, file] of bytes.entries()) {
    const target = join(folder, 'blobs', packageKey(packageId, index + 1));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, file);
  }
  return {
    folder,
    path: (versionCode) => packagePath(packageId, versionCode),
    key: (versionCode) => packageKey(packageId, versionCode),
  };
}

/** Fetches over one connection until `more` says no, counting bytes only: the client must cost little. Returns how many files. */
async function fetchAgain(port: number, path: string, more: (fetched: number) => boolean): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  const ask = (): boolean => socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let fetched = 0;
  let head = '';
  let left = -1;
  socket.on('error', reject);
  socket.on('close', () => reject(new Error(`The connection closed after ${fetched} files`)));
  socket.on('data', (chunk: Buffer) => {
    let bytes = chunk;
    if (left < 0) {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const length = /^HTTP\/1\.1 200[\s\S]*?\r\ncontent-length: (\d+)/i.exec(head.slice(0, end + 2))?.[1];
      if (length === undefined) return reject(new Error(head.slice(0, 200)));
      left = Number(length);
      bytes = Buffer.alloc(head.length - end - 4);
    }
    left -= bytes.length;
    if (left > 0) return;
    fetched += 1;
    head = '';
    left = -1;
    if (more(fetched)) ask();
    else resolve(fetched);
  });
  ask();
  try {
    return await promise;
  } finally {
    socket.removeAllListeners('close').destroy();
  }
}

async function perSecond(port: number, path: string): Promise<number> {
  const startMs = performance.now();
  const endMs = startMs + SECONDS * 1000;
  const fetched = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => fetchAgain(port, path, () => performance.now() < endMs)),
  );
  return (fetched.reduce((sum, count) => sum + count, 0) / (performance.now() - startMs)) * 1000;
}

async function measureMemory(server: Child, path: string): Promise<void> {
  await fetchAgain(server.port, path, () => false);
  const before = await server.memoryMb();
  let most = before;
  let done = false;
  const watching = (async () => {
    while (!done) {
      most = Math.max(most, await server.memoryMb());
      await wait(50);
    }
  })();
  const startMs = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, () => fetchAgain(server.port, path, () => false)));
  const seconds = (performance.now() - startMs) / 1000;
  done = true;
  await watching;
  console.log(
    `${CLIENTS} clients, 50 MB each, in ${seconds.toFixed(1)} s: memory ${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most (+${(most - before).toFixed(0)} MB)`,
  );
  if (most - before > MOST_GROWTH_MB || most > MOST_MB) {
    console.error(`The limits are ${MOST_GROWTH_MB} MB more, and ${MOST_MB} MB in all.`);
    process.exitCode = 1;
  }
}

interface Nginx {
  readonly name: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** nginx over the blobs, one worker; null with the reason printed where there is none. */
async function startNginx(files: Files, sendfile: 'on' | 'off'): Promise<Nginx | null> {
  if (spawnSync('nginx', ['-v']).error !== undefined) {
    console.log('nginx is not installed (apt-get install nginx-light): no figures beside it.');
    return null;
  }
  const port = await freePort();
  const folder = join(files.folder, `nginx-${sendfile}`);
  await mkdir(folder);
  const config = join(folder, 'nginx.conf');
  await writeFile(
    config,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http { access_log off; sendfile ${sendfile}; tcp_nopush on; output_buffers 2 256k; keepalive_requests 1000000; open_file_cache max=100;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c; uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  server { listen 127.0.0.1:${port}; root ${join(files.folder, 'blobs')}; } }\n`,
  );
  const child = spawn('nginx', ['-c', config, '-p', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'exit');
  for (let tries = 0; ; tries += 1) {
    const up = await send({ port, path: `/${files.key(1)}` }).then(
      () => true,
      () => false,
    );
    if (up) break;
    if (tries > 100) throw new Error('nginx did not start');
    await wait(50);
  }
  return {
    name: `nginx, sendfile ${sendfile}`,
    port,
    async stop() {
      child.kill('SIGQUIT');
      await exited;
    },
  };
}

/** The program that `npm start` runs, as it runs it: the bundle takes less memory than the sources. */
async function startOurs(files: Files): Promise<Child> {
  return startBundle({ DATA_DIR: files.folder, MALLOC_ARENA_MAX: '2' });
}

interface Side {
  readonly name: string;
  readonly port: number;
  readonly path: string;
}

/** Requests a second of each side, in turns of one run. */
async function inTurns(sides: readonly Side[]): Promise<number[]> {
  const rates = sides.map((): number[] => []);
  for (const { port, path } of sides) await fetchAgain(port, path, (fetched) => fetched < CONNECTIONS);
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const [index, { port, path }] of sides.entries()) rates[index]?.push(await perSecond(port, path));
  }
  return rates.map(median);
}

async function compare(ours: Child, others: readonly Nginx[], files: Files): Promise<void> {
  for (const { code, name, least } of COMPARED) {
    const sides = [
      { name: 'ours', port: ours.port, path: files.path(code) },
      ...others.map((one) => ({ name: one.name, port: one.port, path: `/${files.key(code)}` })),
    ];
    const [own = 0, ...beside] = await inTurns(sides);
    const best = Math.max(...beside);
    const figures = sides.map((side, index) => `${side.name} ${[own, ...beside][index]?.toFixed(0)}`).join(', ');
    const ratio = beside.length === 0 ? '' : `   ratio to the best ${(own / best).toFixed(2)} (${least})`;
    console.log(`${name} over ${CONNECTIONS} connections, req/s: ${figures}${ratio}`);
    if (own / best < least) {
      console.error(`The ratio at ${name} is below ${least}.`);
      process.exitCode = 1;
    }
  }
}

async function main(): Promise<void> {
  const files = await makeFiles();
  try {
    const ours = await startOurs(files);
    const others: Nginx[] = [];
    try {
      await measureMemory(ours, files.path(3));
      for (const sendfile of ['on', 'off'] as const) {
        const nginx = await startNginx(files, sendfile);
        if (nginx === null) break;
        others.push(nginx);
      }
      await compare(ours, others, files);
    } finally {
      await ours.stop();
      for (const nginx of others) await nginx.stop();
    }
  } finally {
    await rm(files.folder, { recursive: true, force: true });
  }
}

await main();
