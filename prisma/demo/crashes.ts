/** Owns the faults that the demo's devices run into: messages and Lua tracebacks as Mosis would report them. */
import { NOTES_HISTORY, WEATHER_HISTORY } from '../../samples/history.ts';

interface Crash {
  readonly crash_type: 'lua_error' | 'out_of_memory' | 'not_responding' | 'native_crash';
  readonly message: string;
  readonly stack_trace: string;
  readonly context: { readonly screen: string; readonly memory_mb: number; readonly uptime_seconds: number };
}

/** The body of one POST to `/v1/telemetry/crash`. */
export interface CrashReport extends Crash {
  readonly report_id: string;
  readonly app_id: string;
  readonly app_version: string;
  readonly version_code: number;
  readonly mosis_version: string;
  readonly device_id: string;
  readonly timestamp: string;
}

interface Fault {
  readonly packageId: string;
  /** Versions that have it. */
  readonly versions: readonly string[];
  /** How likely one session ends in it. */
  readonly likelihood: number;
  readonly crash: (chance: () => number) => Crash;
}

function traceback(...frames: readonly string[]): string {
  return ['stack traceback:', ...frames.map((frame) => `\t${frame}`), '\t[C]: in ?'].join('\n');
}

function whole(from: number, to: number, chance: () => number): number {
  return Math.floor(from + (to - from) * chance());
}

const FAULTS: readonly Fault[] = [
  {
    packageId: NOTES_HISTORY.packageId,
    versions: ['1.1.0', '1.2.0'],
    likelihood: 0.018,
    crash: (chance) => ({
      crash_type: 'lua_error',
      message: "assets/scripts/search.lua:58: attempt to index a nil value (local 'hit')",
      stack_trace: traceback(
        "assets/scripts/search.lua:58: in local 'rank'",
        "assets/scripts/search.lua:91: in function 'scripts.search.find'",
        "assets/scripts/search_screen.lua:34: in upvalue 'show'",
        'assets/scripts/search_screen.lua:52: in function <assets/scripts/search_screen.lua:49>',
      ),
      context: { screen: 'search', memory_mb: whole(22, 31, chance), uptime_seconds: whole(20, 400, chance) },
    }),
  },
  {
    packageId: NOTES_HISTORY.packageId,
    versions: ['1.2.0', '1.3.1'],
    likelihood: 0.005,
    crash: (chance) => ({
      crash_type: 'not_responding',
      message: 'the app did not answer for 5000 ms',
      stack_trace: traceback(
        "assets/scripts/store.lua:94: in function 'scripts.store.all'",
        "assets/scripts/list_screen.lua:27: in upvalue 'show_notes'",
        'assets/scripts/list_screen.lua:61: in function <assets/scripts/list_screen.lua:58>',
      ),
      context: { screen: 'list', memory_mb: whole(58, 90, chance), uptime_seconds: whole(5, 60, chance) },
    }),
  },
  {
    packageId: NOTES_HISTORY.packageId,
    versions: ['1.3.1'],
    likelihood: 0.009,
    crash: (chance) => ({
      crash_type: 'lua_error',
      message: `assets/scripts/tags_screen.lua:19: bad argument #1 to 'format' (number expected, got nil) in tag '${whole(1, 99, chance)}'`,
      stack_trace: traceback(
        "[C]: in function 'string.format'",
        'assets/scripts/tags_screen.lua:19: in function <assets/scripts/tags_screen.lua:9>',
      ),
      context: { screen: 'tags', memory_mb: whole(21, 28, chance), uptime_seconds: whole(8, 200, chance) },
    }),
  },
  {
    packageId: WEATHER_HISTORY.packageId,
    versions: ['1.0.0'],
    likelihood: 0.022,
    crash: (chance) => ({
      crash_type: 'lua_error',
      message: "assets/scripts/api.lua:47: attempt to compare number with nil (field 'temperature_c')",
      stack_trace: traceback(
        "assets/scripts/api.lua:47: in local 'parse_forecast'",
        "assets/scripts/api.lua:71: in local 'parse'",
        'assets/scripts/api.lua:66: in function <assets/scripts/api.lua:57>',
      ),
      context: { screen: 'forecast', memory_mb: whole(24, 33, chance), uptime_seconds: whole(1, 15, chance) },
    }),
  },
  {
    packageId: WEATHER_HISTORY.packageId,
    versions: ['1.0.0', '1.2.0'],
    likelihood: 0.004,
    crash: (chance) => ({
      crash_type: 'out_of_memory',
      message: 'not enough memory: 64 MB are allowed',
      stack_trace: traceback(
        "assets/scripts/markup.lua:12: in function 'scripts.markup.escape'",
        "assets/scripts/forecast_screen.lua:40: in upvalue 'show_days'",
        'assets/scripts/forecast_screen.lua:77: in function <assets/scripts/forecast_screen.lua:70>',
      ),
      context: { screen: 'forecast', memory_mb: 64, uptime_seconds: whole(600, 9_000, chance) },
    }),
  },
];

/** How this session of this version crashes, or null. */
export function crashesOf(packageId: string, version: string, chance: () => number): Crash | null {
  for (const fault of FAULTS) {
    if (fault.packageId !== packageId || !fault.versions.includes(version)) continue;
    if (chance() < fault.likelihood) return fault.crash(chance);
  }
  return null;
}
