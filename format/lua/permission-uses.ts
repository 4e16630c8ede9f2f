/** Owns the comparison of the permissions that a package's code uses with those that its manifest asks for. */

import type { Place, Places } from '../assets/places.ts';
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type { PackageContents } from '../check.ts';
import type { FindingList } from '../finding-list.ts';
import { PERMISSION_REGISTRY, type Permission } from '../permissions.ts';
import type { LuaFacts } from './platform-use.ts';

interface PermissionUse {
  readonly permission: Permission;
  readonly api: string;
  readonly place: Place;
}

export class PermissionUses {
  /** The first use of each permission in each file. */
  private readonly uses = new Map<string, PermissionUse>();
  private readonly used = new Set<Permission>();
  /** Whether some code could use what its text does not tell. */
  private unclear = false;

  /** Notes what one piece of Lua uses; null where it could not be read. */
  note(facts: LuaFacts | null, place: Places): void {
    if (facts === null || facts.platformUnclear) this.unclear = true;
    if (facts === null) return;
    for (const [permission, { at, api }] of facts.permissions) {
      const use = { permission, api, place: place(at) };
      const key = `${permission} ${use.place.file}`;
      if (!this.uses.has(key)) this.uses.set(key, use);
      this.used.add(permission);
    }
  }

  /** Reports each use without its permission where it is, and each permission without a use at the manifest. */
  check({ manifest }: PackageContents, found: FindingList): void {
    if (manifest === null) return;
    const declared = new Set<string>(manifest.permissions);
    for (const { permission, api, place } of this.uses.values())
      if (!declared.has(permission))
        found.add(LUA_CATALOGUE.LUA_PERMISSION_MISSING, `"${api}" needs the permission "${permission}".`, place);
    // What can't be read may use it; that has its own finding.
    if (this.unclear) return;
    for (const permission of manifest.permissions) {
      if (this.used.has(permission)) continue;
      const isDangerous = PERMISSION_REGISTRY[permission].level === 'dangerous';
      const entry = isDangerous ? LUA_CATALOGUE.PERMISSION_UNUSED_DANGEROUS : LUA_CATALOGUE.PERMISSION_UNUSED;
      found.add(entry, `Nothing uses the permission "${permission}".`, { file: 'manifest.json' });
    }
  }
}
