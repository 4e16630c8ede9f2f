/** Owns the judgement of one value at one place: reached, used, written, passed on. It walks no tree. */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import { printable } from '../text.ts';
import type { Variable } from './ast.ts';
import { forbidden, replacesGlobal } from './globals.ts';
import { PLATFORM_GLOBAL, partOf } from './platform-api.ts';
import { PlatformUse } from './platform-use.ts';
import type { LuaReport } from './report.ts';
import { certainFieldName, isPlatform, mustBeFollowed, nameOf, platformIn, type Value } from './values.ts';
import type { Role } from './walk.ts';

/** Functions that the analysis lets have the table of globals, or reads through; they may not be replaced. */
const TRUSTED: ReadonlySet<string> = new Set(['rawget', 'rawset', 'assert', 'require', 'type', '_ENV', '_G']);

export class Judge {
  readonly report: LuaReport;
  readonly platform: PlatformUse;

  constructor(report: LuaReport) {
    this.report = report;
    this.platform = new PlatformUse(report);
  }

  /** Judges that a global was reached by its name or as a member. */
  reached(value: Value, at: number): void {
    if (value.kind !== 'global') return;
    const part = partOf(value.path);
    if (part !== null) {
      this.platform.reached(part, at);
      return;
    }
    const entry = forbidden(value.path);
    if (entry !== null) this.report.add(entry, `"${printable(value.path)}" is not available to apps.`, at);
  }

  /** Judges where a value goes, and gives it on. */
  used(value: Value, role: Role, at: number): Value {
    if (role === 'follow' || role === 'test' || value.kind === 'unknown') return value;
    if (value.kind === 'global' && value.path === 'require')
      this.report.add(LUA_CATALOGUE.LUA_REQUIRE_DYNAMIC, '"require" is passed on instead of called.', at);
    if (role === 'field') return value;
    if (mustBeFollowed(value)) this.escapes(value, at);
    else if (value.kind === 'global' && value.path === 'getmetatable')
      this.report.add(LUA_CATALOGUE.LUA_STRING_METATABLE, '"getmetatable" is passed on instead of called.', at);
    const platform = platformIn(value);
    if (platform !== null) this.platform.passedOn(platform, at);
    return value;
  }

  private escapes(value: Value, at: number): void {
    const message = `${nameOf(value)} goes where it cannot be followed.`;
    this.report.add(LUA_CATALOGUE.LUA_GLOBAL_TABLE_ESCAPE, message, at);
  }

  /** Judges a value that was read while it was being made, so that nobody knows what was read. */
  circle(value: Value, at: number): void {
    if (mustBeFollowed(value))
      this.report.add(
        LUA_CATALOGUE.LUA_GLOBAL_TABLE_ESCAPE,
        `${nameOf(value)} depends on itself here, so it cannot be followed.`,
        at,
      );
    const platform = platformIn(value);
    if (platform !== null) this.platform.passedOn(platform, at);
  }

  /** Reports a key that does not tell which member of a followed table it takes. */
  unreadableKey(base: Value, key: Value, at: number): void {
    const isRead = certainFieldName(key) !== null;
    if (mustBeFollowed(base) && (!isRead || base.kind === 'mixed')) {
      const name = base.kind === 'globals' ? 'the table of globals' : nameOf(base);
      this.report.add(LUA_CATALOGUE.LUA_GLOBAL_INDIRECT, `A key of ${name} cannot be read before it runs.`, at);
    } else if (isPlatform(base) && !isRead) this.platform.unreadableKey(base.path, at);
    else if (base.kind === 'table' && base.platform !== null && !isRead) this.platform.passedOn(base.platform, at);
  }

  /** Judges `base[key] = …`. */
  write(base: Value, key: Value, at: number): void {
    const isText = key.kind === 'string' && key.whole;
    if (base.kind === 'globals' && isText && !key.computed) this.replaced(key.text, at);
    else if (base.kind === 'global' && isText && !key.computed) this.replaced(`${base.path}.${key.text}`, at);
    else this.unreadableKey(base, key, at);
  }

  /** Judges that a global gets another value. */
  replaced(path: string, at: number): void {
    if (TRUSTED.has(path)) this.report.add(LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE, `"${path}" is replaced.`, at);
    else if (replacesGlobal(path))
      this.report.add(LUA_CATALOGUE.LUA_GLOBAL_SHADOWED, `"${printable(path)}" is replaced.`, at);
  }

  /** Judges what a local `_ENV` gets. */
  environment(value: Value, at: number): void {
    const isOwnTable = value.kind === 'table' && (value.trust === 'constant' || value.variable !== null);
    // No environment at all is a way to have every name refused that is not local.
    const readable = value.kind === 'nil' || value.kind === 'globals' || (isOwnTable && !value.sensitive);
    if (!readable)
      this.report.add(LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE, '"_ENV" gets a value that cannot be read here.', at);
  }

  /** Reports a local name that hides the platform's API. */
  shadows(variable: Variable): void {
    if (variable.name !== PLATFORM_GLOBAL) return;
    const message = `"${variable.name}" hides the platform's API here.`;
    this.report.add(LUA_CATALOGUE.LUA_GLOBAL_SHADOWED, message, variable.at);
  }
}
