// Owns `npm start`: installs what is missing, generates and builds what is stale, then runs the server.
import { generate } from './generate.mjs';
import { install } from './install.mjs';
import { exitWith, runNode, SERVER_FLAGS } from './node.mjs';
import { buildPortal } from './portal.mjs';

async function start() {
  install();
  generate();
  buildPortal();
  return runNode([...SERVER_FLAGS, 'server/main.ts']);
}

exitWith(start());
