/**
 * Owns the rules of docs/PACKAGE_FORMAT.md §6 about globals, over one syntax tree with bound names. It reads no file.
 *
 * The idea: a forbidden global is an error where it is read, whatever is then done with it. So only the tables that lead to
 * one (`_G`, `_ENV`, `os`, `string`) are followed, through locals and constructors, and where they go out of sight is an error.
 */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import { printable } from '../text.ts';
import type {
  AssignStatement,
  BinaryExpression,
  Block,
  CallExpression,
  Expression,
  IndexExpression,
  LocalStatement,
  MethodCallExpression,
  NameExpression,
  Statement,
  Variable,
} from './ast.ts';
import { constructorValue, Evaluator, literalValue } from './evaluate.ts';
import { forbidden, replacesGlobal } from './globals.ts';
import { Loops } from './loops.ts';
import { checkHost } from './network.ts';
import { checkLiteral, checkTable } from './packed.ts';
import { PLATFORM_GLOBAL, partOf, takesUrl } from './platform-api.ts';
import { PlatformUse } from './platform-use.ts';
import type { LuaReport } from './report.ts';
import {
  binaryValue,
  callValue,
  fieldName,
  GLOBALS,
  indexValue,
  isPlatform,
  mustBeFollowed,
  NIL,
  nameOf,
  sameTable,
  stringValue,
  UNKNOWN,
  unaryValue,
  type Value,
} from './values.ts';
import { type Role, Walk } from './walk.ts';

/** Functions that the analysis lets have the table of globals; they may not be replaced. */
const TRUSTED: ReadonlySet<string> = new Set(['rawget', 'rawset', '_ENV', '_G']);

export class Analysis extends Walk {
  readonly platform: PlatformUse;
  private readonly text: string;
  private readonly report: LuaReport;
  private readonly evaluator = new Evaluator();
  private readonly loops: Loops;
  /** The path of the package file that a `require` means, or null. */
  private readonly resolveModule: (name: string) => string | null;

  constructor(text: string, report: LuaReport, resolveModule: (name: string) => string | null) {
    super();
    this.text = text;
    this.report = report;
    this.platform = new PlatformUse(report);
    this.resolveModule = resolveModule;
    this.loops = new Loops(this.evaluator);
  }

  run(body: Block): void {
    this.block(body);
    if (this.evaluator.tooDeep)
      this.report.add(LUA_CATALOGUE.LUA_TOO_COMPLEX, 'A chain of local variables is too long to follow.', 0);
  }

  protected loop(node: Statement): void {
    if (this.loops.isEndless(node))
      this.report.add(LUA_CATALOGUE.LUA_ENDLESS_LOOP, 'This loop never ends and never yields.', node.at);
  }

  protected labels(body: Block): void {
    for (const at of this.loops.endlessGotos(body))
      this.report.add(LUA_CATALOGUE.LUA_ENDLESS_LOOP, 'This goto jumps back for ever without a yield.', at);
  }

  protected local(node: LocalStatement): void {
    const values = node.values.map((value, i) => {
      const variable = node.variables[i];
      return this.expression(value, variable !== undefined && isFollowed(variable, value) ? 'follow' : 'escape');
    });
    node.variables.forEach((variable, i) => {
      if (variable.name === '_ENV') this.environment(values[i] ?? NIL, variable.at);
      const value = values[i];
      if (variable.name === PLATFORM_GLOBAL && !(value !== undefined && isPlatform(value))) this.shadows(variable);
    });
  }

  private shadows(variable: Variable): void {
    this.report.add(
      LUA_CATALOGUE.LUA_GLOBAL_SHADOWED,
      `"${variable.name}" hides the platform's API here.`,
      variable.at,
    );
  }

  private environment(value: Value, at: number): void {
    const readable = value.kind === 'globals' || (value.kind === 'table' && !value.sensitive);
    if (!readable)
      this.report.add(LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE, '"_ENV" gets a value that cannot be read here.', at);
  }

  protected parameters(variables: readonly Variable[]): void {
    for (const variable of variables) {
      if (variable.name === '_ENV') this.environment(UNKNOWN, variable.at);
      else if (variable.name === PLATFORM_GLOBAL) this.shadows(variable);
    }
  }

  protected assign(node: AssignStatement): void {
    for (const target of node.targets) this.target(target);
    node.values.forEach((value, i) => {
      const target = node.targets[i];
      const variable = target?.type === 'name' ? target.variable : null;
      const followed = variable !== null && isFollowed(variable, value);
      this.expression(value, followed ? 'follow' : 'escape');
    });
  }

