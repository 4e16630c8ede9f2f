// Tells lines that came or went as a whole from lines that changed in part: only in the latter is the changed text marked.
import { getChunks } from '@codemirror/merge';
import type { Extension } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, ViewPlugin } from '@codemirror/view';

export type Span = { from: number; to: number };

const WHOLE = 'cm-wholeLine';
const wholeLine = Decoration.line({ class: WHOLE });

/** Whether nothing but blanks of a line stayed. `changed` is in order and counts from the line's beginning; it may reach past it. */
export function isWholeLine(line: string, changed: readonly Span[]): boolean {
  let stayed = '';
  let at = 0;
  for (const { from, to } of changed) {
    stayed += line.slice(at, Math.max(at, from));
    at = Math.max(at, to);
  }
  return (stayed + line.slice(at)).trim() === '';
}

/** The whole lines in sight. Decorations come from the view, for those far away are not worth the time. */
function wholeLinesOf(view: EditorView): DecorationSet {
  const compared = getChunks(view.state);
  const { doc } = view.state;
  const older = compared?.side === 'a';
  const found = [];
  for (const chunk of compared?.chunks ?? []) {
    const start = older ? chunk.fromA : chunk.fromB;
    const end = Math.min(older ? chunk.toA : chunk.toB, doc.length + 1);
    if (start > view.viewport.to) break;
    const changed = chunk.changes.map(({ fromA, toA, fromB, toB }) =>
      older ? { from: start + fromA, to: start + toA } : { from: start + fromB, to: start + toB },
    );
    let next = 0;
    for (let at = Math.max(start, doc.lineAt(view.viewport.from).from); at < end && at <= view.viewport.to; ) {
      const line = doc.lineAt(at);
      while ((changed[next]?.to ?? Number.POSITIVE_INFINITY) < line.from) next += 1;
      const spans: Span[] = [];
      for (let each = next; (changed[each]?.from ?? Number.POSITIVE_INFINITY) <= line.to; each += 1) {
        const { from = 0, to = 0 } = changed[each] ?? {};
        spans.push({ from: Math.max(0, from - line.from), to: to - line.from });
      }
      if (isWholeLine(line.text, spans)) found.push(wholeLine.range(line.from));
      at = line.to + 1;
    }
  }
  return Decoration.set(found);
}

/** In the unified view removed lines are no text of the document: the comparison has drawn them already. */
const wholeRemovedLines = ViewPlugin.define(() => ({
  docViewUpdate({ contentDOM }) {
    for (const line of contentDOM.querySelectorAll('.cm-deletedLine')) {
      const stayed = [...(line.firstChild?.childNodes ?? [])].filter(
        (part) => !(part instanceof Element && part.classList.contains('cm-deletedText')),
      );
      const whole = stayed.every((part) => (part.textContent ?? '').trim() === '');
      if (whole !== line.classList.contains(WHOLE)) line.classList.toggle(WHOLE, whole);
    }
  },
}));

/** Gives such lines a class, for the theme. */
export const wholeLines: Extension = [EditorView.decorations.of(wholeLinesOf), wholeRemovedLines];
