/** Owns the catalogue entries for icons, RML, RCSS and locales, docs/PACKAGE_FORMAT.md §2, §3 and §6. */
import { defineCatalogue } from '../findings.ts';

/** What several of them find. */
const SHARED = defineCatalogue({
  ASSET_TOO_LARGE: {
    severity: 'error',
    title: 'Text file too large to check',
    why: 'The checks bound their work; what they do not read cannot be approved.',
    fix: 'Split the file.',
    bad: 'assets/main.rml with 6 MiB',
    good: 'assets/main.rml with 40 KiB',
    section: '6',
  },
});

export const ICON_CATALOGUE = defineCatalogue({
  ICON_NOT_PNG: {
    severity: 'error',
    title: 'Icon is not a PNG that decodes',
    why: 'A damaged or disguised image fails on the device, or attacks its decoder.',
    fix: 'Export the icon again as a PNG.',
    bad: 'a JPEG named icon.png, or a PNG cut off in the middle',
    good: 'a PNG that any viewer opens without a message',
    section: '6',
  },
  ICON_SIZE: {
    severity: 'error',
    title: 'Icon has the wrong size',
    why: 'Each icon is shown at exactly its size; another one would be blurred or cropped.',
    fix: 'Export the icon as a square of as many pixels as its key says.',
    bad: '"64": "icons/64.png"  -- 60 by 64 pixels',
    good: '"64": "icons/64.png"  -- 64 by 64 pixels',
    section: '3',
  },
  ICON_64_MISSING: {
    severity: 'warning',
    title: 'No icon of 64 pixels',
    why: 'A version without it cannot be submitted: the home screen and the store need it.',
    fix: 'Add "64" to "icons" in manifest.json.',
    bad: '"icons": { "32": "icons/32.png" }',
    good: '"icons": { "32": "icons/32.png", "64": "icons/64.png" }',
    section: '3',
  },
});

export const RML_CATALOGUE = {
  ...SHARED,
  ...defineCatalogue({
    RML_SYNTAX: {
      severity: 'error',
      title: 'RML does not parse',
      why: 'A document that RmlUi has to guess about looks different on the next version, or does not open.',
      fix: 'Correct the markup at the place shown: close every element, in order.',
      bad: '<body><p>Hello</body>',
      good: '<body><p>Hello</p></body>',
      section: '6',
    },
    RML_REFERENCE_MISSING: {
      severity: 'error',
      title: 'RML refers to a file that is not in the package',
      why: 'The device loads nothing from outside of the package, so the style, script or image is missing there.',
      fix: 'Add the file, or correct the path: relative to the document, or from the root with a leading "/".',
      bad: '<link type="text/rcss" href="style.rcss"/>  -- the file is styles/main.rcss',
      good: '<link type="text/rcss" href="styles/main.rcss"/>',
      section: '6',
    },
    RML_REFERENCE_TYPE: {
      severity: 'error',
      title: 'RML loads a file of another type',
      why: 'A file is checked by its type: a script that is not called .lua would run unchecked.',
      fix: 'Give scripts the extension .lua, templates .rml and style sheets .rcss.',
      bad: '<script src="notes.txt"/>',
      good: '<script src="notes.lua"/>',
      section: '6',
    },
    RML_TEMPLATE_MISSING: {
      severity: 'error',
      title: 'Template is not in the package',
      why: 'A document whose template is missing has no body.',
      fix: 'Add an RML file with <template name="…">, or correct the name.',
      bad: '<body template="window">  -- no file has that template',
      good: '<template name="window" content="content">…</template>',
      section: '6',
    },
    RML_REFERENCE_DYNAMIC: {
      severity: 'notice',
      title: 'Reference made by a data binding',
      why: 'Whether the file exists cannot be checked before the app runs.',
      fix: 'Nothing, if every value it can have is a file of the package.',
      bad: '<img data-attr-src="picture"/>',
      good: '<img src="/assets/images/picture.png"/>',
      section: '6',
    },
  }),
};

