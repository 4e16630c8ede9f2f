/** Owns when each demo version reached its users and how they use the app. It is data. */

import { NOTES, WEATHER } from './releases.ts';
import type { AppLife } from './telemetry.ts';

/** Only versions that were published; the others never reached a device. */
export const APP_LIVES: readonly AppLife[] = [
  {
    packageId: NOTES.packageId,
    releases: [
      { version: '1.0.0', versionCode: 10, daysAgo: 30 },
      { version: '1.1.0', versionCode: 11, daysAgo: 21 },
      { version: '1.2.0', versionCode: 12, daysAgo: 13 },
      { version: '1.3.1', versionCode: 14, daysAgo: 5 },
    ],
    screens: ['list', 'list', 'editor', 'editor', 'search', 'settings'],
    buttons: ['new-note', 'new-note', 'pin', 'delete', 'search'],
    weekdays: [1.2, 3.2, 3.4, 3.3, 3.1, 2.6, 1.4],
    reach: 0.85,
  },
  {
    packageId: WEATHER.packageId,
    releases: [
      { version: '1.0.0', versionCode: 10, daysAgo: 26 },
      { version: '1.2.0', versionCode: 12, daysAgo: 9 },
    ],
    screens: ['forecast', 'forecast', 'forecast', 'cities', 'settings'],
    buttons: ['refresh', 'refresh', 'next-day', 'add-city'],
    weekdays: [2.9, 1.9, 1.8, 1.9, 2.2, 3.0, 3.4],
    reach: 0.7,
  },
];
