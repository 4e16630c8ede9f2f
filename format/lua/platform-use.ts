/** Owns what the code does with the platform's API: which permissions it uses, and where that cannot be read. */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type { Permission } from '../permissions.ts';
import { printable } from '../text.ts';
import { PLATFORM_GLOBAL, permissionOf, takesUrl } from './platform-api.ts';
import type { LuaReport } from './report.ts';

/** What one piece of Lua told besides its findings. */
export interface LuaFacts {
  /** The first use of each permission's API, as an offset. */
  readonly permissions: Map<Permission, { readonly at: number; readonly api: string }>;
  /** Whether the platform's API is reached in a way that does not tell which part. */
  platformUnclear: boolean;
}

export class PlatformUse {
  readonly facts: LuaFacts = { permissions: new Map(), platformUnclear: false };
  private readonly report: LuaReport;

  constructor(report: LuaReport) {
    this.report = report;
  }

  /** Notes that a part of the API was reached. */
  reached(part: string, at: number): void {
    const permission = permissionOf(part);
    if (permission === undefined)
      this.report.add(LUA_CATALOGUE.LUA_PLATFORM_UNKNOWN, `"mosis.${printable(part)}" is no part of the API.`, at);
    else if (permission !== null && !this.facts.permissions.has(permission))
      this.facts.permissions.set(permission, { at, api: `${PLATFORM_GLOBAL}.${part}` });
  }

  /** Judges a key of the API, or of a part of it, that cannot be read. */
  unreadableKey(path: string, at: number): void {
    if (path === PLATFORM_GLOBAL) this.unclear(at);
    else if (takesUrl(`${path}.call`))
      this.report.add(LUA_CATALOGUE.LUA_NETWORK_HOST_DYNAMIC, `Which call of "${path}" this is cannot be read.`, at);
  }

  /** Judges that the API, or something of it, goes where it is not followed. */
  passedOn(path: string, at: number): void {
    if (path === PLATFORM_GLOBAL) this.unclear(at);
    else if (takesUrl(path) || takesUrl(`${path}.call`))
      this.report.add(
        LUA_CATALOGUE.LUA_NETWORK_HOST_DYNAMIC,
        `"${printable(path)}" is passed on, so its host cannot be read.`,
        at,
      );
  }

  private unclear(at: number): void {
    this.facts.platformUnclear = true;
    this.report.add(
      LUA_CATALOGUE.LUA_PLATFORM_DYNAMIC,
      `Which part of "${PLATFORM_GLOBAL}" is used cannot be read.`,
      at,
    );
  }
}
