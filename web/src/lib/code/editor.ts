// Makes the read-only code and comparison view on CodeMirror, in a shadow root so that its rules need no style element. This is
// the one file that brings the editor along: import it only lazily.
import { defaultKeymap } from '@codemirror/commands';
import { type Chunk, getChunks, MergeView, unifiedMergeView } from '@codemirror/merge';
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, type Extension, type Text } from '@codemirror/state';
import { EditorView, highlightSpecialChars, keymap, lineNumbers } from '@codemirror/view';
import { collapsedRuns, type Gap } from '#lib/code/collapse.ts';
import { findingMarks, lineOf, type Marked, showFindings } from '#lib/code/finding-marks.ts';
import { folding, foldRuns, openFold } from '#lib/code/folding.ts';
import { MORE_HIDDEN, nameOfCharacter } from '#lib/code/hidden.ts';
import { loadLanguage } from '#lib/code/languages.ts';
import type { CodeMode } from '#lib/code/modes.ts';
import { languageOf } from '#lib/code/shape.ts';
import { codeTheme, SHADOW_CSS } from '#lib/code/theme.ts';
import { wholeLines } from '#lib/code/whole-lines.ts';

export type CodeOptions = {
  path: string;
  text: string;
  /** The older text; null where there is none to compare with. */
  before: string | null;
  mode: CodeMode;
  wrap: boolean;
  label: string;
  marked: Marked;
  onselect: (findingId: string) => void;
};

export type CodeHandle = {
  /** Lines that came and went; zeros where nothing is compared. */
  counts: { added: number; removed: number };
  mark: (marked: Marked) => void;
  wrap: (on: boolean) => void;
  /** Brings a line into the middle; lines are counted from 1. */
  showLine: (line: number) => void;
  /** The next change below (or above) what is in sight; whether there was one. */
  step: (by: 1 | -1) => boolean;
  search: () => void;
  focus: () => void;
  destroy: () => void;
};

const MARGIN = 3;
const MIN_FOLD = 4;
/** Past these the comparison gives up precision, not lines. */
const DIFF = { scanLimit: 2000, timeout: 400 };

/** Draws the view in `parent`. Rejects when a chunk cannot be loaded. */
export async function createCode(parent: ShadowRoot, options: CodeOptions): Promise<CodeHandle> {
  const language = languageOf(options.path);
  const grammar = language === null ? [] : await loadLanguage(language);
  const frame = document.createElement('div');
  frame.className = 'frame';
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(SHADOW_CSS);
  parent.replaceChildren(frame);
  parent.adoptedStyleSheets = [sheet];
  // Keys typed into the editor's search box are no commands of the page, which sees only the shadow's host as their target.
  frame.addEventListener('keydown', (event) => {
    if (event.target instanceof HTMLInputElement) event.stopPropagation();
  });

  const wrapping = new Compartment();
  let views: { a: EditorView | null; b: EditorView; destroy: () => void };
  const onopen = (id: number) => {
    if (views.a) openFold(views.a, id);
    openFold(views.b, id);
  };
  const shared = (label: string): Extension => [
    EditorState.readOnly.of(true),
    EditorView.editable.of(false),
    EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': label }),
    EditorState.tabSize.of(2),
    lineNumbers(),
    highlightSpecialChars({
      addSpecialChars: MORE_HIDDEN,
      render: (code, _description, placeholder) => specialMark(code, placeholder),
    }),
    highlightSelectionMatches(),
    search({ top: true }),
    keymap.of([...searchKeymap, ...defaultKeymap]),
    wrapping.of(options.wrap ? EditorView.lineWrapping : []),
    folding(onopen),
    grammar,
    wholeLines,
    codeTheme,
  ];
  const marks = findingMarks(options.onselect);
  const compared = options.before !== null && options.mode !== 'file' ? options.before : null;
  if (compared !== null && options.mode === 'split') {
    const merge = new MergeView({
      a: { doc: compared, extensions: shared(`${options.label} (−)`) },
      b: { doc: options.text, extensions: [marks, shared(options.label)] },
      parent: frame,
      root: parent,
      diffConfig: DIFF,
    });
    views = { a: merge.a, b: merge.b, destroy: () => merge.destroy() };
  } else {
    const unified =
      compared === null ? [] : unifiedMergeView({ original: compared, mergeControls: false, diffConfig: DIFF });
    const view = new EditorView({
      doc: options.text,
      extensions: [marks, unified, shared(options.label)],
      parent: frame,
      root: parent,
    });
    views = { a: null, b: view, destroy: () => view.destroy() };
  }
  const { a, b } = views;
  const chunks = compared === null ? [] : (getChunks(b.state)?.chunks ?? []);
  showFindings(b, options.marked);
  if (compared !== null) {
    const older = EditorState.create({ doc: compared }).doc;
    const keep = options.marked.findings.map((finding) => lineOf(b.state, finding));
    const runs = collapsedRuns(gapsOf(chunks, older, b.state.doc), { keep, margin: MARGIN, minLines: MIN_FOLD });
    if (a) foldRuns(a, runs, 'a');
    foldRuns(b, runs, 'b');
  }
  return {
    counts: countLines(chunks, compared, b.state.doc),
    mark: (marked) => showFindings(b, marked),
    wrap(on) {
      for (const view of [a, b]) view?.dispatch({ effects: wrapping.reconfigure(on ? EditorView.lineWrapping : []) });
    },
    showLine(line) {
      const { from } = b.state.doc.line(Math.min(b.state.doc.lines, Math.max(1, line)));
      b.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
    },
    step(by) {
      const at = b.state.selection.main.head;
      const next =
        by === 1
          ? chunks.find((chunk) => chunk.fromB > at)
          : chunks.findLast((chunk) => chunk.fromB < at && chunk.endB < at);
      if (next === undefined) return false;
      const from = Math.min(next.fromB, b.state.doc.length);
      b.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: 'center' }) });
      return true;
    },
    search: () => void openSearchPanel(b),
    focus: () => b.contentDOM.focus(),
    destroy: () => views.destroy(),
  };
}

