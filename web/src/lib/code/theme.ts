// How code looks: our colours, both themes, for the editor and its parts. It holds no behaviour.
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const mix = (colour: string, share: number) => `color-mix(in srgb, var(--${colour}) ${share}%, transparent)`;

const look = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'var(--code)', height: '100%', fontSize: '12.5px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-mono, monospace)', lineHeight: '20px', overflow: 'auto' },
  '.cm-content': { padding: '6px 0 24px', fontVariantLigatures: 'none' },
  '.cm-content:focus-visible': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
  // Text is shown in the order in which a machine reads it, whatever direction its letters have.
  '.cm-line': { padding: '0 12px 0 8px', direction: 'ltr', unicodeBidi: 'bidi-override' },
  '.cm-gutters': { backgroundColor: 'var(--code)', color: 'var(--ink-2)', border: 'none' },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '34px', padding: '0 6px 0 4px', fontVariantNumeric: 'tabular-nums' },
  '.cm-selectionMatch': { backgroundColor: mix('accent', 22) },
  '.cm-searchMatch': { backgroundColor: mix('amber', 30), outline: '1px solid var(--amber)' },
  '.cm-searchMatch-selected': { backgroundColor: mix('amber', 55) },
  '.cm-specialChar': {
    color: 'var(--surface)',
    backgroundColor: 'var(--red)',
    borderRadius: '3px',
    padding: '0 3px',
    margin: '0 1px',
    fontSize: '11px',
    fontWeight: '600',
  },
  '.cm-panels': { backgroundColor: 'var(--surface)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panel.cm-search': { padding: '6px 32px 6px 8px', fontFamily: 'var(--font-sans, sans-serif)', fontSize: '12px' },
  '.cm-panel.cm-search [name=close]': { color: 'var(--ink-2)', right: '8px', top: '6px', fontSize: '18px' },
  '.cm-textfield': {
    height: '28px',
    padding: '0 8px',
    border: '1px solid var(--outline)',
    borderRadius: '6px',
    backgroundColor: 'var(--surface)',
    color: 'var(--ink)',
    fontSize: '12px',
  },
  '.cm-button': {
    height: '28px',
    padding: '0 8px',
    border: '1px solid var(--outline)',
    borderRadius: '6px',
    backgroundImage: 'none',
    backgroundColor: 'var(--surface)',
    color: 'var(--ink)',
    fontSize: '12px',
    cursor: 'pointer',
  },
});

const comparison = EditorView.theme({
  '.cm-changeGutter': { width: '4px', paddingLeft: '0' },
  '&.cm-merge-b .cm-changedLine': { backgroundColor: mix('green', 8) },
  // Text keeps a contrast of 4.5 on both grounds; what changed within a line is underlined as well.
  '&.cm-merge-b .cm-changedText': { background: mix('green', 10), boxShadow: 'inset 0 -2px var(--green)' },
  '&.cm-merge-b .cm-changedLineGutter': { background: 'var(--green)' },
  '&.cm-merge-a .cm-changedLine, .cm-deletedChunk': { backgroundColor: mix('red', 8) },
  '&.cm-merge-a .cm-changedText, .cm-deletedChunk .cm-deletedText': {
    background: mix('red', 10),
    boxShadow: 'inset 0 -2px var(--red)',
  },
  // Where nothing of a line stayed, the line's own ground says all.
  '&.cm-merge-a .cm-wholeLine .cm-changedText, &.cm-merge-b .cm-wholeLine .cm-changedText, .cm-deletedChunk .cm-wholeLine .cm-deletedText':
    { background: 'none', boxShadow: 'none' },
  '&.cm-merge-a .cm-changedLineGutter, .cm-deletedLineGutter': { background: 'var(--red)' },
  '.cm-deletedChunk': { padding: '0 12px 0 8px' },
  '.cm-deletedChunk .cm-deletedLine': {
    direction: 'ltr',
    unicodeBidi: 'bidi-override',
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
  },
  '.cm-deletedChunk del, ins.cm-insertedLine': { textDecoration: 'none' },
  '.cm-mergeSpacer': { backgroundColor: 'transparent' },
});

