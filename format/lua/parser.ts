/** Owns the grammar of Lua 5.4 statements (manual, 3.3) and the one way to parse a file. It judges nothing but syntax. */
import type { Block, Expression, IndexExpression, NameExpression, Returns, Statement, Variable } from './ast.ts';
import { ExpressionParser, MAX_NODES } from './expressions.ts';
import { define, writeField } from './scopes.ts';
import { LuaSyntaxError, quoted, TOKEN } from './tokens.ts';

/** The tree of a file, or why there is none. `at` is an offset in the text, in UTF-16 units. */
export type ParseResult =
  | { readonly ok: true; readonly body: Block; readonly returns: Returns; readonly nodes: number }
  | {
      readonly ok: false;
      readonly message: string;
      readonly at: number;
      readonly tooComplex: boolean;
      readonly nodes: number;
    };

/**
 * Parses Lua 5.4 source, in time linear in its length and with bounded recursion; it never throws. `locals` are names that
 * the host declares around the text, as it does for an event attribute (`event`, `element`, `document`); `maxNodes` bounds how
 * many statements and expressions are read.
 */
export function parseLua(text: string, locals: readonly string[] = [], maxNodes = MAX_NODES): ParseResult {
  let parser: Parser | null = null;
  try {
    parser = new Parser(text, Math.min(maxNodes, MAX_NODES));
    return { ok: true, ...parser.chunk(locals) };
  } catch (error) {
    if (!(error instanceof LuaSyntaxError)) throw error;
    const { message, at, tooComplex } = error;
    return { ok: false, message, at, tooComplex, nodes: parser?.nodes ?? 0 };
  }
}

class Parser extends ExpressionParser {
  chunk(locals: readonly string[]): { body: Block; returns: Returns; nodes: number } {
    this.scopes.openFunction(true);
    for (const name of locals) this.scopes.declare(name, 0, 'parameter');
    const body = this.block();
    if (this.lexer.kind !== TOKEN.end) this.fail(`unexpected ${this.near()}`);
    this.scopes.closeFunction();
    return { body, returns: this.returns, nodes: this.nodes };
  }

  /** Reads statements up to what ends a block; the caller opens and closes the scope. */
  protected block(): Block {
    const lexer = this.lexer;
    const statements: Statement[] = [];
    while (!this.atBlockEnd()) {
      if (lexer.is('return')) {
        statements.push(this.returnStatement());
        break;
      }
      if (this.accept(';')) continue;
      this.enter();
      this.count(lexer.start);
      statements.push(this.statement());
      this.leave();
    }
    return statements;
  }

  private atBlockEnd(): boolean {
    const lexer = this.lexer;
    if (lexer.kind === TOKEN.end) return true;
    if (lexer.kind !== TOKEN.keyword) return false;
    const word = lexer.value;
    return word === 'end' || word === 'else' || word === 'elseif' || word === 'until';
  }

  private scoped(isLoop = false): Block {
    this.scopes.openBlock(isLoop);
    const body = this.block();
    this.scopes.closeBlock();
    return body;
  }

  private statement(): Statement {
    const lexer = this.lexer;
    const at = lexer.start;
    if (lexer.kind === TOKEN.keyword) {
      const reader = this.keywordStatement(lexer.value, at);
      if (reader !== null) return reader;
    }
    if (this.accept('::')) {
      const name = this.name();
      this.scopes.label(name, at);
      this.expect('::');
      return { type: 'label', at, name };
    }
    return this.expressionStatement(at);
  }

  private keywordStatement(word: string, at: number): Statement | null {
    switch (word) {
      case 'local':
        return this.localStatement(at);
      case 'if':
        return this.ifStatement(at);
      case 'function':
        return this.functionStatement(at);
      case 'for':
        return this.forStatement(at);
      case 'while':
        return this.whileStatement(at);
      case 'repeat':
        return this.repeatStatement(at);
      case 'do': {
        this.lexer.next();
        const body = this.scoped();
        this.expectClosing('end', 'do', at);
        return { type: 'do', at, body };
      }
      case 'break':
        if (!this.scopes.insideLoop) this.fail('"break" outside a loop');
        this.lexer.next();
        return { type: 'break', at };
      case 'goto': {
        this.lexer.next();
        const name = this.name();
        this.scopes.goto(name, at);
        return { type: 'goto', at, name };
      }
      default:
        return null;
    }
  }

  private returnStatement(): Statement {
    const at = this.lexer.start;
    this.lexer.next();
    const values = this.atBlockEnd() || this.lexer.is(';') ? [] : this.expressions();
    this.accept(';');
    if (!this.atBlockEnd()) this.fail(`"return" is not the last statement of its block: unexpected ${this.near()}`);
    this.returns.push(values);
    return { type: 'return', at, values };
  }

  private ifStatement(at: number): Statement {
    const branches: { condition: Expression | null; body: Block }[] = [];
    do {
      this.lexer.next();
      const condition = this.expression();
      this.expect('then');
      branches.push({ condition, body: this.scoped() });
    } while (this.lexer.is('elseif'));
    if (this.accept('else')) branches.push({ condition: null, body: this.scoped() });
    this.expectClosing('end', 'if', at);
    return { type: 'if', at, branches };
  }

