import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ServerProcess } from '../e2e/harness/child.ts'
import { makeRunFolder } from '../e2e/harness/project.ts'
import { waitFor } from '../e2e/harness/wait.ts'

/** Slow ones are Java programs that start, and wait before they connect again. */
export const PATIENCE_MS = 90_000

/** How a foreign client's program is started; it is a user's program, with that client's library inside. */
export interface ClientProgram {
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface Account {
  readonly user: string
  readonly password: string
}

/** Whom a client reads from, and as whom. */
export interface Target {
  readonly name: string
  readonly port: number
  readonly account: Account
  readonly serverId: number
}

/**
 * A client that follows one server. Its program takes from its environment where (FOLLOW_PORT, FOLLOW_USER,
 * FOLLOW_PASSWORD, FOLLOW_SERVER_ID, FOLLOW_FILE: the binlog file to begin with) and where it may keep how far it is
 * (FOLLOW_STATE, a folder), connects again when it is cut off, goes on where it was when it is started again, and
 * appends to FOLLOW_OUTPUT a line of JSON for each change of a row of the schema `app`.
 */
export class Client {
  readonly #program: ClientProgram
  #target: Target
  readonly #folder: string
  readonly #firstFile: string
  #process: ServerProcess | undefined

  constructor(program: ClientProgram, target: Target, firstFile: string) {
    this.#program = program
    this.#target = target
    this.#folder = makeRunFolder(`${program.name}-${target.name}`)
    this.#firstFile = firstFile
  }

  get name(): string {
    return `${this.#program.name} at ${this.#target.name}`
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false
  }

  /** From the next start on it reads from another server, with all that it has kept of how far it is. */
  moveTo(target: Target): void {
    this.#target = target
  }

  start(): void {
    const { port, account, serverId } = this.#target
    appendFileSync(this.#outputFile, '')
    this.#process = new ServerProcess({
      program: this.#program.program,
      args: this.#program.args,
      logFile: join(this.#folder, 'log'),
      env: {
        ...this.#program.env,
        FOLLOW_PORT: String(port),
        FOLLOW_USER: account.user,
        FOLLOW_PASSWORD: account.password,
        FOLLOW_SERVER_ID: String(serverId),
        FOLLOW_FILE: this.#firstFile,
        FOLLOW_STATE: this.#folder,
        FOLLOW_OUTPUT: this.#outputFile,
      },
    })
  }

  /** As the operator ends it. */
  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM', 20_000)
  }

  /** What it was told, a line each and each once: a client that is started again may repeat what it did last. */
  changes(): string[] {
    return [...new Set(this.told())]
  }

  /** What it was told, as often as it was told it. */
  told(): string[] {
    const text = existsSync(this.#outputFile) ? readFileSync(this.#outputFile, 'utf8') : ''
    return text.split('\n').slice(0, -1)
  }

  /** Waits until something with this word was told. */
  async untilTold(word: string): Promise<void> {
    const explain = (): string => `; ${this.logTail()}\nand was told\n${this.changes().join('\n')}`
    const patience = { what: `'${word}' at ${this.name}`, timeoutMs: PATIENCE_MS, explain }
    await waitFor(patience, async () => {
      if (!this.isRunning) throw new Error(`${this.name} ended ${explain()}`)
      return this.changes().some((line) => line.includes(word))
    })
  }

  logTail(): string {
    return `${this.name} says:\n${this.#process?.logTail(60) ?? ''}`
  }

  get #outputFile(): string {
    return join(this.#folder, 'changes')
  }
}
