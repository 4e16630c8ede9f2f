/** Owns asking a person: on stderr, so that stdout stays data, and only where both ends are a terminal. */
import { createInterface } from 'node:readline/promises';
import { CliError, EXIT, usageError } from './errors.ts';
import { dim, type Styled, t } from './text.ts';

export interface Prompt {
  /** Whether there is somebody to ask. */
  readonly interactive: boolean;
  /** Asks for a line; `flag` is what to give instead where nobody can be asked. */
  ask(question: Styled, options: AskOptions): Promise<string>;
  /** Asks for a line that is not shown. */
  secret(question: Styled, flag: string): Promise<string>;
  confirm(question: Styled, flag: string): Promise<boolean>;
}

export interface AskOptions {
  readonly flag: string;
  /** What an empty answer means; only offered to a person, never assumed. */
  readonly suggestion?: string;
  /** What is wrong with an answer, or null; the question is asked again. */
  readonly check?: (answer: string) => string | null;
}

export interface PromptStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly nonInteractive: boolean;
}

/** Prompts over a terminal; anywhere else each question is a usage error that names its flag. */
export function createPrompt({ input, output, nonInteractive }: PromptStreams): Prompt {
  const interactive = !nonInteractive && input.isTTY === true && output.isTTY === true;
  const refuse = (question: Styled, flag: string) => {
    const why = nonInteractive ? '--non-interactive was given' : 'this is not a terminal';
    return usageError(`${question.plain}: no answer was given, and nobody can be asked because ${why}.`, `add ${flag}`);
  };
  const readLine = async (text: string, signal: AbortSignal) => {
    const lines = createInterface({ input, output, terminal: true });
    try {
      return await lines.question(text, { signal });
    } finally {
      lines.close();
    }
  };
  return {
    interactive,
    async ask(question, { flag, suggestion, check }) {
      if (!interactive) throw refuse(question, flag);
      const shown = suggestion === undefined ? question : t`${question} ${dim(`(${suggestion})`)}`;
      for (;;) {
        const answer = await cancellable((signal) => readLine(`${shown.ansi}: `, signal));
        const value = answer.trim() === '' ? (suggestion ?? '') : answer.trim();
        const problem = check?.(value) ?? null;
        if (problem === null) return value;
        output.write(`${t`  ${problem}`.plain}\n`);
      }
    },
    async secret(question, flag) {
      if (!interactive) throw refuse(question, flag);
      return await readSecret(input, output, `${question.plain}: `);
    },
    async confirm(question, flag) {
      if (!interactive) throw refuse(question, flag);
      const answer = await cancellable((signal) => readLine(`${question.ansi} ${dim('[y/N]').ansi} `, signal));
      return /^y(es)?$/i.test(answer.trim());
    },
  };
}

const cancelled = () => new CliError('CANCELLED', 'Cancelled.', { exit: EXIT.failed });

async function cancellable(read: (signal: AbortSignal) => Promise<string>): Promise<string> {
  try {
    return await read(new AbortController().signal);
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') throw cancelled();
    throw error;
  }
}

/** Reads one line in raw mode without an echo; Ctrl-C and Ctrl-D cancel. */
function readSecret(input: NodeJS.ReadStream, output: NodeJS.WriteStream, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let value = '';
    const finish = (act: () => void) => {
      input.off('data', take);
      input.setRawMode(false);
      input.pause();
      output.write('\n');
      act();
    };
    const take = (chunk: Buffer) => {
      for (const character of chunk.toString('utf8')) {
        if (character === '\r' || character === '\n') return finish(() => resolve(value));
        if (character === '\u0003' || character === '\u0004') return finish(() => reject(cancelled()));
        if (character === '\u007f' || character === '\b') value = value.slice(0, -1);
        else if (character >= ' ') value += character;
      }
    };
    output.write(question);
    input.setRawMode(true);
    input.resume();
    input.on('data', take);
  });
}
