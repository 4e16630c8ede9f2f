// Folds unchanged lines of a comparison behind a button, on one side or on both alike.
import { type Extension, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, WidgetType } from '@codemirror/view';
import type { Gap } from '#lib/code/collapse.ts';
import { t } from '#lib/messages/messages.ts';

type Fold = { id: number; fromLine: number; lines: number };

const setFolds = StateEffect.define<readonly Fold[]>();
const unfold = StateEffect.define<number>();

class Folded extends WidgetType {
  readonly fold: Fold;
  readonly onopen: (id: number) => void;
  constructor(fold: Fold, onopen: (id: number) => void) {
    super();
    this.fold = fold;
    this.onopen = onopen;
  }
  override eq(other: Folded): boolean {
    return other.fold.id === this.fold.id && other.fold.lines === this.fold.lines;
  }
  override get estimatedHeight(): number {
    return 24;
  }
  override ignoreEvent(): boolean {
    return true;
  }
  override toDOM(): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'folded-lines';
    button.textContent = `⋯ ${t.reviews.code.unchanged(this.fold.lines)}`;
    button.addEventListener('click', () => this.onopen(this.fold.id));
    return button;
  }
}

/** The extension for one editor; `onopen` is told which fold was pressed. */
export function folding(onopen: (id: number) => void): Extension {
  return StateField.define<DecorationSet>({
    create: () => Decoration.none,
    update(value, { effects, state }) {
      let folds = value;
      for (const effect of effects) {
        if (effect.is(setFolds)) {
          folds = Decoration.set(
            effect.value.map((fold) =>
              Decoration.replace({ widget: new Folded(fold, onopen), block: true, id: fold.id }).range(
                state.doc.line(fold.fromLine).from,
                state.doc.line(fold.fromLine + fold.lines - 1).to,
              ),
            ),
          );
        } else if (effect.is(unfold)) folds = folds.update({ filter: (_f, _t, { spec }) => spec.id !== effect.value });
      }
      return folds;
    },
    provide: (field) => EditorView.decorations.from(field),
  });
}

/** Folds these runs; their id is their first line in the newer text, on both sides. */
export function foldRuns(view: EditorView, runs: readonly Gap[], side: 'a' | 'b'): void {
  const folds = runs.map(({ fromA, fromB, lines }) => ({ id: fromB, fromLine: side === 'a' ? fromA : fromB, lines }));
  view.dispatch({ effects: setFolds.of(folds) });
}

/** Opens one fold. */
export function openFold(view: EditorView, id: number): void {
  view.dispatch({ effects: unfold.of(id) });
}
