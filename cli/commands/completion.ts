/** Owns `mosis completion`: scripts for three shells, made from the same tables as the help. */
import { type Command, defineCommand } from '../command.ts';
import { usageError } from '../errors.ts';
import { GLOBAL_OPTIONS } from '../help.ts';
import { ENTRIES } from '../registry.ts';
import { t } from '../text.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** One line of the completion table: the words typed so far and what may follow. */
interface Place {
  /** Empty, `keys` or `keys list`. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly help: string }[];
  readonly options: readonly { readonly option: string; readonly help: string; readonly takesValue: boolean }[];
}

const SETUP: Readonly<Record<Shell, string>> = {
  bash: 'eval "$(mosis completion bash)" in ~/.bashrc',
  zsh: 'eval "$(mosis completion zsh)" in ~/.zshrc, after compinit',
  fish: 'mosis completion fish > ~/.config/fish/completions/mosis.fish',
};

export const completion = defineCommand({
  summary: 'Print completions for bash, zsh or fish',
  description: 'Prints a script for your shell to read. It completes commands, their options, and files.',
  arguments: [{ name: 'SHELL', help: SHELLS.join(', '), required: true }],
  examples: Object.values(SETUP),
  async run(_, { args }) {
    const shell = SHELLS.find((known) => known === args[0]);
    if (shell === undefined)
      throw usageError(`SHELL is one of ${SHELLS.join(', ')}; not "${args[0]}".`, 'mosis completion bash');
    const script = SCRIPTS[shell](await places());
    return { json: { shell, script, setup: SETUP[shell] }, lines: script.split('\n').map((line) => t`${line}`) };
  },
});

async function places(): Promise<Place[]> {
  const found: Place[] = [
    { path: '', words: ENTRIES.map(({ name, summary }) => ({ word: name, help: summary })), options: optionsOf({}) },
  ];
  for (const { name, load } of ENTRIES) {
    const entry = await load();
    if (entry.kind === 'command') {
      found.push({ path: name, words: [], options: optionsOf(entry.options) });
      continue;
    }
    const inner = Object.entries(entry.commands);
    const words = inner.map(([word, { summary }]) => ({ word, help: summary }));
    found.push({ path: name, words, options: optionsOf({}) });
    for (const [word, command] of inner)
      found.push({ path: `${name} ${word}`, words: [], options: optionsOf(command.options) });
  }
  return found;
}

function optionsOf(options: Command['options']): Place['options'] {
  return Object.entries({ ...options, ...GLOBAL_OPTIONS }).map(([name, spec]) => ({
    option: `--${name}`,
    help: spec.help,
    takesValue: spec.type === 'string',
  }));
}

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = {
  bash: (list) => `_mosis() {
  local word="\${COMP_WORDS[COMP_CWORD]}" path="" i choices=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in -*) ;; *) path="\${path:+$path }\${COMP_WORDS[i]}" ;; esac
  done
  while :; do
    case "$path" in
${list.map((place) => `      ${quoted(place.path)}) choices=${quoted(choicesOf(place))}; break ;;`).join('\n')}
    esac
    [[ -z "$path" ]] && break
    [[ "$path" == *" "* ]] && path="\${path% *}" || path=""
  done
  if [[ "$word" == -* || -z "\${path#* }" ]]; then COMPREPLY=($(compgen -W "$choices" -- "$word"))
  else COMPREPLY=($(compgen -W "$choices" -- "$word") $(compgen -f -- "$word")); fi
}
complete -o filenames -F _mosis mosis`,
  zsh: (list) => `#compdef mosis
_mosis() {
  local typed="" word
  local -a choices
  for word in \${words[2,CURRENT-1]}; do [[ $word == -* ]] || typed="\${typed:+$typed }$word"; done
  while true; do
    case "$typed" in
${list.map((place) => `      ${quoted(place.path)}) choices=(${described(place).join(' ')}); break ;;`).join('\n')}
    esac
    [[ -z $typed ]] && break
    [[ $typed == *" "* ]] && typed="\${typed% *}" || typed=""
  done
  _describe 'mosis' choices
  _files
}
compdef _mosis mosis`,
  fish: (list) =>
    list
      .flatMap((place) => {
        const seen = fishCondition(place);
        const words = place.words.map(
          ({ word, help }) => `complete -c mosis -n ${quoted(seen)} -a ${word} -d ${quoted(help)}`,
        );
        const options = place.options.map(
          ({ option, help, takesValue }) =>
            `complete -c mosis -n ${quoted(seen)} -l ${option.slice(2)}${takesValue ? ' -r' : ''} -d ${quoted(help)}`,
        );
        return [...words, ...options];
      })
      .join('\n'),
};

/** When fish offers what belongs to a place: after its words, and before the next one. */
function fishCondition({ path, words }: Place): string {
  if (path === '') return '__fish_use_subcommand';
  const seen = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  const next = words.length === 0 ? [] : [`not __fish_seen_subcommand_from ${words.map(({ word }) => word).join(' ')}`];
  return [...seen, ...next].join('; and ');
}

function choicesOf({ words, options }: Place): string {
  return [...words.map(({ word }) => word), ...options.map(({ option }) => option)].join(' ');
}

function described({ words, options }: Place): string[] {
  const lines = [
    ...words.map(({ word, help }) => `${word}:${help.replaceAll(':', '\\:')}`),
    ...options.map(({ option, help }) => `${option}:${help.replaceAll(':', '\\:')}`),
  ];
  return lines.map(quoted);
}

/** A word in single quotes, as all three shells read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
