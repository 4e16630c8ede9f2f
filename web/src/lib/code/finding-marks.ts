// Shows findings at their lines: a mark in the gutter and a note under the line. What is selected is told, never decided here.
import { type EditorState, type Extension, RangeSet, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, GutterMarker, gutter, WidgetType } from '@codemirror/view';
import { t } from '#lib/messages/messages.ts';

export type CodeFinding = {
  id: string;
  code: string;
  severity: 'ERROR' | 'WARNING' | 'NOTICE';
  message: string;
  /** From 1; null where the whole file is meant. */
  line?: number | null;
};

export type Marked = {
  findings: readonly CodeFinding[];
  /** The finding that is being read. */
  selected: string | null;
  /** Findings with words that wait for the decision. */
  kept: ReadonlySet<string>;
};

const WEIGHT = { ERROR: 0, WARNING: 1, NOTICE: 2 } as const;
const SIGN = { ERROR: '×', WARNING: '!', NOTICE: 'i' } as const;

class Mark extends GutterMarker {
  readonly severity: CodeFinding['severity'];
  constructor(severity: CodeFinding['severity']) {
    super();
    this.severity = severity;
  }
  override eq(other: Mark): boolean {
    return other.severity === this.severity;
  }
  override toDOM(): Node {
    const mark = document.createElement('span');
    mark.className = `finding-mark ${this.severity.toLowerCase()}`;
    mark.textContent = SIGN[this.severity];
    mark.title = t.findings.severity[this.severity];
    return mark;
  }
}

class Note extends WidgetType {
  readonly finding: CodeFinding;
  readonly current: boolean;
  readonly kept: boolean;
  readonly onselect: (id: string) => void;
  constructor(finding: CodeFinding, current: boolean, kept: boolean, onselect: (id: string) => void) {
    super();
    this.finding = finding;
    this.current = current;
    this.kept = kept;
    this.onselect = onselect;
  }
  override eq(other: Note): boolean {
    return other.finding.id === this.finding.id && other.current === this.current && other.kept === this.kept;
  }
  override get estimatedHeight(): number {
    return 34;
  }
  override ignoreEvent(): boolean {
    return true;
  }
  override toDOM(): HTMLElement {
    const { finding } = this;
    const place = document.createElement('div');
    place.className = 'finding-place';
    const note = place.appendChild(document.createElement('div'));
    note.className = `finding-note ${finding.severity.toLowerCase()}${this.current ? ' current' : ''}`;
    const button = document.createElement('button');
    button.type = 'button';
    if (this.current) button.setAttribute('aria-current', 'true');
    const word = document.createElement('b');
    word.textContent = t.findings.severity[finding.severity];
    button.append(word, finding.message);
    button.addEventListener('click', () => this.onselect(finding.id));
    const link = document.createElement('a');
    link.href = `/docs/findings/${encodeURIComponent(finding.code)}`;
    link.target = '_blank';
    link.textContent = finding.code;
    note.append(button);
    if (this.kept) {
      const kept = document.createElement('span');
      kept.className = 'kept';
      kept.textContent = t.reviews.code.commented;
      note.append(kept);
    }
    note.append(link);
    return place;
  }
}

const setMarked = StateEffect.define<Marked>();

/** The extension for one editor; `onselect` is called when a note is pressed. */
export function findingMarks(onselect: (id: string) => void): Extension {
  const notes = StateField.define<DecorationSet>({
    create: () => Decoration.none,
    update(value, transaction) {
      for (const effect of transaction.effects)
        if (effect.is(setMarked)) return notesOf(transaction.state, effect.value, onselect);
      return value;
    },
    provide: (field) => EditorView.decorations.from(field),
  });
  const marks = StateField.define<RangeSet<GutterMarker>>({
    create: () => RangeSet.empty,
    update(value, transaction) {
      for (const effect of transaction.effects)
        if (effect.is(setMarked)) return marksOf(transaction.state, effect.value.findings);
      return value;
    },
  });
  return [
    notes,
    marks,
    gutter({
      class: 'cm-findings',
      markers: (view) => view.state.field(marks),
      initialSpacer: () => new Mark('NOTICE'),
    }),
  ];
}

/** Shows these findings instead of those before. */
export function showFindings(view: EditorView, marked: Marked): void {
  view.dispatch({ effects: setMarked.of(marked) });
}

/** The line of a finding as the document has it now: 1 where it names none, the last one where it names too many. */
export function lineOf(state: EditorState, finding: CodeFinding): number {
  return Math.min(state.doc.lines, Math.max(1, finding.line ?? 1));
}

function notesOf(state: EditorState, { findings, selected, kept }: Marked, onselect: (id: string) => void) {
  const ranges = findings.flatMap((finding) => {
    const line = state.doc.line(lineOf(state, finding));
    const note = Decoration.widget({
      widget: new Note(finding, finding.id === selected, kept.has(finding.id), onselect),
      block: true,
      // What concerns the whole file stands above it.
      side: finding.line ? 1 : -1,
    }).range(finding.line ? line.to : line.from);
    return finding.line ? [Decoration.line({ class: 'finding-line' }).range(line.from), note] : [note];
  });
  return Decoration.set(ranges, true);
}

/** One mark a line, of the worst finding there. */
function marksOf(state: EditorState, findings: readonly CodeFinding[]): RangeSet<GutterMarker> {
  const worst = new Map<number, CodeFinding['severity']>();
  for (const finding of findings) {
    if (!finding.line) continue;
    const { from } = state.doc.line(lineOf(state, finding));
    const known = worst.get(from);
    if (known === undefined || WEIGHT[finding.severity] < WEIGHT[known]) worst.set(from, finding.severity);
  }
  return RangeSet.of(
    [...worst].map(([from, severity]) => new Mark(severity).range(from)),
    true,
  );
}
