/** A command as a shell has to know it. */
export interface Completable {
  readonly name: string
  readonly summary: string
  readonly flags: readonly CompletableFlag[]
}

export interface CompletableFlag {
  readonly name: string
  readonly short?: string | undefined
  readonly description: string
  /** What may follow; empty: anything. Undefined: nothing does. */
  readonly values: readonly string[] | undefined
}

export type Shell = 'bash' | 'zsh' | 'fish'
export const shells: readonly Shell[] = ['bash', 'zsh', 'fish']

const writers: Readonly<Record<Shell, (bin: string, commands: readonly Completable[]) => string>> = { bash, zsh, fish }

/** A script that teaches the shell the commands, their flags, and the values of those that have a few. */
export const completionFor = (shell: Shell, bin: string, commands: readonly Completable[]): string =>
  writers[shell](bin, commands)

function bash(bin: string, commands: readonly Completable[]): string {
  const perCommand = commands.map(({ name, flags }) => {
    const values = flags.flatMap(flag =>
      flag.values?.length
        ? [
            `      ${formsOf(flag).join('|')}) COMPREPLY=($(compgen -W '${flag.values.join(' ')}' -- "$cur")); return ;;`,
          ]
        : [],
    )
    return [
      `    ${name})`,
      ...(values.length > 0 ? ['      case $prev in', ...values, '      esac'] : []),
      `      words='${flags.map(flag => `--${flag.name}`).join(' ')}' ;;`,
    ].join('\n')
  })
  return `_${bin}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words
  # Of --flag=value bash makes three words.
  if [ "$cur" = = ]; then cur=; elif [ "$prev" = = ]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')}' -- "$cur"))
    return
  fi
  case \${COMP_WORDS[1]} in
${perCommand.join('\n')}
  esac
  case $cur in -*) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;; esac
}
complete -o default -F _${bin} ${bin}`
}

const formsOf = ({ name, short }: CompletableFlag): string[] => [
  `--${name}`,
  ...(short === undefined ? [] : [`-${short}`]),
]

function zsh(bin: string, commands: readonly Completable[]): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', '\\:')}`)}`)
  const perCommand = commands.map(({ name, flags }) => {
    const specs = flags.flatMap(flag =>
      formsOf(flag).map(form => {
        // The value may follow in the same word.
        const joined = flag.values === undefined ? '' : form.startsWith('--') ? '=' : '+'
        return quoted(`${form}${joined}[${flag.description.replaceAll(/[[\]]/g, '\\$&')}]${zshValues(flag)}`)
      }),
    )
    return `    ${name}) _arguments ${[...specs, "'*:file:_files'"].join(' ')} ;;`
  })
  return `#compdef ${bin}
_${bin}() {
  local -a commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${perCommand.join('\n')}
  esac
}
compdef _${bin} ${bin}`
}

const zshValues = ({ name, values }: CompletableFlag): string => {
  if (values === undefined) return ''
  return values.length === 0 ? `:${name}:_files` : `:${name}:(${values.join(' ')})`
}

function fish(bin: string, commands: readonly Completable[]): string {
  const first = commands.map(
    ({ name, summary }) => `complete -c ${bin} -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
  )
  const rest = commands.flatMap(({ name, flags }) =>
    flags.map(flag => {
      const short = flag.short === undefined ? '' : ` -s ${flag.short}`
      const values =
        flag.values === undefined ? '' : ` -r${flag.values.length > 0 ? ` -f -a ${quoted(flag.values.join(' '))}` : ''}`
      const when = quoted(`__fish_seen_subcommand_from ${name}`)
      return `complete -c ${bin} -n ${when} -l ${flag.name}${short}${values} -d ${quoted(flag.description)}`
    }),
  )
  return [...first, ...rest].join('\n')
}

/** In single quotes, for all three. */
const quoted = (text: string): string => `'${text.replaceAll("'", '’')}'`
