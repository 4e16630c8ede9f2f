/** Owns the table of the platform's Lua API: which part needs which permission. It is data; the analysis reads it. */
import type { Permission } from '../permissions.ts';

/** The global table under which the whole API lives. */
export const PLATFORM_GLOBAL = 'mosis';

/** The call that opens another document of the app: its first argument is the path of an RML file. */
export const NAVIGATE = `${PLATFORM_GLOBAL}.ui.navigate`;

/** Each part of `mosis`, with the permission it needs, or null where it needs none. */
export const PLATFORM_API: Readonly<Record<string, Permission | null>> = {
  storage: 'storage',
  net: 'network',
  http: 'network',
  websocket: 'network',
  notify: 'notifications',
  notifications: 'notifications',
  audio: 'audio',
  vibrate: 'vibration',
  vibration: 'vibration',
  camera: 'camera',
  microphone: 'microphone',
  location: 'location',
  contacts: 'contacts',
  messages: 'messages',
  phone: 'phone',
  bluetooth: 'bluetooth',
  background: 'background',
  ui: null,
  timer: null,
  locale: null,
  json: null,
  app: null,
  log: null,
  version: null,
};

const PERMISSION_BY_PART: ReadonlyMap<string, Permission | null> = new Map(Object.entries(PLATFORM_API));
const PREFIX = `${PLATFORM_GLOBAL}.`;

/** The part of the API that a path such as `mosis.net.get` is in, or null for every other path and for `mosis` itself. */
export function partOf(path: string): string | null {
  if (!path.startsWith(PREFIX)) return null;
  const dot = path.indexOf('.', PREFIX.length);
  return path.slice(PREFIX.length, dot < 0 ? undefined : dot);
}

/** The permission that a part of the API needs, null for none, undefined for a part that does not exist. */
export function permissionOf(part: string): Permission | null | undefined {
  return PERMISSION_BY_PART.get(part);
}

/** Whether this path of the API is a call that opens a connection: its first argument is a URL or a table with `url`. */
export function takesUrl(path: string): boolean {
  const part = partOf(path);
  return part !== null && path.length > PREFIX.length + part.length && permissionOf(part) === 'network';
}

/** The path itself if what is done with it tells a permission or a host, so that it must be followed; else null. */
export function followedPart(path: string): string | null {
  return path === PLATFORM_GLOBAL || takesUrl(path) || takesUrl(`${path}.call`) ? path : null;
}
