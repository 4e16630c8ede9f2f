// What changed in the manifest, field by field. Pure; the texts may be anything.

export type ManifestRow = {
  /** "author.email", "icons.64". */
  field: string;
  /** As JSON; null where the field is absent. */
  before: string | null;
  after: string | null;
};

const MAX_DEPTH = 4;
const MAX_ROWS = 200;

/**
 * The fields that differ, in the order of the newer manifest and then of the older. Lists are one value. Null where either text
 * is no JSON object: the source says more then.
 */
export function manifestDiff(before: string, after: string): ManifestRow[] | null {
  const old = fieldsOf(before);
  const now = fieldsOf(after);
  if (old === null || now === null) return null;
  const rows: ManifestRow[] = [];
  for (const field of new Set([...now.keys(), ...old.keys()])) {
    const row = { field, before: old.get(field) ?? null, after: now.get(field) ?? null };
    if (row.before !== row.after) rows.push(row);
    if (rows.length === MAX_ROWS) break;
  }
  return rows;
}

/** Every field of a manifest as JSON, by its path; null where the text is no JSON object. */
export function fieldsOf(text: string): Map<string, string> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  const fields = new Map<string, string>();
  collect(value, '', 0, fields);
  return fields;
}

function collect(record: Record<string, unknown>, prefix: string, depth: number, fields: Map<string, string>): void {
  for (const [name, value] of Object.entries(record)) {
    if (fields.size >= MAX_ROWS) return;
    const path = prefix === '' ? name : `${prefix}.${name}`;
    if (isRecord(value) && depth < MAX_DEPTH && Object.keys(value).length > 0) collect(value, path, depth + 1, fields);
    else fields.set(path, typeof value === 'string' ? value : JSON.stringify(value));
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
