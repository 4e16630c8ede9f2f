/** Owns the judgement of calls by what is called and with what. It walks no tree: it is given the arguments' values. */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import { printable } from '../text.ts';
import type { Expression } from './ast.ts';
import type { Evaluator } from './evaluate.ts';
import { isLibrary } from './globals.ts';
import type { Judge } from './judge.ts';
import { checkDocument, checkMarkupCall, loadsDocument } from './markup-calls.ts';
import { memberNames } from './members.ts';
import { checkHost } from './network.ts';
import { NAVIGATE, takesUrl } from './platform-api.ts';
import { mustBeFollowed, NIL, nameOf, platformIn, type Value } from './values.ts';
import type { Role } from './walk.ts';

/** Functions whose first argument stays in sight. */
const FOLLOWS_FIRST: ReadonlySet<string> = new Set([
  ...['rawget', 'rawset', 'setmetatable', 'getmetatable', 'assert', 'pcall', 'xpcall', 'table.concat'],
]);

/** How a call of this global uses its argument at `i`. */
export function argumentRole(callee: string, i: number): Role {
  return i === 0 && FOLLOWS_FIRST.has(callee) ? 'follow' : 'escape';
}

export class Calls {
  private readonly judge: Judge;
  private readonly evaluator: Evaluator;
  /** The path of the package file that a `require` means, or null. */
  private readonly resolveModule: (name: string) => string | null;

  constructor(judge: Judge, evaluator: Evaluator, resolveModule: (name: string) => string | null) {
    this.judge = judge;
    this.evaluator = evaluator;
    this.resolveModule = resolveModule;
  }

  /** Judges a call of a global by its arguments. */
  called(path: string, nodes: readonly Expression[], args: readonly Value[], at: number): void {
    const { report } = this.judge;
    const [first = NIL, second = NIL] = args;
    if (path === 'require') this.required(first, at);
    else if (path === 'rawget') this.judge.unreadableKey(first, second, at);
    else if (path === 'rawset') this.judge.write(first, second, at);
    else if (path === 'setmetatable' && mustBeFollowed(first))
      report.add(LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE, `${nameOf(first)} gets a metatable.`, at);
    else if (path === 'getmetatable') this.metatable(first, at);
    else if (path === 'table.concat') this.judge.used(first, 'escape', at);
    else if (path === 'pcall' || path === 'xpcall') this.protectedCall(path, nodes, args, at);
    else this.platform(path, first, at);
  }

  /** Judges the first argument of a call of the platform's API. */
  platform(path: string, first: Value, at: number): void {
    if (takesUrl(path)) checkHost(path, first, at, this.judge.report);
    else if (path === NAVIGATE) checkDocument(first, at, this.judge.report);
  }

  /** Judges a call of a method of something, whose function is known where it is the app's own. */
  method(name: string, callee: Value, args: readonly Value[], at: number): void {
    checkMarkupCall(name, args, true, at, this.judge.report);
    if (loadsDocument(name) && callee.kind !== 'function') checkDocument(args[0] ?? NIL, at, this.judge.report);
  }

  private metatable(of: Value, at: number): void {
    if (of.kind === 'string')
      this.judge.report.add(LUA_CATALOGUE.LUA_STRING_METATABLE, 'The metatable of strings is reached.', at);
    else this.judge.used(of, 'escape', at);
  }

  private protectedCall(path: string, nodes: readonly Expression[], args: readonly Value[], at: number): void {
    const callee = args[0];
    const skip = path === 'pcall' ? 1 : 2;
    const node = nodes[0];
    if (callee === undefined || node === undefined) return;
    this.named(node, args.slice(skip), at);
    if (mustBeFollowed(callee) || platformIn(callee) !== null) this.passedTo(callee, node);
    if (callee.kind !== 'global' || callee.path === 'pcall' || callee.path === 'xpcall') return;
    this.called(callee.path, nodes.slice(skip), args.slice(skip), at);
    if (callee.path === 'getmetatable') this.judge.used(callee, 'escape', at);
    if (callee.path !== 'require') return;
    // What the module gives would come back as a second result, which is not followed.
    const value = this.evaluator.called(callee, args.slice(skip));
    this.judge.reached(value, at);
    this.judge.used(value, 'escape', node.at);
  }

  /** A function that is called is in sight unless what it gives would come back as a second result. */
  private passedTo(callee: Value, node: Expression): void {
    if (mustBeFollowed(callee) || callee.kind !== 'global') this.judge.used(callee, 'escape', node.at);
  }

  private required(name: Value, at: number): void {
    if (name.kind !== 'string' || !name.whole || name.computed) {
      this.judge.report.add(LUA_CATALOGUE.LUA_REQUIRE_DYNAMIC, 'What this "require" loads cannot be read.', at);
      return;
    }
    if (isLibrary(name.text) || this.resolveModule(name.text) !== null) return;
    const message = `No file of the package is "${printable(name.text)}".`;
    this.judge.report.add(LUA_CATALOGUE.LUA_REQUIRE_MISSING, message, at);
  }

  /** Judges a call of `callee` that gets its receiver as the first argument, by whatever name and with or without `pcall`. */
  named(callee: Expression, args: readonly Value[], at: number): void {
    const isPlain = callee.type === 'index' && callee.key.type === 'string';
    for (const name of memberNames(callee, this.evaluator)) {
      checkMarkupCall(name, args.slice(1), isPlain && name === callee.key.value, at, this.judge.report);
      if (!loadsDocument(name) || this.evaluator.value(callee).kind === 'function') continue;
      // A function of the host's own takes no receiver.
      const path = args[0]?.kind === 'string' ? args[0] : (args[1] ?? args[0]);
      checkDocument(path ?? NIL, at, this.judge.report);
    }
  }
}
