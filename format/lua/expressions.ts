/** Owns the grammar of Lua 5.4 expressions (manual, 3.4). Statements and functions' bodies are `parser.ts`'s. */
import type {
  Block,
  CallExpression,
  Expression,
  IndexExpression,
  MethodCallExpression,
  NameExpression,
  TableField,
  Variable,
} from './ast.ts';
import { Lexer } from './lexer.ts';
import { Scopes } from './scopes.ts';
import { BINARY, LuaSyntaxError, quoted, TOKEN } from './tokens.ts';

/** Lua's own LUAI_MAXCCALLS: the nesting of statements and expressions. */
const MAX_NESTING = 200;
/** Bounds what the nesting does not: chains such as `a.b.c.d` and `1 + 1 + 1`, whose trees are deep on the left. */
const MAX_HEIGHT = 600;
/** Bounds the memory of one tree, about 100 bytes a node. */
export const MAX_NODES = 100_000;
const UNARY_PRIORITY = 12;

export abstract class ExpressionParser {
  protected readonly lexer: Lexer;
  protected readonly scopes = new Scopes();
  private nesting = 0;
  /** How many statements and expressions were read, and how many may be. */
  nodes = 0;
  private readonly maxNodes: number;
  /** The greatest height of an expression in the function that is being read. */
  private tallest = 0;
  /** The returns of the function that is being read. */
  protected returns: (readonly Expression[])[] = [];

  constructor(text: string, maxNodes: number) {
    this.lexer = new Lexer(text);
    this.maxNodes = maxNodes;
  }

  protected abstract block(): Block;

  protected fail(message: string, at = this.lexer.start): never {
    throw new LuaSyntaxError(message, at);
  }

  protected enter(): void {
    if (++this.nesting > MAX_NESTING)
      throw new LuaSyntaxError(`nested more than ${MAX_NESTING} levels deep`, this.lexer.start, true);
  }

  protected leave(): void {
    this.nesting--;
  }

  protected near(): string {
    const lexer = this.lexer;
    return lexer.kind === TOKEN.end ? 'the end of the file' : quoted(lexer.text.slice(lexer.start, lexer.end));
  }

  protected accept(value: string): boolean {
    if (!this.lexer.is(value)) return false;
    this.lexer.next();
    return true;
  }

  protected expect(value: string): void {
    if (!this.accept(value)) this.fail(`"${value}" expected near ${this.near()}`);
  }

  /** Expects what closes `open`, which stands at `at`. */
  protected expectClosing(value: string, open: string, at: number): void {
    if (this.accept(value)) return;
    const line = this.lexer.text.slice(0, at).split('\n').length;
    this.fail(`"${value}" expected (to close "${open}" at line ${line}) near ${this.near()}`);
  }

  protected name(): string {
    if (this.lexer.kind !== TOKEN.name) this.fail(`a name expected near ${this.near()}`);
    const name = this.lexer.value;
    this.lexer.next();
    return name;
  }

  /** Counts a statement or an expression. */
  protected count(at: number): void {
    if (++this.nodes <= this.maxNodes) return;
    const what =
      this.maxNodes < MAX_NODES ? 'more code than is read of a package' : `over ${MAX_NODES} expressions in a file`;
    throw new LuaSyntaxError(what, at, true);
  }

  /** Counts an expression and checks its height; every one passes here. */
  private grow<T extends Expression>(node: T): T {
    this.count(node.at);
    if (node.height > this.tallest) {
      if (node.height > MAX_HEIGHT)
        throw new LuaSyntaxError(`an expression of more than ${MAX_HEIGHT} chained parts`, node.at, true);
      this.tallest = node.height;
    }
    return node;
  }

  protected expression(limit = 0): Expression {
    this.enter();
    const lexer = this.lexer;
    const at = lexer.start;
    let left: Expression;
    if (lexer.is('not') || lexer.is('-') || lexer.is('#') || lexer.is('~')) {
      const operator = lexer.value;
      lexer.next();
      const operand = this.expression(UNARY_PRIORITY);
      left = this.grow({ type: 'unary', at, height: operand.height + 1, operator, operand });
    } else left = this.simple();
    while (lexer.kind >= TOKEN.symbol) {
      const operator = lexer.value;
      const priority = BINARY.get(operator);
      if (priority === undefined || priority[0] <= limit) break;
      lexer.next();
      const right = this.expression(priority[1]);
      const height = Math.max(left.height, right.height) + 1;
      left = this.grow({ type: 'binary', at: left.at, height, operator, left, right });
    }
    this.leave();
    return left;
  }

  protected expressions(): Expression[] {
    const list = [this.expression()];
    while (this.accept(',')) list.push(this.expression());
    return list;
  }

  private simple(): Expression {
    const lexer = this.lexer;
    const at = lexer.start;
    if (lexer.kind === TOKEN.string) return this.string();
    if (lexer.kind === TOKEN.number) {
      const value = lexer.number;
      lexer.next();
      return this.grow({ type: 'number', at, height: 1, value });
    }
    if (lexer.kind === TOKEN.keyword) {
      const word = lexer.value;
      if (word === 'function') {
        lexer.next();
        return this.functionBody(at, false);
      }
      if (word === 'nil' || word === 'true' || word === 'false') {
        lexer.next();
        return this.grow({ type: word, at, height: 1 });
      }
    }
    if (lexer.is('{')) return this.table();
    if (lexer.is('...')) {
      if (!this.scopes.hasVarargs) this.fail('"..." outside a function that takes it');
      lexer.next();
      return this.grow({ type: 'vararg', at, height: 1 });
    }
    return this.suffixed();
  }