export const RCSS_CATALOGUE = {
  ...SHARED,
  ...defineCatalogue({
    RCSS_SYNTAX: {
      severity: 'error',
      title: 'RCSS does not parse',
      why: 'RmlUi drops what it cannot read, and the rules after it.',
      fix: 'Correct the sheet at the place shown.',
      bad: 'body { color: red',
      good: 'body { color: red; }',
      section: '6',
    },
    RCSS_REFERENCE_MISSING: {
      severity: 'error',
      title: 'RCSS refers to a file that is not in the package',
      why: 'The device loads nothing from outside of the package, so the font or image is missing there.',
      fix: 'Add the file, or correct the path: relative to the sheet, or from the root with a leading "/".',
      bad: '@font-face { src: fonts/missing.ttf; }',
      good: '@font-face { src: /assets/fonts/inter.ttf; }',
      section: '6',
    },
    SPRITE_MISSING: {
      severity: 'warning',
      title: 'Sprite is not defined',
      why: 'No @spritesheet of the package has a sprite of this name, so nothing is drawn.',
      fix: 'Define the sprite, or correct its name.',
      bad: 'p { decorator: image(icon-hom); }',
      good: '@spritesheet icons { src: icons.png; icon-home: 0px 0px 32px 32px; }',
      section: '6',
    },
  }),
};

export const LOCALE_CATALOGUE = {
  ...SHARED,
  ...defineCatalogue({
    LOCALE_NAME: {
      severity: 'error',
      title: 'Locale file has no language tag for a name',
      why: 'The device finds the table of its language by the name of the file.',
      fix: 'Name the file after a BCP 47 tag: a language, and a script or region after hyphens.',
      bad: 'locales/en_US.json, locales/german.json',
      good: 'locales/en-US.json, locales/de.json',
      section: '2',
    },
    LOCALE_JSON: {
      severity: 'error',
      title: 'Locale table is not JSON',
      why: 'The device cannot read the table, and shows keys instead of text.',
      fix: 'Correct the JSON at the place shown; no key may appear twice.',
      bad: '{ "title": "Notes", }',
      good: '{ "title": "Notes" }',
      section: '2',
    },
    LOCALE_NOT_FLAT: {
      severity: 'error',
      title: 'Locale table is not a flat table of texts',
      why: 'Texts are looked up by one key; a nested table, a number or a list is never found.',
      fix: 'Make it one object with text values; use dots in the keys for groups.',
      bad: '{ "menu": { "open": "Open" } }',
      good: '{ "menu.open": "Open" }',
      section: '2',
    },
    LOCALE_DEFAULT_MISSING: {
      severity: 'warning',
      title: 'Default locale has no table',
      why: 'Users of other languages get the default one; without it they see keys.',
      fix: 'Add the table, or set "default_locale" to one that exists.',
      bad: '"default_locale": "en"  -- only locales/de.json',
      good: '"default_locale": "de"  -- locales/de.json',
      section: '6',
    },
    LOCALE_KEY_MISSING: {
      severity: 'warning',
      title: 'Text is not translated',
      why: 'The default locale has this key, so the app uses it; here users see another language.',
      fix: 'Add the keys to this table.',
      bad: 'en.json: { "title": "Notes", "add": "Add" }, de.json: { "title": "Notizen" }',
      good: 'en.json: { "title": "Notes", "add": "Add" }, de.json: { "title": "Notizen", "add": "Neu" }',
      section: '6',
    },
    LOCALE_DEFAULT_KEY_MISSING: {
      severity: 'warning',
      title: 'Default locale lacks a text',
      why: 'Every other table has the key, so the app uses it; users of all other languages get the default one, and see the key.',
      fix: 'Add the key to the default table.',
      bad: 'en.json: { }, de.json: { "title": "Notizen" }, fr.json: { "title": "Notes" }',
      good: 'en.json: { "title": "Notes" }, de.json: { "title": "Notizen" }, fr.json: { "title": "Notes" }',
      section: '6',
    },
    LOCALE_PLACEHOLDER: {
      severity: 'warning',
      title: 'Placeholders differ from the default locale',
      why: 'The app fills in what the default text asks for; another number or kind of placeholders fails or shows braces in this language only.',
      fix: 'Use the same placeholders: those with % in the same order, those in braces by the same names.',
      bad: 'en.json: { "left": "%d of %s left" }, de.json: { "left": "%s: noch %d" }',
      good: 'en.json: { "left": "%d of %s left" }, de.json: { "left": "Noch %d von %s" }',
      section: '6',
    },
    LOCALE_KEY_EXTRA: {
      severity: 'notice',
      title: 'Text that the default locale does not have',
      why: 'The key is misspelt, or a leftover.',
      fix: 'Remove the key, or add it to the default locale.',
      bad: 'en.json: { "title": "Notes" }, de.json: { "titel": "Notizen" }',
      good: 'en.json: { "title": "Notes" }, de.json: { "title": "Notizen" }',
      section: '6',
    },
  }),
};
