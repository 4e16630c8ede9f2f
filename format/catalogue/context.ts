/** Owns the catalogue entries for context rules: what a package alone cannot say. */
import { defineCatalogue } from '../findings.ts';

export const CONTEXT_CATALOGUE = defineCatalogue({
  MANIFEST_ID_MISMATCH: {
    severity: 'error',
    title: "id is not the app's package id",
    why: 'A version belongs to exactly one app.',
    fix: 'Set id to the package id of the app, or upload to the right app.',
    bad: '"id": "com.example.other" in a version of com.example.app',
    good: '"id": "com.example.app"',
    section: '3',
  },
  MANIFEST_VERSION_CODE_USED: {
    severity: 'error',
    title: 'version_code does not rise',
    why: 'Devices install the highest code; a code that was submitted is spent for ever.',
    fix: 'Raise version_code above every earlier submitted version.',
    bad: '"version_code": 7 after 7 was submitted',
    good: '"version_code": 8',
    section: '3',
  },
  MANIFEST_ICON_64_MISSING: {
    severity: 'error',
    title: 'Icon "64" is required to submit',
    why: 'The store lists apps by this icon.',
    fix: 'Add a 64 by 64 PNG and name it under icons "64".',
    bad: '"icons": {}',
    good: '"icons": {"64": "assets/icon-64.png"}',
    section: '3',
  },
  SIGNATURE_REQUIRED: {
    severity: 'error',
    title: 'Signature is required to submit',
    why: 'Devices install only packages whose maker is proven.',
    fix: 'Sign the package with `mosis sign`.',
    bad: 'submitting without signature.sig',
    good: 'submitting a signed package',
    section: '4',
  },
  SIGNATURE_KEY_NOT_PINNED: {
    severity: 'error',
    title: 'Key is not pinned for this app',
    why: "Only keys of the app's pinned set may sign it, so that a stolen account alone cannot publish.",
    fix: 'Sign with a pinned key, or pin this key with `mosis keys pin`.',
    bad: 'a package signed by a new key',
    good: 'a package signed by a pinned key',
    section: '4',
  },
});
