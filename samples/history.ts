/**
 * Owns the earlier versions of the sample apps, each made from the newest one's files by taking features out.
 * It reads no folder, and its results are not signed.
 */

import type { Step } from './history-steps.ts';
import { cut, cutBetween, put, removeFiles, removeTexts, replaceOnce, setManifest } from './history-steps.ts';

/** What the store shows about a version. */
export interface SampleRelease {
  readonly version: string;
  readonly versionCode: number;
  readonly releaseNotes: string;
}

/** An earlier version, and how its files are made. */
export interface EarlierSample extends SampleRelease {
  /**
   * Makes this version's files from the newest version's; the map given stays as it is.
   * Throws where the newest sources no longer hold what this version changes.
   */
  readonly build: (files: Map<string, Uint8Array>) => Map<string, Uint8Array>;
}

/** One sample app with its releases. */
export interface SampleHistory {
  /** The folder beside this file that holds the newest version. */
  readonly folder: string;
  readonly packageId: string;
  /** Oldest first. */
  readonly earlier: readonly EarlierSample[];
  readonly newest: SampleRelease;
}

function earlier(
  release: SampleRelease,
  steps: readonly Step[],
  manifest: Readonly<Record<string, unknown>> = {},
): EarlierSample {
  return {
    ...release,
    build: (files) => {
      const result = new Map(files);
      for (const step of steps) step(result);
      setManifest({ version: release.version, version_code: release.versionCode, ...manifest })(result);
      return result;
    },
  };
}

const SCRIPTS = 'assets/scripts';

const NOTES_WITHOUT_TAGS: readonly Step[] = [
  removeFiles('assets/tags.rml', `${SCRIPTS}/tags.lua`, `${SCRIPTS}/tags_screen.lua`),
  cut('assets/frame.rml', '      <button id="nav-tags" class="nav-item"></button>\n'),
  cutBetween(`${SCRIPTS}/page.lua`, '  { id = "nav-tags"', '  { id = "nav-settings"'),
  cut(`${SCRIPTS}/list_screen.lua`, 'local tags <const> = require("scripts.tags")\n'),
  cut(`${SCRIPTS}/list_screen.lua`, '    tags.chips(note),\n'),
  cutBetween(`${SCRIPTS}/list_screen.lua`, 'local function select_notes()', 'local function show_notes('),
  replaceOnce(`${SCRIPTS}/list_screen.lua`, '= select_notes()', '= store.all(settings.get("order"))'),
  replaceOnce(`${SCRIPTS}/list_screen.lua`, 'all notes as cards, or those of one tag.', 'all notes as cards.'),
  cut('assets/list.rml', '    <div id="filter" class="filter"></div>\n'),
  cutBetween('assets/notes.rcss', '.chip {', '.mark {'),
  cutBetween('assets/notes.rcss', '.filter {', '.search-field {'),
  replaceOnce(
    'assets/notes.rcss',
    'as the list, the search and the tags show them',
    'as the list and the search show them',
  ),
  removeTexts('nav.tags', 'tags.'),
];

const NOTES_WITHOUT_AUTOSAVE: readonly Step[] = [
  removeFiles('locales/es.json'),
  cut(`${SCRIPTS}/editor_screen.lua`, ', and every few seconds in between'),
  cut(`${SCRIPTS}/editor_screen.lua`, 'local AUTOSAVE_SECONDS <const> = 5\n\n'),
  cut(`${SCRIPTS}/editor_screen.lua`, '  mosis.timer.every(AUTOSAVE_SECONDS, keep)\n'),
];

const NOTES_WITHOUT_SEARCH: readonly Step[] = [
  removeFiles('assets/search.rml', `${SCRIPTS}/search.lua`, `${SCRIPTS}/search_screen.lua`),
  cut('assets/frame.rml', '      <button id="nav-search" class="nav-item"></button>\n'),
  cutBetween(`${SCRIPTS}/page.lua`, '  { id = "nav-search"', '  { id = "nav-settings"'),
  cutBetween(`${SCRIPTS}/markup.lua`, '--- Escapes text and wraps the given byte ranges', '--- Shortens text'),
  cutBetween('assets/notes.rcss', '.mark {', '.empty {'),
  cutBetween('assets/notes.rcss', '.search-field {', '.floating {'),
  cut('assets/notes.rcss', '\n  .mark {\n    color: #ffc94d;\n  }\n'),
  replaceOnce('assets/notes.rcss', 'as the list and the search show them', 'as the list shows them'),
  removeTexts('nav.search', 'search.'),
];

/** The Notes app: 1.0.0 lists and edits, 1.1.0 searches, 1.2.0 speaks Spanish and saves by itself, 1.3.0 has tags. */
export const NOTES_HISTORY: SampleHistory = {
  folder: 'notes',
  packageId: 'com.example.notes',
  earlier: [
    earlier(
      {
        version: '1.0.0',
        versionCode: 10,
        releaseNotes: 'The first version: write notes, pin them and choose their order. In English and German.',
      },
      [...NOTES_WITHOUT_TAGS, ...NOTES_WITHOUT_AUTOSAVE, ...NOTES_WITHOUT_SEARCH],
      { description: 'Quick notes that stay on your phone. Write and pin them.' },
    ),
    earlier(
      {
        version: '1.1.0',
        versionCode: 11,
        releaseNotes: 'Search: find notes by words. The best hit comes first, and the words are marked.',
      },
      [...NOTES_WITHOUT_TAGS, ...NOTES_WITHOUT_AUTOSAVE],
      { description: 'Quick notes that stay on your phone. Write, pin and search them.' },
    ),
    earlier(
      {
        version: '1.2.0',
        versionCode: 12,
        releaseNotes: 'Now in Spanish. A note saves itself while you write.',
      },
      NOTES_WITHOUT_TAGS,
      { description: 'Quick notes that stay on your phone. Write, pin and search them.' },
    ),
  ],
  newest: {
    version: '1.3.0',
    versionCode: 13,
    releaseNotes: 'Tags: put #words into a note, and find them all on a screen of their own.',
  },
};

