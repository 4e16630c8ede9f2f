# Builds the portal and the server's bundle, then an image of only those, the packages that stay outside of the bundle, and
# the image's own Node. Needs BuildKit (Docker 23 or later). See docs/OPERATIONS.md, Docker.

FROM node:24.21.0-slim AS build
# The bundle names the files beside its sources by their full path: both stages work in the same folder.
WORKDIR /app

# Dependencies first: this layer stays as long as the lock file does.
COPY package.json package-lock.json ./
COPY cli/package.json cli/package.json
COPY cli/bin cli/bin
COPY scripts/install.mjs scripts/paths.mjs scripts/
RUN node --input-type=module -e "import { install } from './scripts/install.mjs'; install();"

COPY . .
RUN node --input-type=module <<'JS'
import { generate } from './scripts/generate.mjs';
import { buildPortal } from './scripts/portal.mjs';
import { buildServer } from './scripts/server-build.mjs';
generate();
buildPortal();
await buildServer();
JS

# Instead of pruning: only what the bundle opens at run time, and the packages it imports (EXTERNAL in
# scripts/server-build.mjs) with what those need. Pruning would keep four times as much.
RUN node --input-type=module <<'JS'
import { cpSync, existsSync, readFileSync } from 'node:fs';
const files = ['package.json', 'server/accounts/common-passwords.txt', 'prisma/schema.prisma', 'prisma/migrations', 'web/build', '.cache/server'];
for (const file of files) cpSync(file, `/out/${file}`, { recursive: true });

const unused = /\.(?:map|d\.[cm]?ts)$|\/better-sqlite3\/(?:deps|src|prebuilds\/(?!linux))|\/query_compiler_\w+_bg\.(?!sqlite)/;
const wanted = ['better-sqlite3', '@node-rs/argon2', '@prisma/client', '@prisma/schema-engine-wasm', 'pino'];
const copied = new Set();
for (const name of wanted) {
  const folder = `node_modules/${name}`;
  // Optional packages are there for one platform only.
  if (copied.has(name) || !existsSync(folder)) continue;
  copied.add(name);
  cpSync(folder, `/out/${folder}`, { recursive: true, filter: (path) => !unused.test(path) });
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  wanted.push(...Object.keys({ ...dependencies, ...optionalDependencies }));
}
JS

FROM node:24.21.0-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000 DATA_DIR=/data MALLOC_ARENA_MAX=2
WORKDIR /app
COPY --from=build /out/ ./
RUN install -d -o node -g node -m 0700 /data
USER node

# Starts once and stops: a package that is missing from the image fails the build, not the first start.
RUN node --input-type=module <<'JS'
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
const env = { ...process.env, DATA_DIR: '/tmp/first-start', PORT: '4999', HOST: '127.0.0.1', LOG_LEVEL: 'info' };
const server = spawn('node', ['--disable-warning=ExperimentalWarning', '.cache/server/main.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
let log = '';
server.stdout.on('data', (text) => {
  log += text;
  // Once: a second signal ends it without waiting.
  if (String(text).includes('"msg":"ready"')) server.kill('SIGTERM');
});
const timer = setTimeout(() => server.kill('SIGKILL'), 60_000);
server.on('exit', (code) => {
  clearTimeout(timer);
  rmSync('/tmp/first-start', { recursive: true, force: true });
  if (code !== 0) console.error(log);
  process.exit(code ?? 1);
});
JS

VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--disable-warning=ExperimentalWarning", "--max-semi-space-size=4", "--heap-growing-percent=30", "--expose-gc", ".cache/server/main.js"]
