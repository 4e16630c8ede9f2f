#!/usr/bin/env node
// Owns starting the operator command, `npm run admin -- …` and `npx mosis-admin …`, from the sources, on the project's own Node.
import { join } from 'node:path';
import { ROOT } from './paths.mjs';

// Folders on the command line are meant from where the operator stands, not from the project's folder.
process.env.INIT_CWD ??= process.cwd();
process.argv.splice(2, 0, join(ROOT, 'server', 'ops', 'mosis-admin.ts'));
await import('./run.mjs');
