/** Owns the shape of a Lua syntax tree with its names already bound to variables. It holds no behaviour. */

/** A local variable, a parameter or a loop variable, with the counts that tell whether its value can be relied on. */
export interface Variable {
  readonly name: string;
  readonly at: number;
  readonly role: 'local' | 'parameter' | 'loop';
  readonly attribute: 'const' | 'close' | null;
  /** How often it gets a value; a declaration without one does not count. */
  definitions: number;
  /** Whether its value comes after its declaration, so that it is nil before. */
  late: boolean;
  /** The expression of its only definition, or null where that is a call's further result, a parameter and the like. */
  definition: Expression | null;
  /** How often it is read, in whatever way. */
  uses: number;
  /** How many of those reads only take a field from it: `t.x`, `t[k]`. */
  indexReads: number;
  /** How often a field of it is assigned. */
  fieldWrites: number;
  /**
   * What those fields get, by names as `fieldName` of values.ts spells them; `*` for one whose name is no literal, and null for
   * a value that no expression names.
   */
  writtenFields: Map<string, (Expression | null)[]> | null;
}

/** `at` is the offset of the first character in the source, in UTF-16 units; `height` bounds every recursion over the tree. */
interface Node {
  readonly at: number;
  readonly height: number;
}

export interface Literal extends Node {
  readonly type: 'nil' | 'true' | 'false' | 'vararg';
}
export interface NumberLiteral extends Node {
  readonly type: 'number';
  readonly value: number;
}
export interface StringLiteral extends Node {
  readonly type: 'string';
  readonly value: string;
  /** Offset after the closing quote, so that escapes can be counted. */
  readonly end: number;
}
export interface FunctionExpression extends Node {
  readonly type: 'function';
  readonly parameters: readonly Variable[];
  readonly body: Block;
  readonly returns: Returns;
}
/** The values of each `return` of one function or file, without those of functions in it. */
export type Returns = readonly (readonly Expression[])[];
/** A name: bound to `variable`, or a field of the environment, which is a local `_ENV` if `environment` is not null. */
export interface NameExpression extends Node {
  readonly type: 'name';
  readonly name: string;
  readonly variable: Variable | null;
  readonly environment: Variable | null;
}
export interface IndexExpression extends Node {
  readonly type: 'index';
  readonly base: Expression;
  readonly key: Expression;
}
export interface CallExpression extends Node {
  readonly type: 'call';
  readonly callee: Expression;
  readonly args: readonly Expression[];
}
export interface MethodCallExpression extends Node {
  readonly type: 'method';
  readonly base: Expression;
  readonly name: string;
  readonly args: readonly Expression[];
}
export interface TableField {
  /** Null for a positional field. */
  readonly key: Expression | null;
  readonly value: Expression;
}
export interface TableExpression extends Node {
  readonly type: 'table';
  readonly fields: readonly TableField[];
}
export interface BinaryExpression extends Node {
  readonly type: 'binary';
  readonly operator: string;
  readonly left: Expression;
  readonly right: Expression;
}
export interface UnaryExpression extends Node {
  readonly type: 'unary';
  readonly operator: string;
  readonly operand: Expression;
}
export interface ParenExpression extends Node {
  readonly type: 'paren';
  readonly inner: Expression;
}
export type Expression =
  | Literal
  | NumberLiteral
  | StringLiteral
  | FunctionExpression
  | NameExpression
  | IndexExpression
  | CallExpression
  | MethodCallExpression
  | TableExpression
  | BinaryExpression
  | UnaryExpression
  | ParenExpression;

export type Block = readonly Statement[];

export interface LocalStatement {
  readonly type: 'local';
  readonly at: number;
  readonly variables: readonly Variable[];
  readonly values: readonly Expression[];
}
export interface AssignStatement {
  readonly type: 'assign';
  readonly at: number;
  readonly targets: readonly (NameExpression | IndexExpression)[];
  readonly values: readonly Expression[];
}
export interface CallStatement {
  readonly type: 'callStatement';
  readonly at: number;
  readonly call: CallExpression | MethodCallExpression;
}
export interface DoStatement {
  readonly type: 'do';
  readonly at: number;
  readonly body: Block;
}
export interface WhileStatement {
  readonly type: 'while' | 'repeat';
  readonly at: number;
  readonly condition: Expression;
  readonly body: Block;
}
export interface IfStatement {
  readonly type: 'if';
  readonly at: number;
  readonly branches: readonly { readonly condition: Expression | null; readonly body: Block }[];
}
export interface NumericForStatement {
  readonly type: 'numericFor';
  readonly at: number;
  readonly variables: readonly Variable[];
  /** Start, limit and, where given, step. */
  readonly range: readonly Expression[];
  readonly body: Block;
}
export interface GenericForStatement {
  readonly type: 'genericFor';
  readonly at: number;
  readonly variables: readonly Variable[];
  readonly iterators: readonly Expression[];
  readonly body: Block;
}
export interface ReturnStatement {
  readonly type: 'return';
  readonly at: number;
  readonly values: readonly Expression[];
}
export interface JumpStatement {
  readonly type: 'goto' | 'label';
  readonly at: number;
  readonly name: string;
}
export interface BreakStatement {
  readonly type: 'break';
  readonly at: number;
}
export type Statement =
  | LocalStatement
  | AssignStatement
  | CallStatement
  | DoStatement
  | WhileStatement
  | IfStatement
  | NumericForStatement
  | GenericForStatement
  | ReturnStatement
  | JumpStatement
  | BreakStatement;