  private string(): Expression {
    const { start: at, value, end } = this.lexer;
    this.lexer.next();
    return this.grow({ type: 'string', at, height: 1, value, end });
  }

  /** Reads a name as a value or a target; `assigned` corrects the counts where it is a target. */
  protected nameExpression(): NameExpression {
    const at = this.lexer.start;
    const name = this.name();
    const variable = this.scopes.resolve(name);
    const environment = variable === null && name !== '_ENV' ? this.scopes.resolve('_ENV') : null;
    if (variable !== null) variable.uses++;
    if (environment !== null) {
      environment.uses++;
      environment.indexReads++;
    }
    return this.grow({ type: 'name', at, height: 1, name, variable, environment });
  }

  protected suffixed(): Expression {
    const lexer = this.lexer;
    const at = lexer.start;
    let base: Expression;
    if (lexer.is('(')) {
      lexer.next();
      const inner = this.expression();
      this.expectClosing(')', '(', at);
      base = this.grow({ type: 'paren', at, height: inner.height + 1, inner });
    } else if (lexer.kind === TOKEN.name) base = this.nameExpression();
    else this.fail(`unexpected ${this.near()}`);
    for (;;) {
      if (lexer.is('.') || lexer.is('[')) base = this.index(base);
      else if (lexer.is(':')) base = this.methodCall(base);
      else if (lexer.kind === TOKEN.string || lexer.is('(') || lexer.is('{')) {
        const args = this.callArguments();
        base = this.grow(withHeight({ type: 'call', at, callee: base, args }, base, args));
      } else return base;
    }
  }

  /** Reads `.name`, `[key]` or, in a definition, `:name` after `base`. */
  protected index(base: Expression): IndexExpression {
    const lexer = this.lexer;
    const open = lexer.start;
    const dotted = !lexer.is('[');
    lexer.next();
    let key: Expression;
    if (dotted) {
      const { start, end } = lexer;
      key = this.grow({ type: 'string', at: start, height: 1, value: this.name(), end });
    } else {
      key = this.expression();
      this.expectClosing(']', '[', open);
    }
    if (base.type === 'name' && base.variable !== null) base.variable.indexReads++;
    return this.grow({ type: 'index', at: base.at, height: Math.max(base.height, key.height) + 1, base, key });
  }

  private methodCall(base: Expression): MethodCallExpression {
    this.lexer.next();
    const name = this.name();
    const args = this.callArguments();
    return this.grow(withHeight({ type: 'method', at: base.at, base, name, args }, base, args));
  }

  private callArguments(): Expression[] {
    const lexer = this.lexer;
    if (lexer.kind === TOKEN.string) return [this.string()];
    if (lexer.is('{')) return [this.table()];
    const at = lexer.start;
    if (!this.accept('(')) this.fail(`arguments of a call expected near ${this.near()}`);
    if (this.accept(')')) return [];
    const args = this.expressions();
    this.expectClosing(')', '(', at);
    return args;
  }

  private table(): Expression {
    this.enter();
    const lexer = this.lexer;
    const at = lexer.start;
    const fields: TableField[] = [];
    let height = 0;
    lexer.next();
    while (!lexer.is('}')) {
      const field = this.tableField();
      height = Math.max(height, field.value.height, field.key?.height ?? 0);
      fields.push(field);
      if (!this.accept(',') && !this.accept(';')) break;
    }
    this.expectClosing('}', '{', at);
    this.leave();
    return this.grow({ type: 'table', at, height: height + 1, fields });
  }

  private tableField(): TableField {
    const lexer = this.lexer;
    if (lexer.kind === TOKEN.name && lexer.assignFollows()) {
      const { start: at, end, value } = lexer;
      lexer.next();
      lexer.next();
      return { key: this.grow({ type: 'string', at, height: 1, value, end }), value: this.expression() };
    }
    if (!lexer.is('[')) return { key: null, value: this.expression() };
    const open = lexer.start;
    lexer.next();
    const key = this.expression();
    this.expectClosing(']', '[', open);
    this.expect('=');
    return { key, value: this.expression() };
  }

  /** Reads parameters, body and `end`; `at` is the word `function`. */
  protected functionBody(at: number, isMethod: boolean): Expression {
    const outer = this.tallest;
    this.tallest = 0;
    const outerReturns = this.returns;
    this.returns = [];
    const lexer = this.lexer;
    const names: { name: string; at: number }[] = isMethod ? [{ name: 'self', at }] : [];
    let hasVarargs = false;
    this.expect('(');
    if (!lexer.is(')'))
      do {
        hasVarargs = this.accept('...');
        if (!hasVarargs) names.push({ at: lexer.start, name: this.name() });
      } while (!hasVarargs && this.accept(','));
    this.expect(')');
    this.scopes.openFunction(hasVarargs);
    const parameters: Variable[] = names.map((p) => this.scopes.declare(p.name, p.at, 'parameter'));
    const body = this.block();
    this.expectClosing('end', 'function', at);
    this.scopes.closeFunction();
    const height = this.tallest + 1;
    this.tallest = outer;
    const returns = this.returns;
    this.returns = outerReturns;
    return this.grow({ type: 'function', at, height, parameters, body, returns });
  }
}

type Unmeasured<T> = T extends unknown ? Omit<T, 'height'> : never;

function withHeight<T extends Unmeasured<CallExpression | MethodCallExpression>>(
  node: T,
  base: Expression,
  args: readonly Expression[],
): T & { readonly height: number } {
  let height = base.height;
  for (const argument of args) height = Math.max(height, argument.height);
  return { ...node, height: height + 1 };
}
