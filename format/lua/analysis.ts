/**
 * Owns the rules of docs/PACKAGE_FORMAT.md §6 about globals, over one syntax tree with bound names. It reads no file.
 *
 * The idea: a forbidden global is an error where it is read, whatever is then done with it. So only the tables that lead to
 * one (`_G`, `_ENV`, `os`, `string`) are followed: through variables, fields, results of functions and modules. Where one goes
 * out of sight is an error.
 */
import { LUA_CATALOGUE } from '../catalogue/lua.ts';
import type {
  AssignStatement,
  BinaryExpression,
  Block,
  CallExpression,
  Expression,
  FunctionExpression,
  IndexExpression,
  LocalStatement,
  MethodCallExpression,
  NameExpression,
  Returns,
  Statement,
  TableExpression,
  Variable,
} from './ast.ts';
import { argumentRole, Calls } from './calls.ts';
import { Evaluator, isTable } from './evaluate.ts';
import { Judge } from './judge.ts';
import { constructorValue, literalValue } from './literals.ts';
import { Loops } from './loops.ts';
import { binaryValue, unaryValue } from './operators.ts';
import { checkLiteral, checkTable } from './packed.ts';
import type { LuaReport } from './report.ts';
import { literalKey } from './scopes.ts';
import {
  certainFieldName,
  GLOBALS,
  indexValue,
  isPlatform,
  mustBeFollowed,
  NIL,
  platformIn,
  sameTable,
  stringValue,
  UNKNOWN,
  type Value,
} from './values.ts';
import { type Role, Walk } from './walk.ts';

/** What an analysis knows of the package around its file. */
export interface ModuleLinks {
  /** The path of the package file that a `require` means, or null. */
  readonly resolve: (name: string) => string | null;
  /** What the file at a path gives to those who require it. */
  readonly value: (path: string) => Value;
}

export class Analysis extends Walk {
  readonly judge: Judge;
  readonly evaluator: Evaluator;
  private readonly text: string;
  private readonly report: LuaReport;
  private readonly calls: Calls;
  private readonly loops: Loops;
  /** Whether what a return here gives is followed: not where it could be one of several tables of globals. */
  private resultRole: Role = 'follow';

  constructor(text: string, report: LuaReport, links: ModuleLinks) {
    super();
    this.text = text;
    this.report = report;
    this.evaluator = new Evaluator((name) => {
      const path = links.resolve(name);
      return path === null ? UNKNOWN : links.value(path);
    });
    this.judge = new Judge(report);
    this.calls = new Calls(this.judge, this.evaluator, links.resolve);
    this.loops = new Loops(this.evaluator);
  }

  /** Judges a whole file and tells what it gives to those who require it. */
  run(body: Block, returns: Returns): Value {
    const value = this.evaluator.given(returns, body.at(-1)?.type === 'return' && returns.length === 1);
    // Whoever gets the table of globals itself could as well write _G.
    if (value.kind === 'mixed' || value.kind === 'globals') this.resultRole = 'escape';
    this.block(body);
    for (const { at, value: circular } of this.evaluator.circles) this.judge.circle(circular(), at);
    if (this.evaluator.tooDeep)
      this.report.add(LUA_CATALOGUE.LUA_TOO_COMPLEX, 'A chain of values is too long to follow.', 0);
    return value;
  }

  protected loop(node: Statement): void {
    if (this.loops.isEndless(node))
      this.report.add(LUA_CATALOGUE.LUA_ENDLESS_LOOP, 'This loop never ends and never yields.', node.at);
  }

  protected labels(body: Block): void {
    for (const at of this.loops.endlessGotos(body))
      this.report.add(LUA_CATALOGUE.LUA_ENDLESS_LOOP, 'This goto jumps back for ever without a yield.', at);
  }

  protected returned(values: readonly Expression[]): void {
    values.forEach((value, i) => {
      const given = this.expression(value, i === 0 ? this.resultRole : 'escape');
      if (given.kind === 'global' && given.path === 'require') this.judge.used(given, 'escape', value.at);
    });
  }

