/** Owns the permission registry of docs/PACKAGE_FORMAT.md §3. It decides nothing about who gets a permission. */

export const PERMISSION_LEVELS = ['normal', 'dangerous'] as const;
/** `normal` is granted by installing; `dangerous` is shown to the user and looked at by a reviewer. */
export type PermissionLevel = (typeof PERMISSION_LEVELS)[number];

export const PERMISSIONS = [
  'storage',
  'network',
  'notifications',
  'audio',
  'vibration',
  'camera',
  'microphone',
  'location',
  'contacts',
  'messages',
  'phone',
  'bluetooth',
  'background',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export interface PermissionInfo {
  readonly level: PermissionLevel;
  readonly title: string;
  /** One line for people who decide whether to install. */
  readonly description: string;
}

export const PERMISSION_REGISTRY: Readonly<Record<Permission, PermissionInfo>> = {
  storage: { level: 'normal', title: 'Storage', description: 'Keep its own files and settings on the device.' },
  network: { level: 'normal', title: 'Network', description: 'Send and receive data over the internet.' },
  notifications: { level: 'normal', title: 'Notifications', description: 'Show notifications.' },
  audio: { level: 'normal', title: 'Audio', description: 'Play sounds and music.' },
  vibration: { level: 'normal', title: 'Vibration', description: 'Make the device vibrate.' },
  camera: { level: 'dangerous', title: 'Camera', description: 'Take pictures and record video.' },
  microphone: { level: 'dangerous', title: 'Microphone', description: 'Record sound.' },
  location: { level: 'dangerous', title: 'Location', description: 'Know where the device is.' },
  contacts: { level: 'dangerous', title: 'Contacts', description: 'Read and change your contacts.' },
  messages: { level: 'dangerous', title: 'Messages', description: 'Read and send messages.' },
  phone: { level: 'dangerous', title: 'Phone', description: 'Place calls and see the state of calls.' },
  bluetooth: { level: 'dangerous', title: 'Bluetooth', description: 'Find and talk to devices nearby.' },
  background: { level: 'dangerous', title: 'Background', description: 'Keep running when it is not on screen.' },
};

/** Whether a string names a permission of the registry. */
export function isPermission(name: string): name is Permission {
  return Object.hasOwn(PERMISSION_REGISTRY, name);
}
