// The keys of the review workspace, as its help shows them.
import type { Messages } from '#lib/messages/en.ts';

type Words = Messages['reviews']['keys'];
type Does = Exclude<keyof Words, 'title' | 'open' | 'hint' | 'groups'>;
type Group = { title: keyof Words['groups']; keys: readonly { keys: readonly string[]; does: Does }[] };

export const SHORTCUTS: readonly Group[] = [
  {
    title: 'queue',
    keys: [
      { keys: ['j'], does: 'next' },
      { keys: ['k'], does: 'previous' },
      { keys: ['q'], does: 'hideQueue' },
      { keys: ['?'], does: 'help' },
    ],
  },
  {
    title: 'read',
    keys: [
      { keys: ['1', '–', '6'], does: 'tabs' },
      { keys: ['f'], does: 'goToFile' },
      { keys: [']'], does: 'nextFile' },
      { keys: ['['], does: 'previousFile' },
      { keys: ['n'], does: 'nextFinding' },
      { keys: ['p'], does: 'previousFinding' },
      { keys: ['.'], does: 'nextChange' },
      { keys: [','], does: 'previousChange' },
      { keys: ['d'], does: 'mode' },
      { keys: ['w'], does: 'wrap' },
      { keys: ['/'], does: 'search' },
      { keys: ['m'], does: 'comment' },
    ],
  },
  {
    title: 'decide',
    keys: [
      { keys: ['c'], does: 'claim' },
      { keys: ['u'], does: 'release' },
      { keys: ['e'], does: 'message' },
      { keys: ['l'], does: 'policy' },
      { keys: ['a'], does: 'approve' },
      { keys: ['r'], does: 'reject' },
      { keys: ['Esc'], does: 'leave' },
    ],
  },
];
