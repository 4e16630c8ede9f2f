/** Owns the list of commands: names and one-liners for the help, and how each one's module is loaded when it is asked for. */
import type { Command, Group } from './command.ts';

export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command | Group>;
}

export interface Section {
  readonly title: string;
  readonly entries: readonly Entry[];
}

export const SECTIONS: readonly Section[] = [
  {
    title: 'Make an app',
    entries: [
      {
        name: 'init',
        summary: 'Start a new app from the template',
        load: async () => (await import('./commands/init.ts')).init,
      },
      {
        name: 'validate',
        summary: 'Check a folder or package against the format',
        load: async () => (await import('./commands/validate.ts')).validate,
      },
      {
        name: 'build',
        summary: 'Pack a folder into a .mosis file',
        load: async () => (await import('./commands/build.ts')).build,
      },
      {
        name: 'sign',
        summary: 'Sign a package with your key',
        load: async () => (await import('./commands/sign.ts')).sign,
      },
      {
        name: 'explain',
        summary: 'Say what a finding means and how to fix it',
        load: async () => (await import('./commands/explain.ts')).explain,
      },
    ],
  },
  {
    title: 'Publish it',
    entries: [
      {
        name: 'publish',
        summary: 'Upload, submit and follow a version',
        load: async () => (await import('./commands/publish.ts')).publish,
      },
      {
        name: 'status',
        summary: 'Show where an app or version stands',
        load: async () => (await import('./commands/status.ts')).status,
      },
      { name: 'apps', summary: 'List your apps', load: async () => (await import('./commands/apps.ts')).apps },
      {
        name: 'versions',
        summary: 'List the versions of an app',
        load: async () => (await import('./commands/versions.ts')).versions,
      },
      {
        name: 'rollout',
        summary: 'Decide which devices get a version',
        load: async () => (await import('./commands/rollout.ts')).rollout,
      },
    ],
  },
  {
    title: 'Account and keys',
    entries: [
      {
        name: 'login',
        summary: 'Sign in on this machine',
        load: async () => (await import('./commands/login.ts')).login,
      },
      {
        name: 'logout',
        summary: 'Forget the sign-in of this machine',
        load: async () => (await import('./commands/logout.ts')).logout,
      },
      {
        name: 'whoami',
        summary: 'Show who is signed in',
        load: async () => (await import('./commands/whoami.ts')).whoami,
      },
      {
        name: 'keys',
        summary: 'Make, register, pin and end signing keys',
        load: async () => (await import('./commands/keys.ts')).keys,
      },
    ],
  },
  {
    title: 'Devices and help',
    entries: [
      {
        name: 'device',
        summary: 'Act as a device: install, update, report',
        load: async () => (await import('./commands/device.ts')).device,
      },
      {
        name: 'doctor',
        summary: 'Check this machine and the server',
        load: async () => (await import('./commands/doctor.ts')).doctor,
      },
      {
        name: 'completion',
        summary: 'Print completions for bash, zsh or fish',
        load: async () => (await import('./commands/completion.ts')).completion,
      },
    ],
  },
];

export const ENTRIES: readonly Entry[] = SECTIONS.flatMap((section) => section.entries);

/** The entry of a command's first word, or null. */
export function findEntry(name: string): Entry | null {
  return ENTRIES.find((entry) => entry.name === name) ?? null;
}
