/** Owns made-up developers and apps for load and for looking around: the same for the same seed number. It stores nothing. */

import { PERMISSIONS } from '../format/permissions.ts';
import { CATEGORIES } from '../server/apps/inputs.ts';

const FIRST =
  'Amber Bright Calm Clear Daily Deep Easy Fair Fast Fine Fresh Gentle Golden Grand Green Happy Honest Inner Keen Kind Light Little Lively Lucky Lunar Mellow Mighty Misty Modern Noble Open Pocket Polar Prime Quick Quiet Rapid Royal Silent Silver Simple Smart Snowy Solar Steady Sunny Swift Tidy Tiny True Urban Velvet Vivid Warm Wild Wise'.split(
    ' ',
  );
const THINGS =
  'Alarm Atlas Birds Board Book Budget Calendar Camera Chat Chess Clock Coach Compass Cook Counter Crossword Diary Dictionary Drum Fitness Flashcards Flight Garden Guitar Habit Invoice Journal Jigsaw Lamp Ledger Library Map Market Meditation Memo Metronome Mixer News Notes Painter Parcel Photo Piano Planner Podcast Puzzle Radio Reader Recipe Ruler Scanner Shopping Sketch Sleep Solitaire Stopwatch Sudoku Tasks Timer Trails Translator Tuner Vault Wallet Weather Words Workout Yoga'.split(
    ' ',
  );
const KINDS = ['', '', '', 'Pro', 'Lite', 'Plus', 'Studio', 'Go', 'Club', 'Lab'];
const VERBS =
  'keeps tracks shows finds plays counts sorts shares plans draws reads teaches measures records collects'.split(' ');
const OBJECTS =
  'your notes|the weather|every word|short lists|long walks|old photos|the tides|your sleep|a small budget|new recipes|quiet music|bus times|bird songs|chess games|the stars|daily tasks|every parcel|your garden|foreign words|small drawings'.split(
    '|',
  );
const MANNERS =
  'without a network|on one screen|in seconds|for the whole family|with large type|in the dark|by voice|with one hand|for school|at work|on the road|and never forgets|and asks for nothing|with friends|at your pace'.split(
    '|',
  );
const TAGS =
  'offline family school music travel puzzle minimal dark-mode large-type kids fitness work photo language garden science board-game sleep money weather'.split(
    ' ',
  );

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface MadeUpApp {
  readonly packageId: string;
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly category: (typeof CATEGORIES)[number];
  readonly tags: readonly string[];
  readonly permissions: readonly string[];
}

/** The app of this number; `random` decides everything but the package id. */
export function madeUpApp(index: number, random: () => number): MadeUpApp {
  const pick = <T>(list: readonly T[]): T => {
    const chosen = list[Math.floor(random() * list.length)];
    if (chosen === undefined) throw new RangeError('nothing to pick from');
    return chosen;
  };
  const some = <T>(list: readonly T[], most: number): T[] => [
    ...new Set(Array.from({ length: Math.floor(random() * (most + 1)) }, () => pick(list))),
  ];
  const sentence = (): string => `It ${pick(VERBS)} ${pick(OBJECTS)} ${pick(MANNERS)}.`;
  const thing = pick(THINGS);
  const name = [pick(FIRST), thing, pick(KINDS)].filter((word) => word !== '').join(' ');
  const lines = Array.from({ length: 3 + Math.floor(random() * 6) }, sentence);
  return {
    packageId: `com.example.${thing.toLowerCase()}${index}`,
    name,
    summary: `${pick(VERBS)} ${pick(OBJECTS)} ${pick(MANNERS)}`,
    description: lines.join('\n'),
    category: pick(CATEGORIES),
    tags: some(TAGS, 4),
    permissions: some(PERMISSIONS, 4),
  };
}
