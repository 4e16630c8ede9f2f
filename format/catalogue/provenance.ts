/** Owns the catalogue entries for where a package comes from: what it shares with apps of other people. Servers alone can tell. */
import { defineCatalogue } from '../findings.ts';

export const PROVENANCE_CATALOGUE = defineCatalogue({
  PROVENANCE_FILE_SHARED: {
    severity: 'warning',
    title: "A file is one of another developer's published app",
    why: "Copied apps carry the original's files. The same bytes under another developer's name may be agreed upon, but a person asks first.",
    fix: 'If you may use the file, say so in the release notes: a reviewer reads them. Else replace it by your own.',
    bad: 'assets/scripts/engine.lua, byte for byte that of com.other.game',
    good: 'Your own engine.lua, or one of a library that many apps carry',
    section: '6',
  },
  PROVENANCE_FILE_COMMON: {
    severity: 'notice',
    title: 'Files that many developers carry',
    why: 'A file in the published apps of more than five developers is a library, a font or an icon of a set: it proves no copying.',
    fix: 'Nothing is asked of you. Make sure that its licence lets you ship it.',
    bad: 'assets/lib/json.lua, which apps of 40 developers carry',
    good: 'The same: this only informs',
    section: '6',
  },
  PROVENANCE_NAME_SIMILAR: {
    severity: 'warning',
    title: "The name looks like that of another developer's published app",
    why: 'People find apps by name. One that differs by a look-alike letter, a space or a typing slip is taken for the other.',
    fix: 'Choose a name that cannot be mistaken. If both are yours or you agreed, say so in the release notes: a reviewer reads them.',
    bad: '"name": "Tide TabIes" (with a capital I) beside "Tide Tables" of somebody else',
    good: '"name": "Harbour Tides"',
    section: '3',
  },
  PROVENANCE_NAME_COMMON: {
    severity: 'notice',
    title: 'Many developers use this name',
    why: "A name that apps of more than five developers have describes a kind of app, and is nobody's own.",
    fix: 'Nothing is asked of you. A name of its own is easier to find.',
    bad: '"name": "Calculator"',
    good: '"name": "Abacus Nine"',
    section: '3',
  },
  PROVENANCE_ID_SIMILAR: {
    severity: 'warning',
    title: "The package id looks like that of another developer's published app",
    why: 'A package id claims a domain. The same one under another top level, or with a letter changed, is how a copy passes for the original.',
    fix: 'Use a domain of your own. If the other app is yours too, say so in the release notes: a reviewer reads them.',
    bad: 'org.acme.notes or com.acrne.notes, where com.acme.notes is of somebody else',
    good: 'com.yourname.notes',
    section: '3',
  },
});
