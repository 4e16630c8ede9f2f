/** Owns the ordered list of checks. A new check is added here and nowhere else. */
import type { Check } from '../check.ts';
import { contentsCheck } from './contents.ts';
import { manifestCheck } from './manifest.ts';
import { signatureCheck } from './signature.ts';

/** Raised whenever a policy check changes what it finds; every policy finding names it. */
export const RULE_SET_VERSION = 1;

/** Cheap checks first; what the timeline shows follows this order. */
export const CHECKS: readonly Check[] = [manifestCheck, contentsCheck, signatureCheck];
