/** Owns which members a called expression may be, by name, where nobody knows the value that has them. It judges none. */
import type { Expression } from './ast.ts';
import type { Evaluator } from './evaluate.ts';
import { literalKey } from './scopes.ts';
import { fieldName } from './values.ts';

/** Bounds the work for one call; honest code has one alias. */
const MAX_STEPS = 32;

/**
 * The names under which an expression may be read from something: `el.add` and `el["a" .. "dd"]` are `add`, and so is a
 * variable or a field of a table that got one of them.
 */
export function memberNames(callee: Expression, evaluator: Evaluator): ReadonlySet<string> {
  const names = new Set<string>();
  const nodes = new Set([callee]);
  // A set gives what is added to it on the way, each once.
  for (const node of nodes) {
    if (nodes.size > MAX_STEPS) break;
    if (node.type === 'index') {
      const key = evaluator.value(node.key);
      if (key.kind === 'string' && key.whole) names.add(key.text);
    }
    for (const source of sources(node, evaluator)) nodes.add(source);
  }
  return names;
}

/** The expressions whose value an expression may have. */
function sources(node: Expression, evaluator: Evaluator): readonly Expression[] {
  switch (node.type) {
    case 'paren':
      return [node.inner];
    case 'binary':
      return node.operator === 'or' || node.operator === 'and' ? [node.left, node.right] : [];
    case 'name': {
      const definition = node.variable?.definitions === 1 ? node.variable.definition : null;
      return definition === null ? [] : [definition];
    }
    case 'index': {
      const { base } = node;
      const name = fieldName(evaluator.value(node.key));
      if (base.type !== 'name' || base.variable === null || name === null) return [];
      const { definition, writtenFields } = base.variable;
      const written = (writtenFields?.get(name) ?? []).filter((value) => value !== null);
      if (definition?.type !== 'table') return written;
      const fields = definition.fields.filter(({ key }) => key !== null && literalKey(key) === name);
      return [...fields.map(({ value }) => value), ...written];
    }
    default:
      return [];
  }
}
