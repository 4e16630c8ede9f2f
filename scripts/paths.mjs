// Owns where things lie for the start scripts; plain JavaScript, so that it runs on any Node.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the project. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Node 24 as npm installs it; there once dependencies are. */
export const NODE = join(ROOT, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
/** Where stamps of finished steps are kept. */
export const CACHE = join(ROOT, '.cache');
/** Where Node keeps compiled code between starts (NODE_COMPILE_CACHE). */
export const COMPILED = join(CACHE, 'compiled');
