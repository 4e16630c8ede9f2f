// Brings the grammar of a language when a file in it is opened; each is a chunk of its own.
import { LanguageSupport, StreamLanguage } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import type { Language } from '#lib/code/shape.ts';

const LOADERS: Record<Language, () => Promise<Extension>> = {
  lua: async () => {
    const { lua } = await import('@codemirror/legacy-modes/mode/lua');
    return new LanguageSupport(StreamLanguage.define(lua));
  },
  xml: async () => (await import('@codemirror/lang-xml')).xml(),
  css: async () => (await import('@codemirror/lang-css')).css(),
  json: async () => (await import('@codemirror/lang-json')).json(),
  markdown: async () => (await import('@codemirror/lang-markdown')).markdown(),
};

/** The extension that colours `language`. Rejects when its chunk cannot be loaded. */
export function loadLanguage(language: Language): Promise<Extension> {
  return LOADERS[language]();
}
