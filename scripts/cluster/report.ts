/** A line for each promise, on the terminal at once and in docs/cluster-test.md at the end. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { styleText } from 'node:util'

interface Line {
  readonly promise: string
  readonly isKept: boolean
  readonly found: string
  readonly atSeconds: number
}

const page = join(import.meta.dirname, '../../docs/cluster-test.md')

/** What is longer is on the terminal. */
const widest = 240

export class Chapter {
  readonly name: string
  readonly #title: string
  readonly #lines: Line[] = []
  readonly #started = performance.now()

  constructor(name: string, title: string) {
    this.name = name
    this.#title = title
    console.log(styleText('bold', `\n${name}: ${title}`))
  }

  get failed(): number {
    return this.#lines.filter(({ isKept }) => !isKept).length
  }

  /** @returns isKept */
  report(promise: string, isKept: boolean, found: unknown = ''): boolean {
    const said = String(found).trim()
    this.#lines.push({ promise, isKept, found: said, atSeconds: this.#seconds })
    const mark = isKept ? styleText('green', '✔') : styleText('red', '✘')
    const at = styleText('dim', `${Math.round(this.#seconds)} s`)
    console.log(`${mark} ${promise}${said === '' ? '' : `: ${said}`} ${at}`)
    return isKept
  }

  /** The chapter as it stands on the page. */
  page(versions: string): string {
    const kept = this.#lines.length - this.failed
    const rows = this.#lines.map(
      ({ promise, isKept, found, atSeconds }) =>
        `| ${isKept ? '✔' : '✘'} | ${cell(promise)} | ${cell(found)} | ${Math.round(atSeconds)} s |`,
    )
    return `## ${this.name}: ${this.#title}

${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, ${Math.round(this.#seconds)} s. ${kept} of ${this.#lines.length} kept. ${versions}

| | promise | found | at |
| --- | --- | --- | --- |
${rows.join('\n')}
`
  }

  get #seconds(): number {
    return (performance.now() - this.#started) / 1000
  }
}

const cell = (text: string): string =>
  (text.length > widest ? `${text.slice(0, widest)} …` : text).replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')

const head = `<!-- Written by scripts/cluster-test. -->

# On a real cluster

What the last run of \`scripts/cluster-test\` found, each chapter for itself: Kubernetes with its real API server, scheduler,
controllers and kubelet on one node, the real KEDA and Helm, the image as it is built from this repository, the real Claude
Code against a model that follows a script, and a real git server. Jobs are counted as users see them: by
\`agenticore jobs --json\`, and by the branches and pull requests at the git server.
`

/** Replaces the parts of these chapters; the others stay as they were found. @param order the names of all chapters there are */
export function writePage(chapters: readonly Chapter[], order: readonly string[], versions: string): void {
  const before = existsSync(page) ? readFileSync(page, 'utf8') : ''
  const parts = new Map(
    before
      .split(/^(?=## )/m)
      .slice(1)
      .map(part => [/^## ([\w-]+)/.exec(part)?.[1] ?? '', part.trimEnd()]),
  )
  for (const chapter of chapters) parts.set(chapter.name, chapter.page(versions).trimEnd())
  const all = order.flatMap(name => parts.get(name) ?? [])
  writeFileSync(page, `${[head.trimEnd(), ...all].join('\n\n')}\n`)
}