  private target(target: NameExpression | IndexExpression): void {
    if (target.type === 'name') {
      if (target.name === '_ENV')
        this.report.add(LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE, '"_ENV" is assigned.', target.at);
      else if (target.variable === null && target.environment === null) this.replaced(target.name, target.at);
      return;
    }
    const base = this.expression(target.base, 'follow');
    this.write(base, this.expression(target.key, 'escape'), target.at);
  }

  /** Judges `base[key] = …`. */
  private write(base: Value, key: Value, at: number): void {
    const isText = key.kind === 'string' && key.whole;
    if (base.kind === 'globals' && isText && !key.computed) this.replaced(key.text, at);
    else if (base.kind === 'global' && isText && !key.computed) this.replaced(`${base.path}.${key.text}`, at);
    else this.unreadableKey(base, key, at);
  }

  private replaced(path: string, at: number): void {
    if (TRUSTED.has(path)) this.report.add(LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE, `"${path}" is replaced.`, at);
    else if (replacesGlobal(path))
      this.report.add(LUA_CATALOGUE.LUA_GLOBAL_SHADOWED, `"${printable(path)}" is replaced.`, at);
  }

  /** Reports a key that does not tell which member of a followed table it takes. */
  private unreadableKey(base: Value, key: Value, at: number): void {
    const known = fieldName(key) !== null && !(key.kind === 'string' && key.computed);
    if (known || key.kind === 'boolean') return;
    if (mustBeFollowed(base)) {
      const name = base.kind === 'globals' ? 'the table of globals' : nameOf(base);
      this.report.add(LUA_CATALOGUE.LUA_GLOBAL_INDIRECT, `A key of ${name} cannot be read before it runs.`, at);
    } else if (isPlatform(base)) this.platform.unreadableKey(base.path, at);
  }

  protected expression(node: Expression, role: Role): Value {
    switch (node.type) {
      case 'name': {
        const value = this.evaluator.name(node);
        if (node.variable === null) this.reached(value, node.at);
        return this.used(value, role, node);
      }
      case 'index':
        return this.used(this.index(node), role, node);
      case 'call':
        return this.used(this.call(node), role, node);
      case 'method':
        return this.used(this.method(node), role, node);
      case 'paren':
        return this.expression(node.inner, role);
      case 'binary':
        return this.binary(node, role);
      case 'unary':
        return unaryValue(node.operator, this.expression(node.operand, 'test'));
      case 'table':
        return this.used(this.table(node), role, node);
      case 'function':
        this.parameters(node.parameters);
        this.block(node.body);
        return UNKNOWN;
      case 'string':
        checkLiteral(node, this.text, this.report);
        return stringValue(node.value);
      default:
        return literalValue(node);
    }
  }

