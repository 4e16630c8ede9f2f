/** Owns the ordered list of checks. A new check is added here and nowhere else. */
import type { Check } from '../check.ts';
import { contentsCheck } from './contents.ts';
import { iconsCheck } from './icons.ts';
import { localesCheck } from './locales.ts';
import { luaCheck } from './lua.ts';
import { manifestCheck } from './manifest.ts';
import { rcssCheck } from './rcss.ts';
import { rmlCheck } from './rml.ts';
import { secretsCheck } from './secrets.ts';
import { signatureCheck } from './signature.ts';
import { unusedCheck } from './unused.ts';

/** Raised whenever a policy check changes what it finds; every policy finding names it. */
export const RULE_SET_VERSION = 3;

/** Format rules first, then policy, cheap checks before dear ones; the timeline shows this order. */
export const CHECKS: readonly Check[] = [
  manifestCheck,
  contentsCheck,
  signatureCheck,
  iconsCheck,
  localesCheck,
  rmlCheck,
  rcssCheck,
  unusedCheck,
  secretsCheck,
  luaCheck,
];