const WEATHER_WITHOUT_SETTINGS: readonly Step[] = [
  removeFiles('assets/settings.rml', 'assets/settings.rcss', `${SCRIPTS}/settings_screen.lua`, 'locales/fr.json'),
  cut('assets/frame.rml', '      <button id="nav-settings" class="nav-item"></button>\n'),
  cut('assets/theme.rcss', '\n  .secondary {\n    background-color: #24435d;\n  }\n'),
  cutBetween(`${SCRIPTS}/page.lua`, '  { id = "nav-settings"', '}\n\n--- Runs a function once'),
  cutBetween(`${SCRIPTS}/cache.lua`, 'function M.count()', 'return M\n'),
  cutBetween(`${SCRIPTS}/units.lua`, 'local KEY <const>', 'local function round'),
  replaceOnce(
    `${SCRIPTS}/units.lua`,
    'in the units a person chose. Inside the app everything is metric',
    'in metric units',
  ),
  cut(
    `${SCRIPTS}/units.lua`,
    '  if M.current() == "imperial" then\n    return round(celsius * 9 / 5 + 32) .. " °F"\n  end\n',
  ),
  cut(
    `${SCRIPTS}/units.lua`,
    '  if M.current() == "imperial" then\n    return round(kmh / 1.609344) .. " mph"\n  end\n',
  ),
  removeTexts('nav.settings', 'settings.'),
];

const MEMORY_CACHE = `-- Keeps the last forecast while the app is open. A fresh one spares a request.

local M = {}

local FRESH_SECONDS <const> = 15 * 60

local entries = {}

--- The entry \`{ forecast, stored }\` of a city and whether it is fresh; nil where none is kept.
function M.get(city_id, now)
  local entry <const> = entries[city_id]
  if entry == nil then
    return nil, false
  end
  return entry, now - entry.stored < FRESH_SECONDS
end

function M.put(city_id, forecast, now)
  entries[city_id] = { stored = now, forecast = forecast }
end

return M
`;

const FIXED_CITY = `-- Knows the one city whose weather is shown.

local M = {}

--- The city that is shown.
function M.current()
  return { id = "berlin", name = "Berlin", country = "Germany" }
end

return M
`;

const WEATHER_WITHOUT_CITIES: readonly Step[] = [
  removeFiles('assets/cities.rml', 'assets/cities.rcss', `${SCRIPTS}/cities_screen.lua`),
  put(`${SCRIPTS}/cache.lua`, MEMORY_CACHE),
  put(`${SCRIPTS}/cities.lua`, FIXED_CITY),
  cut('assets/frame.rml', '      <button id="nav-cities" class="nav-item"></button>\n'),
  cutBetween(`${SCRIPTS}/page.lua`, '  { id = "nav-cities"', '}\n\n--- Runs a function once'),
  cutBetween(`${SCRIPTS}/page.lua`, '--- Opens the first screen.', 'return M\n'),
  cut(`${SCRIPTS}/api.lua`, 'local MAX_CITIES <const> = 20\n'),
  cutBetween(`${SCRIPTS}/api.lua`, 'local function parse_cities(', '--- Reads a response with a parser'),
  cutBetween(`${SCRIPTS}/api.lua`, '--- Asks for cities by the beginning', 'return M\n'),
  cut(`${SCRIPTS}/forecast_screen.lua`, '  cache.sweep(now)\n'),
  cutBetween(`${SCRIPTS}/forecast_screen.lua`, '  page.set_class("now", "hidden"', '  page.text("screen-title"'),
  replaceOnce(`${SCRIPTS}/forecast_screen.lua`, 'of the chosen city', 'of one city'),
  cutBetween('assets/theme.rcss', '.secondary {', '.hidden {'),
  cutBetween('assets/theme.rcss', '.hidden {', '@media'),
  removeTexts('nav.cities', 'cities.', 'forecast.no_city'),
];

/** The Weather app: 1.0.0 shows one city and stores nothing, 1.1.0 saves cities, 1.2.0 has units and French. */
export const WEATHER_HISTORY: SampleHistory = {
  folder: 'weather',
  packageId: 'com.example.weather',
  earlier: [
    earlier(
      {
        version: '1.0.0',
        versionCode: 10,
        releaseNotes: 'The first version: the weather of the next days in Berlin. In English and German.',
      },
      [...WEATHER_WITHOUT_SETTINGS, ...WEATHER_WITHOUT_CITIES],
      { description: 'The weather of the next days in Berlin.', permissions: ['network'] },
    ),
    earlier(
      {
        version: '1.1.0',
        versionCode: 11,
        releaseNotes: 'Choose your own cities. Asks for storage to keep them and the last forecast on the phone.',
      },
      WEATHER_WITHOUT_SETTINGS,
    ),
  ],
  newest: {
    version: '1.2.0',
    versionCode: 12,
    releaseNotes: 'Fahrenheit and miles for those who want them, and the app in French.',
  },
};

/** Every sample app. */
export const SAMPLE_HISTORIES: readonly SampleHistory[] = [NOTES_HISTORY, WEATHER_HISTORY];