function specialMark(code: number, placeholder: string): HTMLElement {
  const mark = document.createElement('span');
  const name = nameOfCharacter(code);
  mark.className = 'cm-specialChar';
  // A control picture says little: the code point is what a reader can look up.
  mark.textContent = code < 0x20 ? placeholder : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  mark.title = name;
  mark.setAttribute('aria-label', name);
  return mark;
}

/** The runs of equal lines before, between and after the changes. */
function gapsOf(chunks: readonly Chunk[], a: Text, b: Text): Gap[] {
  const gaps: Gap[] = [];
  let fromA = 1;
  let fromB = 1;
  for (const chunk of chunks) {
    const nextA = lineAt(chunk.fromA, a);
    const nextB = lineAt(chunk.fromB, b);
    const lines = Math.min(nextA - fromA, nextB - fromB);
    if (lines > 0) gaps.push({ fromA, fromB, lines });
    fromA = nextA + linesIn(chunk.fromA, chunk.toA, a);
    fromB = nextB + linesIn(chunk.fromB, chunk.toB, b);
  }
  const lines = Math.min(a.lines - fromA, b.lines - fromB) + 1;
  if (lines > 0) gaps.push({ fromA, fromB, lines });
  return gaps;
}

/** The line that begins at `from`; one past the last where a change lies behind the text's end. */
function lineAt(from: number, text: Text): number {
  return from > text.length ? text.lines + 1 : text.lineAt(from).number;
}

function linesIn(from: number, to: number, text: Text): number {
  if (from >= to || from > text.length) return 0;
  return text.lineAt(Math.min(text.length, to - 1)).number - text.lineAt(from).number + 1;
}

function countLines(chunks: readonly Chunk[], before: string | null, b: Text): { added: number; removed: number } {
  if (before === null) return { added: 0, removed: 0 };
  const a = EditorState.create({ doc: before }).doc;
  let added = 0;
  let removed = 0;
  for (const chunk of chunks) {
    added += linesIn(chunk.fromB, chunk.toB, b);
    removed += linesIn(chunk.fromA, chunk.toA, a);
  }
  return { added, removed };
}