  /** Judges that a global was reached by its name or as a member. */
  private reached(value: Value, at: number): void {
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
  private used(value: Value, role: Role, node: Expression): Value {
    if (role === 'follow' || role === 'test') return value;
    const leavesSight = role === 'escape' && mustBeFollowed(value);
    if (leavesSight)
      this.report.add(
        LUA_CATALOGUE.LUA_GLOBAL_TABLE_ESCAPE,
        `${nameOf(value)} goes where it cannot be followed.`,
        node.at,
      );
    else if (value.kind === 'global' && value.path === 'require')
      this.report.add(LUA_CATALOGUE.LUA_REQUIRE_DYNAMIC, '"require" is passed on instead of called.', node.at);
    else if (isPlatform(value)) this.platform.passedOn(value.path, node.at);
    return value;
  }

  private index(node: IndexExpression): Value {
    const base = this.expression(node.base, 'follow');
    const key = this.expression(node.key, 'escape');
    const value = indexValue(base, key);
    this.unreadableKey(base, key, node.at);
    if (base.kind !== 'table') this.reached(value, node.at);
    return value;
  }

  private binary(node: BinaryExpression, role: Role): Value {
    const { operator } = node;
    if (operator === 'or' || operator === 'and') {
      const left = this.expression(node.left, operator === 'and' ? 'test' : role);
      const right = this.expression(node.right, role);
      const hidden = operator === 'or' && mustBeFollowed(left) && mustBeFollowed(right) && !sameTable(left, right);
      if (hidden) this.used(right, 'escape', node.right);
      return binaryValue(operator, left, right);
    }
    // A metamethod of one operand gets the other, except where a literal makes that impossible.
    const plain = (operator === '==' || operator === '~=') && (isPlain(node.left) || isPlain(node.right));
    const part = plain ? 'test' : 'escape';
    return binaryValue(operator, this.expression(node.left, part), this.expression(node.right, part));
  }

  private table(node: Extract<Expression, { type: 'table' }>): Value {
    checkTable(node, this.report);
    const values = node.fields.map((field) => ({
      key: field.key === null ? null : this.expression(field.key, 'escape'),
      value: this.expression(field.value, 'field'),
    }));
    return constructorValue(node, values);
  }

  private call(node: CallExpression): Value {
    const callee = this.expression(node.callee, 'follow');
    if (callee.kind === 'table') this.used(callee, 'escape', node.callee);
    const path = callee.kind === 'global' ? callee.path : '';
    const args = node.args.map((argument, i) => this.expression(argument, argumentRole(path, i)));
    this.called(path, node.args, args, node.at);
    const value = callValue(callee, args);
    if (path === 'rawget' || path === 'require') this.reached(value, node.at);
    return value;
  }

  /** Judges a call of a global by its arguments. */
  private called(path: string, nodes: readonly Expression[], args: readonly Value[], at: number): void {
    const [first = NIL, second = NIL] = args;
    if (path === 'require') this.required(first, at);
    else if (path === 'rawget') this.unreadableKey(first, second, at);
    else if (path === 'rawset') this.write(first, second, at);
    else if (path === 'setmetatable' && mustBeFollowed(first))
      this.report.add(LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE, `${nameOf(first)} gets a metatable.`, at);
    else if (path === 'getmetatable' && first.kind === 'string')
      this.report.add(LUA_CATALOGUE.LUA_STRING_METATABLE, 'The metatable of strings is reached.', at);
    else if (path === 'pcall' || path === 'xpcall') this.protectedCall(path, nodes, args, at);
    else if (takesUrl(path)) checkHost(path, first, at, this.report);
  }

  private protectedCall(path: string, nodes: readonly Expression[], args: readonly Value[], at: number): void {
    const callee = args[0];
    const skip = path === 'pcall' ? 1 : 2;
    const node = nodes[0];
    if (callee === undefined || node === undefined) return;
    if (mustBeFollowed(callee)) this.used(callee, 'escape', node);
    if (callee.kind !== 'global' || callee.path === 'pcall' || callee.path === 'xpcall') return;
    this.called(callee.path, nodes.slice(skip), args.slice(skip), at);
    if (callee.path !== 'require') return;
    // The library would come back as a second result, which is not followed.
    const value = callValue(callee, args.slice(skip));
    this.reached(value, at);
    this.used(value, 'escape', node);
  }

  private required(name: Value, at: number): void {
    if (name.kind !== 'string' || !name.whole || name.computed) {
      this.report.add(LUA_CATALOGUE.LUA_REQUIRE_DYNAMIC, 'What this "require" loads cannot be read.', at);
      return;
    }
    if (callValue({ kind: 'global', path: 'require' }, [name]) !== UNKNOWN) return;
    if (this.resolveModule(name.text) === null)
      this.report.add(LUA_CATALOGUE.LUA_REQUIRE_MISSING, `No file of the package is "${printable(name.text)}".`, at);
  }

  private method(node: MethodCallExpression): Value {
    const base = this.expression(node.base, 'follow');
    if (base === GLOBALS || base.kind === 'table') this.used(base, 'escape', node.base);
    const key = stringValue(node.name);
    const callee = indexValue(base, key);
    const args = node.args.map((argument) => this.expression(argument, 'escape'));
    if (base.kind !== 'table') this.reached(callee, node.at);
    this.attribute(node.name, args[0] ?? NIL, node.at);
    if (callee.kind !== 'global') return UNKNOWN;
    if (takesUrl(callee.path)) checkHost(callee.path, args[0] ?? NIL, node.at, this.report);
    return base.kind === 'string' ? callValue(callee, [base, ...args]) : UNKNOWN;
  }

  /** RmlUi compiles the value of an event attribute, so setting one loads code. */
  private attribute(method: string, name: Value, at: number): void {
    if (!/^set_?attribute$/i.test(method) || name.kind !== 'string' || !/^on[a-z]/i.test(name.text)) return;
    this.report.add(LUA_CATALOGUE.LUA_MARKUP_CODE, `The event attribute "${printable(name.text, 40)}" is set.`, at);
  }
}

function argumentRole(callee: string, i: number): Role {
  if (i === 0 && ['rawget', 'rawset', 'setmetatable', 'assert', 'pcall', 'xpcall'].includes(callee)) return 'follow';
  return 'escape';
}

/** Whether assigning the value to the variable keeps it in sight: it is the only value that the variable ever has. */
function isFollowed(variable: Variable, value: Expression): boolean {
  return variable.definitions === 1 && variable.definition === value;
}

function isPlain(node: Expression): boolean {
  return (
    node.type === 'nil' ||
    node.type === 'true' ||
    node.type === 'false' ||
    node.type === 'number' ||
    node.type === 'string'
  );
}