  protected local(node: LocalStatement): void {
    const values = node.values.map((value, i) => {
      const variable = node.variables[i];
      return this.expression(value, variable !== undefined && isFollowed(variable, value) ? 'follow' : 'escape');
    });
    node.variables.forEach((variable, i) => {
      if (variable.name === '_ENV') {
        const otherwise = variable.definitions === 0 ? NIL : UNKNOWN;
        this.judge.environment(values[i] ?? otherwise, variable.at);
      }
      const value = values[i];
      if (value === undefined || !isPlatform(value)) this.judge.shadows(variable);
    });
  }

  protected parameters(variables: readonly Variable[]): void {
    for (const variable of variables) {
      if (variable.name === '_ENV') this.judge.environment(UNKNOWN, variable.at);
      else this.judge.shadows(variable);
    }
  }

  protected assign(node: AssignStatement): void {
    node.targets.forEach((target, i) => {
      this.target(target, node.values[i]);
    });
    node.values.forEach((value, i) => {
      this.expression(value, this.assignedRole(node.targets[i], value));
    });
  }

  private assignedRole(target: NameExpression | IndexExpression | undefined, value: Expression): Role {
    if (target === undefined) return 'escape';
    if (target.type === 'name')
      return target.variable !== null && isFollowed(target.variable, value) ? 'follow' : 'escape';
    const { base, key } = target;
    const name = literalKey(key);
    if (base.type !== 'name' || base.variable === null || name === null || !isTable(base.variable)) return 'escape';
    return this.evaluator.field(base.variable, name).kind === 'mixed' ? 'escape' : 'field';
  }

  private target(target: NameExpression | IndexExpression, value: Expression | undefined): void {
    if (target.type === 'name') {
      if (target.name === '_ENV')
        this.report.add(LUA_CATALOGUE.LUA_ENVIRONMENT_CHANGE, '"_ENV" is assigned.', target.at);
      else if (target.variable === null && target.environment === null && !keeps(target, value))
        this.judge.replaced(target.name, target.at);
      return;
    }
    const base = this.expression(target.base, 'follow');
    const key = this.expression(target.key, 'escape');
    if (!keeps(target, value)) this.judge.write(base, key, target.at);
  }

  protected expression(node: Expression, role: Role): Value {
    switch (node.type) {
      case 'name': {
        const value = this.evaluator.name(node);
        if (node.variable === null) this.judge.reached(value, node.at);
        return this.judge.used(value, role, node.at);
      }
      case 'index':
        return this.judge.used(this.index(node), role, node.at);
      case 'call':
        return this.judge.used(this.call(node), role, node.at);
      case 'method':
        return this.judge.used(this.method(node), role, node.at);
      case 'paren':
        return this.expression(node.inner, role);
      case 'binary':
        return this.binary(node, role);
      case 'unary':
        return unaryValue(node.operator, this.expression(node.operand, 'test'));
      case 'table':
        return this.judge.used(this.table(node), role, node.at);
      case 'function':
        return this.judge.used(this.function(node), role, node.at);
      case 'string':
        checkLiteral(node, this.text, this.report);
        return stringValue(node.value);
      default:
        return literalValue(node);
    }
  }

  private function(node: FunctionExpression): Value {
    const value = this.evaluator.function(node);
    const outer = this.resultRole;
    this.resultRole = value.result().kind === 'mixed' ? 'escape' : 'follow';
    this.parameters(node.parameters);
    this.block(node.body);
    this.resultRole = outer;
    return value;
  }

  private index(node: IndexExpression): Value {
    const base = this.expression(node.base, 'follow');
    const key = this.expression(node.key, 'escape');
    const value = indexValue(base, key);
    this.judge.unreadableKey(base, key, node.at);
    if (base.kind !== 'table') this.judge.reached(value, node.at);
    return value;
  }

