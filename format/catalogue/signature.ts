/** Owns the catalogue entries for the signature, docs/PACKAGE_FORMAT.md §4. */
import { defineCatalogue } from '../findings.ts';

export const SIGNATURE_CATALOGUE = defineCatalogue({
  SIGNATURE_MISSING: {
    severity: 'notice',
    title: 'Package is not signed',
    why: 'An unsigned package can be tried out, but not submitted: nothing proves who made it.',
    fix: 'Sign it with `mosis sign`.',
    bad: 'a package without signature.sig',
    good: 'a package with signature.sig',
    section: '4',
  },
  SIGNATURE_MALFORMED: {
    severity: 'error',
    title: 'signature.sig is malformed',
    why: 'A signature file that leaves room for interpretation is no proof.',
    fix: 'Sign the package again with `mosis sign`.',
    bad: 'a signature.sig with a fifth key, or base64 with spaces',
    good: 'the four keys that `mosis sign` writes',
    section: '4',
  },
  SIGNATURE_FORMAT_UNKNOWN: {
    severity: 'error',
    title: 'Unknown signature format',
    why: 'The format says which bytes were signed.',
    fix: 'Sign the package with a `mosis` that writes mosis-package-v1.',
    bad: '"format": "mosis-package-v9"',
    good: '"format": "mosis-package-v1"',
    section: '4',
  },
  SIGNATURE_KEY_ID_MISMATCH: {
    severity: 'error',
    title: "keyId is not the key's",
    why: 'The key id is the hash of the public key; another one would let a key pass for a pinned one.',
    fix: 'Sign the package again with `mosis sign`.',
    bad: 'the keyId of another key',
    good: 'SHA256: and the hash of publicKey',
    section: '4',
  },
  SIGNATURE_KEY_WEAK: {
    severity: 'error',
    title: 'Public key is not safe',
    why: 'For points of small or mixed order signatures can be forged, or verify on one device and not on another.',
    fix: 'Make a new key with `mosis keys generate`.',
    bad: 'a public key of 32 zero bytes',
    good: 'a key made by `mosis keys generate`',
    section: '4',
  },
  SIGNATURE_INVALID: {
    severity: 'error',
    title: 'Signature does not verify',
    why: 'A file was changed, added or removed after signing, or the signature was made by another key.',
    fix: 'Sign the package again with `mosis sign` after the last change.',
    bad: 'a file edited after `mosis sign`',
    good: 'sign, then submit',
    section: '4',
  },
});
