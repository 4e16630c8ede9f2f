// Owns `npm run dev`: the server restarts when its sources change; the portal is served by Vite with hot reload on port 5173.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { generate } from './generate.mjs';
import { install } from './install.mjs';
import { environment, exitWith, runNode, SERVER_FLAGS } from './node.mjs';
import { NODE, ROOT } from './paths.mjs';

async function dev() {
  install();
  generate();
  const port = process.env.PORT ?? '4000';
  const vite = spawn(NODE, [join(ROOT, 'node_modules/vite/bin/vite.js'), 'dev', '--port', '5173', '--strictPort'], {
    cwd: join(ROOT, 'web'),
    stdio: 'inherit',
    env: environment({ MOSIS_API_URL: `http://localhost:${port}` }),
  });
  const code = await runNode([...SERVER_FLAGS, '--watch', 'server/main.ts'], {
    env: { PUBLIC_URL: process.env.PUBLIC_URL ?? 'http://localhost:5173' },
  });
  vite.kill();
  return code;
}

exitWith(dev());
