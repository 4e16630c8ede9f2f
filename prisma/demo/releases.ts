/** Owns which versions of the sample apps the demo publishes, and makes their signed packages. It talks to no server. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPackage } from '../../format/canonical.ts';
import { SIGNATURE_PATH } from '../../format/layout.ts';
import { signPackage } from '../../format/package-signature.ts';
import { NOTES_HISTORY, type SampleHistory, type SampleRelease, WEATHER_HISTORY } from '../../samples/history.ts';
import { replaceOnce, type Step, setManifest } from '../../samples/history-steps.ts';

type Files = Map<string, Uint8Array>;

/** One version as the demo uploads it. */
export interface DemoRelease extends SampleRelease {
  readonly build: (newest: Files) => Files;
}

export interface DemoApp {
  readonly folder: string;
  readonly packageId: string;
  readonly releases: readonly DemoRelease[];
}

function changed(release: SampleRelease, steps: readonly Step[]): DemoRelease {
  return {
    ...release,
    build(newest) {
      const files = new Map(newest);
      for (const step of steps) step(files);
      setManifest({ version: release.version, version_code: release.versionCode })(files);
      return files;
    },
  };
}

function addText(path: string, key: string, text: string): Step {
  return replaceOnce(
    path,
    '  "cities.saved":',
    `  ${JSON.stringify(key)}: ${JSON.stringify(text)},\n  "cities.saved":`,
  );
}

function ofSample({ folder, packageId, earlier }: SampleHistory, later: readonly DemoRelease[]): DemoApp {
  return { folder, packageId, releases: [...earlier, ...later] };
}

const TAGS_SCREEN = 'assets/scripts/tags_screen.lua';

/** What a developer left in by mistake: the checks refuse both places. */
const LEFT_OVERS: readonly Step[] = [
  replaceOnce(
    TAGS_SCREEN,
    '  page.label("tags-hint"',
    '  mosis.net.get("https://stats.example.com/tags?count=" .. #counted)\n  page.label("tags-hint"',
  ),
  replaceOnce(
    'assets/scripts/settings.lua',
    '  local stored <const> = mosis.storage.get("setting:" .. name)\n',
    '  local stored <const> = load("return " .. (mosis.storage.get("setting:" .. name) or "nil"))()\n',
  ),
];

/** Notes: three versions that went through, one the checks refused, its repair, and a draft. */
export const NOTES: DemoApp = ofSample(NOTES_HISTORY, [
  changed(NOTES_HISTORY.newest, LEFT_OVERS),
  changed(
    { ...NOTES_HISTORY.newest, version: '1.3.1', versionCode: 14 },
    // The repair is the sample as it is.
    [],
  ),
  changed({ version: '1.4.0', versionCode: 15, releaseNotes: 'Longer notes: a note may now have 40,000 characters.' }, [
    replaceOnce('assets/scripts/store.lua', 'M.BODY_LIMIT = 20000', 'M.BODY_LIMIT = 40000'),
  ]),
]);

const NEARBY_MODULE = `-- Asks the phone where it is, once, when the person wants it.

local M = {}

--- Calls back with the latitude and longitude as text, or nil and the key of a text.
function M.find(callback)
  mosis.location.current(function(place, err)
    if err ~= nil or place == nil then
      mosis.log.warn("no place: " .. tostring(err))
      return callback(nil, "error.place")
    end
    return callback(string.format("%.2f,%.2f", place.latitude, place.longitude))
  end)
end

return M
`;

const NEARBY: readonly Step[] = [
  (files) => void files.set('assets/scripts/nearby.lua', new TextEncoder().encode(NEARBY_MODULE)),
  replaceOnce(
    'assets/cities.rml',
    '    <p id="search-state"',
    '    <button id="nearby" class="secondary"></button>\n    <p id="search-state"',
  ),
  replaceOnce(
    'assets/scripts/cities_screen.lua',
    'local page <const> = require("scripts.page")\n',
    'local nearby <const> = require("scripts.nearby")\nlocal page <const> = require("scripts.page")\n',
  ),
  replaceOnce(
    'assets/scripts/cities_screen.lua',
    '  page.label("saved-heading", "cities.saved")\n',
    `  page.label("saved-heading", "cities.saved")
  page.label("nearby", "cities.nearby")
  page.on_click("nearby", function()
    nearby.find(function(place, problem)
      if place == nil then
        page.label("search-state", problem)
      else
        find(place)
      end
    end)
  end)
`,
  ),
  addText('locales/en.json', 'cities.nearby', 'Near me'),
  addText('locales/de.json', 'cities.nearby', 'In meiner Nähe'),
  addText('locales/fr.json', 'cities.nearby', 'Près de moi'),
  addText('locales/en.json', 'error.place', 'The phone does not know where it is.'),
  addText('locales/de.json', 'error.place', 'Das Telefon weiß nicht, wo es ist.'),
  addText('locales/fr.json', 'error.place', 'Le téléphone ne sait pas où il est.'),
  setManifest({ permissions: ['location', 'network', 'storage'] }),
];

/** Weather: a version that went through, one a reviewer refused, its repair, and one that waits for a reviewer. */
export const WEATHER: DemoApp = ofSample(WEATHER_HISTORY, [
  changed(WEATHER_HISTORY.newest, []),
  changed(
    {
      version: '1.3.0',
      versionCode: 13,
      releaseNotes: 'The weather where you are: tap "Near me". Asks for the location once, and stores none.',
    },
    NEARBY,
  ),
]);

/** The newest files of a sample by path. */
export async function readSample(folder: string): Promise<Files> {
  const root = fileURLToPath(new URL(`../../samples/${folder}`, import.meta.url));
  const files: Files = new Map();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(root, path).split(sep).join('/'), await readFile(path));
  }
  return files;
}

/** The canonical package of a release, signed. */
export function packRelease(release: DemoRelease, newest: Files, secretKey: Uint8Array): Uint8Array {
  const files = release.build(newest);
  files.set(SIGNATURE_PATH, signPackage(files, secretKey));
  return buildPackage(files);
}
