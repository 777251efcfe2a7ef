import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { projectFolder } from '../../test/e2e/harness/project.ts'

/** What a program answers in place of a report when it could not do what it was asked for. */
export interface Failed {
  readonly kind: 'failed'
  readonly reason: string
}

const answerMsMost = 300_000

/** One of the programs/, in a process of its own, that answers every command with one report. */
export class ChildProgram<Command extends object, Report extends { readonly kind: string }> {
  readonly #child: ChildProcess
  readonly #name: string

  constructor(name: string) {
    this.#name = name
    const program = join(projectFolder, 'benchmarks', 'programs', `${name}.ts`)
    this.#child = fork(program, { execArgv: ['--import', 'tsx'] })
  }

  async ask(command: Command): Promise<Exclude<Report, Failed>> {
    const settled = new AbortController()
    const { signal } = settled
    const answer = once(this.#child, 'message', { signal })
    const ended = once(this.#child, 'exit', { signal }).then(([code]) => {
      throw new Error(`${this.#name} has ended with ${code}`)
    })
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), answerMsMost)
    this.#child.send(command)
    const [report] = (await Promise.race([answer, ended]).finally(() => {
      clearTimeout(timer)
      settled.abort()
    })) as [Report | Failed]
    if (isFailed(report)) throw new Error(`${this.#name} says: ${report.reason}`)
    return report as Exclude<Report, Failed>
  }

  /** It ends by itself then. */
  close(): void {
    if (this.#child.connected) this.#child.disconnect()
  }
}

function isFailed(report: { readonly kind: string }): report is Failed {
  return report.kind === 'failed'
}
