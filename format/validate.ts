/**
 * Owns the one validation of a package that server, CLI and device share: container, then checks in order. It knows nothing of
 * apps, keys that are pinned, or codes that are spent (docs/PACKAGE_FORMAT.md, context rules). Node only.
 */
import type { Check, PackageContents } from './check.ts';
import { ARCHIVE_CHECK_NAME } from './checks/archive.ts';
import { CHECKS, RULE_SET_VERSION } from './checks/registry.ts';
import { signatureVerdict } from './checks/signature.ts';
import { capFindings } from './finding-list.ts';
import type { Finding } from './findings.ts';
import { contentsFromFiles } from './folder.ts';
import { PACKAGE_LIMITS, type PackageLimits } from './limits.ts';
import type { Manifest } from './manifest.ts';
import { type FileRecord, type PackageReading, readPackage, readPackageBytes } from './reader.ts';

/** Called while checks run, in order; what a hook throws ends the validation with that error. */
export interface CheckHooks {
  readonly onCheckStart?: (check: string) => void;
  readonly onFinding?: (found: Finding, check: string) => void;
  readonly onCheckEnd?: (check: string, findings: readonly Finding[]) => void;
}

export interface RunOptions extends CheckHooks {
  /** The checks to run, in order; all of the registry unless given. */
  readonly checks?: readonly Check[];
  /** Stops before the next check. */
  readonly signal?: AbortSignal;
}

export interface ValidateOptions extends RunOptions {
  /** May only be lower than the format's own (`lowerLimits`). */
  readonly limits?: PackageLimits;
}

export interface ValidationResult {
  /** No finding is an error. */
  readonly accepted: boolean;
  readonly findings: readonly Finding[];
  readonly manifest: Manifest | null;
  readonly files: readonly FileRecord[];
  /** Of the package file; null for a folder, or when the file is too large to be read. */
  readonly sha256: string | null;
  /** Bytes of the package file; null for a folder. */
  readonly size: number | null;
  /** Key of a signature that verifies, else null. */
  readonly keyId: string | null;
  readonly signed: boolean;
  readonly ruleSet: number;
}

/** Runs checks over contents that were read; findings of each check are capped and policy findings name the rule set. */
export async function runChecks(contents: PackageContents, options: RunOptions = {}): Promise<Finding[]> {
  const all: Finding[] = [];
  for (const check of options.checks ?? CHECKS) {
    options.signal?.throwIfAborted();
    options.onCheckStart?.(check.name);
    const capped = capFindings(await check.run(contents), PACKAGE_LIMITS.maxFindings);
    const findings =
      check.kind === 'format' ? capped : capped.map((found) => ({ ...found, ruleSet: RULE_SET_VERSION }));
    report(check.name, findings, options);
    all.push(...findings);
  }
  return all;
}

function report(check: string, findings: readonly Finding[], hooks: CheckHooks): void {
  for (const found of findings) hooks.onFinding?.(found, check);
  hooks.onCheckEnd?.(check, findings);
}

/** Format and policy rules over the package at `path`. Throws only when the file cannot be read or a hook throws. */
export function validatePackage(path: string, options: ValidateOptions = {}): Promise<ValidationResult> {
  return validate(() => readPackage(path, options.limits), options);
}

/** The same for a package in memory. */
export function validatePackageBytes(bytes: Uint8Array, options: ValidateOptions = {}): Promise<ValidationResult> {
  return validate(() => readPackageBytes(bytes, options.limits), options);
}

/** The same for loose files by relative path, as a package built of them would be judged. */
export function validateFiles(
  files: ReadonlyMap<string, Uint8Array>,
  options: ValidateOptions = {},
): Promise<ValidationResult> {
  return validate(() => contentsFromFiles(files, options.limits), options);
}

const FORMAT_CHECKS = CHECKS.filter((check) => check.kind === 'format');

/** Format rules only: the verdict that is the same on server, CLI and device, whatever the rule set. */
export function formatVerdict(path: string, options: ValidateOptions = {}): Promise<ValidationResult> {
  return validatePackage(path, { ...options, checks: FORMAT_CHECKS });
}

/** `formatVerdict` for a package in memory. */
export function formatVerdictOfBytes(bytes: Uint8Array, options: ValidateOptions = {}): Promise<ValidationResult> {
  return validatePackageBytes(bytes, { ...options, checks: FORMAT_CHECKS });
}

type Reading = Pick<PackageReading, 'contents' | 'entries' | 'findings'> &
  Partial<Pick<PackageReading, 'size' | 'sha256'>>;

async function validate(read: () => Reading | Promise<Reading>, options: ValidateOptions): Promise<ValidationResult> {
  options.signal?.throwIfAborted();
  options.onCheckStart?.(ARCHIVE_CHECK_NAME);
  const reading = await read();
  report(ARCHIVE_CHECK_NAME, reading.findings, options);
  const { contents } = reading;
  const findings = [...reading.findings, ...(contents === null ? [] : await runChecks(contents, options))];
  const verdict = contents === null ? null : signatureVerdict(contents);
  const keyId = verdict?.ok === true ? verdict.keyId : null;
  return {
    accepted: findings.every((found) => found.severity !== 'error'),
    findings,
    manifest: contents?.manifest ?? null,
    files: reading.entries,
    sha256: reading.sha256 ?? null,
    size: reading.size ?? null,
    keyId,
    signed: keyId !== null,
    ruleSet: RULE_SET_VERSION,
  };
}
