// Owns `npm start`: installs what is missing, generates and builds what is stale, then runs the server (DATA_DIR, HOST, PORT and more: README).
import { generate } from './generate.mjs';
import { install } from './install.mjs';
import { exitWith, runNode, SERVER_FLAGS } from './node.mjs';
import { COMPILED } from './paths.mjs';
import { buildPortal } from './portal.mjs';
import { buildServer, SERVER_PROGRAM } from './server-build.mjs';

async function start() {
  install();
  generate();
  buildPortal();
  await buildServer();
  return runNode([...SERVER_FLAGS, SERVER_PROGRAM], {
    // Fewer heaps of the C library: freed memory goes back. Compiled code is kept between starts.
    env: { MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? '2', NODE_COMPILE_CACHE: COMPILED },
  });
}

exitWith(start());