/** The parts that are ours: marks of findings and folded lines. */
const marks = EditorView.theme({
  '.cm-findings': { width: '20px' },
  '.cm-findings .cm-gutterElement': { display: 'grid', justifyItems: 'center', paddingTop: '2px' },
  '.finding-mark': {
    display: 'grid',
    placeItems: 'center',
    width: '16px',
    height: '16px',
    borderRadius: '4px',
    fontSize: '11px',
    fontWeight: '700',
    lineHeight: '1',
    fontFamily: 'var(--font-sans, sans-serif)',
    color: 'var(--surface)',
  },
  '.finding-mark.error': { backgroundColor: 'var(--red)' },
  '.finding-mark.warning': { backgroundColor: 'var(--amber)' },
  '.finding-mark.notice': { backgroundColor: 'var(--blue)' },
  '.finding-line': { boxShadow: 'inset 2px 0 var(--amber)' },
  // Space around a block is padding: the editor does not measure margins.
  '.finding-place': { padding: '2px 12px 4px 8px' },
  '.finding-note': {
    display: 'flex',
    gap: '4px 10px',
    flexWrap: 'wrap',
    alignItems: 'baseline',
    padding: '4px 8px',
    border: '1px solid var(--line)',
    borderLeft: '3px solid var(--ink-2)',
    borderRadius: '6px',
    backgroundColor: 'var(--surface)',
    fontFamily: 'var(--font-sans, sans-serif)',
    fontSize: '12px',
    lineHeight: '16px',
    whiteSpace: 'normal',
  },
  '.finding-note.error': { borderLeftColor: 'var(--red)' },
  '.finding-note.warning': { borderLeftColor: 'var(--amber)' },
  '.finding-note.notice': { borderLeftColor: 'var(--blue)' },
  '.finding-note.current': { outline: '2px solid var(--accent)', outlineOffset: '-1px' },
  '.finding-note button': {
    font: 'inherit',
    color: 'inherit',
    textAlign: 'left',
    background: 'none',
    border: 'none',
    padding: '0',
    cursor: 'pointer',
    overflowWrap: 'anywhere',
    flex: '1 1 12rem',
  },
  '.finding-note b': { fontWeight: '600', marginRight: '6px' },
  '.finding-note.error b': { color: 'var(--red)' },
  '.finding-note.warning b': { color: 'var(--amber)' },
  '.finding-note.notice b': { color: 'var(--blue)' },
  '.finding-note .kept': { color: 'var(--amber)', fontWeight: '500' },
  '.finding-note a': { color: 'var(--accent)' },
  '.finding-note :focus-visible': { outline: '2px solid var(--accent)', outlineOffset: '2px', borderRadius: '4px' },
  '.folded-lines': {
    display: 'block',
    width: '100%',
    padding: '3px 12px',
    border: 'none',
    borderBlock: '1px solid var(--line)',
    backgroundColor: 'var(--subtle)',
    color: 'var(--ink-2)',
    font: '12px/16px var(--font-sans, sans-serif)',
    textAlign: 'left',
    cursor: 'pointer',
  },
  '.folded-lines:hover': { color: 'var(--ink)' },
  '.folded-lines:focus-visible': { outline: '2px solid var(--accent)', outlineOffset: '-2px' },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: 'var(--blue)', fontWeight: '500' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'var(--green)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom, tags.unit, tags.color], color: 'var(--amber)' },
  { tag: [tags.comment, tags.meta, tags.processingInstruction], color: 'var(--ink-2)', fontStyle: 'italic' },
  { tag: [tags.tagName, tags.className, tags.heading], color: 'var(--blue)', fontWeight: '500' },
  {
    tag: [tags.attributeName, tags.propertyName, tags.standard(tags.variableName), tags.link],
    color: 'var(--accent-strong)',
  },
  { tag: tags.strong, fontWeight: '600' },
  { tag: tags.emphasis, fontStyle: 'italic' },
]);

export const codeTheme: Extension = [look, comparison, marks, syntaxHighlighting(colours)];

/** What stands in the shadow root beside the editor's own rules. */
export const SHADOW_CSS = `
  :host { display: block; height: 100%; min-height: 0; }
  .frame { height: 100%; }
  .cm-mergeView { height: 100%; overflow: auto; background: var(--code); }
  .cm-mergeView .cm-mergeViewEditor + .cm-mergeViewEditor { border-left: 1px solid var(--line); }
`;
