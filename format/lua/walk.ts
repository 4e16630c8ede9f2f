/** Owns the visit of every statement and every expression's parts, in order. The judgement is in `analysis.ts`. */
import type { AssignStatement, Block, Expression, LocalStatement, Statement, Variable } from './ast.ts';
import type { Value } from './values.ts';

/**
 * How a value is used: `follow` where what is done with it next is seen, `field` where a table constructor takes it,
 * `test` where only its truth or its kind matters, `escape` where it goes out of sight.
 */
export type Role = 'follow' | 'field' | 'test' | 'escape';

export abstract class Walk {
  protected abstract expression(node: Expression, role: Role): Value;
  protected abstract local(node: LocalStatement): void;
  protected abstract assign(node: AssignStatement): void;
  protected abstract returned(values: readonly Expression[]): void;
  /** Called for what a function or a loop declares. */
  protected abstract parameters(variables: readonly Variable[]): void;
  /** Called for each loop, and for each block that holds a label. */
  protected abstract loop(node: Statement): void;
  protected abstract labels(body: Block): void;

  block(body: Block): void {
    let hasLabel = false;
    for (const statement of body) {
      if (statement.type === 'label') hasLabel = true;
      this.statement(statement);
    }
    if (hasLabel) this.labels(body);
  }

  private statement(node: Statement): void {
    switch (node.type) {
      case 'local':
        this.local(node);
        return;
      case 'assign':
        this.assign(node);
        return;
      case 'callStatement':
        this.expression(node.call, 'test');
        return;
      case 'do':
        this.block(node.body);
        return;
      case 'while':
      case 'repeat':
        this.expression(node.condition, 'test');
        break;
      case 'numericFor':
        this.parameters(node.variables);
        for (const value of node.range) this.expression(value, 'test');
        break;
      case 'genericFor':
        this.parameters(node.variables);
        for (const value of node.iterators) this.expression(value, 'escape');
        break;
      case 'if':
        for (const branch of node.branches) {
          if (branch.condition !== null) this.expression(branch.condition, 'test');
          this.block(branch.body);
        }
        return;
      case 'return':
        this.returned(node.values);
        return;
      default:
        return;
    }
    this.loop(node);
    this.block(node.body);
  }
}