  private whileStatement(at: number): Statement {
    this.lexer.next();
    const condition = this.expression();
    this.expect('do');
    const body = this.scoped(true);
    this.expectClosing('end', 'while', at);
    return { type: 'while', at, condition, body };
  }

  private repeatStatement(at: number): Statement {
    this.lexer.next();
    this.scopes.openBlock(true);
    const body = this.block();
    this.expectClosing('until', 'repeat', at);
    // The condition sees the locals of the body.
    const condition = this.expression();
    this.scopes.closeBlock();
    return { type: 'repeat', at, condition, body };
  }

  private forStatement(at: number): Statement {
    this.lexer.next();
    const names = [{ at: this.lexer.start, name: this.name() }];
    const numeric = this.accept('=');
    if (!numeric) while (this.accept(',')) names.push({ at: this.lexer.start, name: this.name() });
    if (!numeric) this.expect('in');
    const values = this.expressions();
    if (numeric && (values.length < 2 || values.length > 3)) this.fail('a numeric "for" takes two or three values');
    this.expect('do');
    this.scopes.openBlock(true);
    const variables = names.map((n) => this.scopes.declare(n.name, n.at, 'loop'));
    const body = this.block();
    this.scopes.closeBlock();
    this.expectClosing('end', 'for', at);
    return numeric
      ? { type: 'numericFor', at, variables, range: values, body }
      : { type: 'genericFor', at, variables, iterators: values, body };
  }

  private functionStatement(at: number): Statement {
    this.lexer.next();
    let target: NameExpression | IndexExpression = this.nameExpression();
    while (this.lexer.is('.')) target = this.index(target);
    const isMethod = this.lexer.is(':');
    if (isMethod) target = this.index(target);
    this.assigned(target);
    const value = this.functionBody(at, isMethod);
    given(target, value);
    return { type: 'assign', at, targets: [target], values: [value] };
  }

  private localStatement(at: number): Statement {
    this.lexer.next();
    if (this.accept('function')) {
      const variable = this.scopes.declare(this.name(), at, 'local');
      const value = this.functionBody(at, false);
      define(variable, value);
      return { type: 'local', at, variables: [variable], values: [value] };
    }
    const names: { name: string; at: number; attribute: Variable['attribute'] }[] = [];
    do {
      const nameAt = this.lexer.start;
      const name = this.name();
      names.push({ name, at: nameAt, attribute: this.attribute() });
    } while (this.accept(','));
    if (names.filter((n) => n.attribute === 'close').length > 1) this.fail('more than one <close> in one "local"', at);
    const values = this.accept('=') ? this.expressions() : [];
    const variables = names.map((n) => this.scopes.declare(n.name, n.at, 'local', n.attribute));
    variables.forEach((variable, i) => {
      const value = values[i];
      if (value !== undefined) define(variable, value);
      else if (yieldsMany(values.at(-1))) define(variable, null);
    });
    return { type: 'local', at, variables, values };
  }

  private attribute(): Variable['attribute'] {
    if (!this.accept('<')) return null;
    const at = this.lexer.start;
    const name = this.name();
    if (name !== 'const' && name !== 'close') this.fail(`unknown attribute ${quoted(name)}`, at);
    this.expect('>');
    return name;
  }

  private expressionStatement(at: number): Statement {
    const first = this.suffixed();
    if (!this.lexer.is('=') && !this.lexer.is(',')) {
      if (first.type === 'call' || first.type === 'method') return { type: 'callStatement', at, call: first };
      this.fail(`"=" or arguments of a call expected near ${this.near()}`);
    }
    const targets = [this.target(first)];
    while (this.accept(',')) targets.push(this.target(this.suffixed()));
    this.expect('=');
    const values = this.expressions();
    targets.forEach((target, i) => {
      given(target, values[i] ?? null);
    });
    return { type: 'assign', at, targets, values };
  }

  private target(expression: Expression): NameExpression | IndexExpression {
    if (expression.type !== 'name' && expression.type !== 'index') this.fail('this cannot be assigned', expression.at);
    this.assigned(expression);
    return expression;
  }

  /** Corrects the counts of what turned out to be a target, and refuses constants. */
  private assigned(target: NameExpression | IndexExpression): void {
    if (target.type === 'index') return;
    if (target.environment !== null) target.environment.fieldWrites++;
    if (target.variable === null) return;
    if (target.variable.attribute !== null) this.fail(`${quoted(target.name)} is constant`, target.at);
    target.variable.uses--;
  }
}

/** Notes what a target gets. */
function given(target: NameExpression | IndexExpression, value: Expression | null): void {
  if (target.type === 'index') {
    const { base, key } = target;
    if (base.type === 'name' && base.variable !== null) writeField(base.variable, key, value);
  } else if (target.variable !== null) define(target.variable, value, true);
}

function yieldsMany(value: Expression | undefined): boolean {
  return value?.type === 'call' || value?.type === 'method' || value?.type === 'vararg';
}
