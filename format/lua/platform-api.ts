/** Owns the table of the platform's Lua API: which part needs which permission. It is data; the analysis reads it. */
import type { Permission } from '../permissions.ts';

/** The global table under which the whole API lives. */
export const PLATFORM_GLOBAL = 'mosis';

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

/** Whether this path of the API opens a connection whose first argument is a URL or a table with `url`. */
export function takesUrl(path: string): boolean {
  const [root, part, call] = path.split('.');
  return root === PLATFORM_GLOBAL && call !== undefined && part !== undefined && PLATFORM_API[part] === 'network';
}
