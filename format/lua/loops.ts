/** Owns the search for loops that can neither end nor yield. It looks inside one function at a time and reports nothing. */
import type { Block, Expression, Statement } from './ast.ts';
import type { Evaluator } from './evaluate.ts';
import { truthOf } from './operators.ts';

/** How control can leave a block: by a break of the loop around it, by a jump, return or error, or for a while by a yield. */
interface Exits {
  breaks: boolean;
  leaves: boolean;
  yields: boolean;
}

/** A function of this name is taken for one that yields: its body may be anywhere. */
const YIELDING_NAME = /yield|await|wait|sleep|pause/i;

export class Loops {
  private readonly evaluator: Evaluator;
  /** Blocks already looked through, so that nested loops cost no more than their size. */
  private readonly known = new Map<Block, Exits>();

  constructor(evaluator: Evaluator) {
    this.evaluator = evaluator;
  }

  /** Whether a loop statement goes on for ever and nothing in it leaves or yields. */
  isEndless(node: Statement): boolean {
    if (node.type === 'while' || node.type === 'repeat') {
      const goesOn = node.type === 'while';
      if (truthOf(this.evaluator.value(node.condition)) !== goesOn) return false;
    } else if (node.type !== 'numericFor' || !this.neverReached(node.range[1])) return false;
    const exits = this.block(node.body);
    return !exits.breaks && !exits.leaves && !exits.yields;
  }

  private neverReached(limit: Expression | undefined): boolean {
    if (limit === undefined) return false;
    const value = this.evaluator.value(limit);
    return value.kind === 'global' && value.path === 'math.huge';
  }

  /** The offsets of gotos that jump back to a label of the same block, with nothing between that leaves or yields. */
  endlessGotos(body: Block): number[] {
    const labels = new Map<string, number>();
    const found: number[] = [];
    body.forEach((statement, i) => {
      if (statement.type === 'label') labels.set(statement.name, i);
      const from = statement.type === 'goto' ? labels.get(statement.name) : undefined;
      if (from === undefined || statement.type !== 'goto') return;
      // What follows an unconditional goto is not reached; one look for each label is enough.
      labels.delete(statement.name);
      const exits = this.statements(body.slice(from, i));
      if (!exits.leaves && !exits.yields && !exits.breaks) found.push(statement.at);
    });
    return found;
  }

  private block(body: Block): Exits {
    const known = this.known.get(body);
    if (known !== undefined) return known;
    // A function that calls itself adds nothing to what it does besides.
    this.known.set(body, { breaks: false, leaves: false, yields: false });
    const exits = this.statements(body);
    this.known.set(body, exits);
    return exits;
  }

  private statements(body: Block): Exits {
    const exits: Exits = { breaks: false, leaves: false, yields: false };
    for (const statement of body) this.statement(statement, exits);
    return exits;
  }

  private statement(node: Statement, exits: Exits): void {
    switch (node.type) {
      case 'break':
        exits.breaks = true;
        return;
      case 'goto':
        exits.leaves = true;
        return;
      case 'return':
        exits.leaves = true;
        this.expressions(node.values, exits);
        return;
      case 'callStatement':
        this.expression(node.call, exits);
        return;
      case 'local':
        this.expressions(node.values, exits);
        return;
      case 'assign':
        this.expressions(node.targets, exits);
        this.expressions(node.values, exits);
        return;
      case 'label':
        return;
      default:
        this.compound(node, exits);
        return;
    }
  }

  private compound(node: Extract<Statement, { body: Block } | { branches: unknown }>, exits: Exits): void {
    if (node.type === 'if') {
      for (const branch of node.branches) {
        if (branch.condition !== null) this.expression(branch.condition, exits);
        this.merge(this.block(branch.body), exits, true);
      }
      return;
    }
    if (node.type === 'while' || node.type === 'repeat') this.expression(node.condition, exits);
    if (node.type === 'numericFor') this.expressions(node.range, exits);
    if (node.type === 'genericFor') this.expressions(node.iterators, exits);
    this.merge(this.block(node.body), exits, node.type === 'do');
  }

  private merge(inner: Exits, exits: Exits, withBreaks: boolean): void {
    exits.leaves ||= inner.leaves;
    exits.yields ||= inner.yields;
    if (withBreaks) exits.breaks ||= inner.breaks;
  }

  private expressions(nodes: readonly Expression[], exits: Exits): void {
    for (const node of nodes) this.expression(node, exits);
  }

  private expression(node: Expression, exits: Exits): void {
    switch (node.type) {
      case 'call':
        this.called(node.callee, exits);
        this.expression(node.callee, exits);
        this.expressions(node.args, exits);
        return;
      case 'method':
        if (YIELDING_NAME.test(node.name)) exits.yields = true;
        this.expression(node.base, exits);
        this.expressions(node.args, exits);
        return;
      case 'index':
        this.expression(node.base, exits);
        this.expression(node.key, exits);
        return;
      case 'binary':
        this.expression(node.left, exits);
        this.expression(node.right, exits);
        return;
      case 'unary':
        this.expression(node.operand, exits);
        return;
      case 'paren':
        this.expression(node.inner, exits);
        return;
      case 'table':
        for (const field of node.fields) {
          if (field.key !== null) this.expression(field.key, exits);
          this.expression(field.value, exits);
        }
        return;
      default:
        return;
    }
  }

  private called(callee: Expression, exits: Exits): void {
    const value = this.evaluator.value(callee);
    if (value.kind === 'global') {
      if (value.path === 'error') exits.leaves = true;
      if (YIELDING_NAME.test(value.path)) exits.yields = true;
      return;
    }
    if (callee.type === 'index' && callee.key.type === 'string' && YIELDING_NAME.test(callee.key.value))
      exits.yields = true;
    if (callee.type !== 'name') return;
    if (YIELDING_NAME.test(callee.name)) exits.yields = true;
    const body = callee.variable?.definition;
    if (body?.type === 'function') exits.yields ||= this.block(body.body).yields;
  }
}