  private binary(node: BinaryExpression, role: Role): Value {
    const { operator } = node;
    if (operator === 'or' || operator === 'and') {
      const left = this.expression(node.left, operator === 'and' ? 'test' : role);
      const right = this.expression(node.right, role);
      if (operator === 'or' && isHidden(left, right)) this.judge.used(right, 'escape', node.right.at);
      return binaryValue(operator, left, right);
    }
    const left = this.expression(node.left, 'test');
    const right = this.expression(node.right, 'test');
    // A metamethod of one operand gets the other, except where only two tables have one.
    if ((operator !== '==' && operator !== '~=') || !(isPlain(left) || isPlain(right))) {
      this.judge.used(left, 'escape', node.left.at);
      this.judge.used(right, 'escape', node.right.at);
    }
    return binaryValue(operator, left, right);
  }

  private table(node: TableExpression): Value {
    checkTable(node, this.report);
    const values = node.fields.map((field) => {
      const key = field.key === null ? null : this.expression(field.key, 'escape');
      const isRead = key === null || certainFieldName(key) !== null;
      return { key, value: this.expression(field.value, isRead ? 'field' : 'escape') };
    });
    return constructorValue(node, values);
  }

  private call(node: CallExpression): Value {
    const callee = this.expression(node.callee, 'follow');
    if (callee.kind === 'table') this.judge.used(callee, 'escape', node.callee.at);
    const path = callee.kind === 'global' ? callee.path : '';
    const args = node.args.map((argument, i) => this.expression(argument, argumentRole(path, i)));
    this.calls.called(path, node.args, args, node.at);
    this.calls.named(node.callee, args, node.at);
    const value = this.evaluator.called(callee, args);
    if (path === 'rawget' || path === 'require') this.judge.reached(value, node.at);
    return value;
  }

  private method(node: MethodCallExpression): Value {
    const base = this.expression(node.base, 'follow');
    // The method gets its receiver, and nobody knows what it does with it.
    if (base === GLOBALS || base.kind === 'table' || mustBeFollowed(base))
      this.judge.used(base, 'escape', node.base.at);
    const callee = indexValue(base, stringValue(node.name));
    const args = node.args.map((argument) => this.expression(argument, 'escape'));
    if (base.kind !== 'table') this.judge.reached(callee, node.at);
    this.calls.method(node.name, callee, args, node.at);
    if (callee.kind === 'function') return callee.result();
    if (callee.kind !== 'global') return UNKNOWN;
    this.calls.platform(callee.path, args[0] ?? NIL, node.at);
    return base.kind === 'string' ? this.evaluator.called(callee, [base, ...args]) : UNKNOWN;
  }
}

/** Whether assigning the value to the variable keeps it in sight: it is the only value that the variable ever has. */
function isFollowed(variable: Variable, value: Expression): boolean {
  return variable.definitions === 1 && variable.definition === value;
}

/** Whether a default hides another value that must be followed. */
function isHidden(left: Value, right: Value): boolean {
  if (sameTable(left, right)) return false;
  if (mustBeFollowed(left) && mustBeFollowed(right)) return true;
  return platformIn(right) !== null && (mustBeFollowed(left) || platformIn(left) !== null);
}

/** Whether assigning the value leaves a global as it is where there is one: `table.unpack = table.unpack or unpack`. */
function keeps(target: Expression, value: Expression | undefined): boolean {
  if (value?.type === 'binary') return value.operator === 'or' && keeps(target, value.left);
  if (target.type === 'index')
    return (
      value?.type === 'index' &&
      target.key.type === 'string' &&
      value.key.type === 'string' &&
      target.key.value === value.key.value &&
      keeps(target.base, value.base)
    );
  return target.type === 'name' && value?.type === 'name' && target.name === value.name && value.variable === null;
}

function isPlain(value: Value): boolean {
  return ['nil', 'boolean', 'number', 'string'].includes(value.kind);
}
