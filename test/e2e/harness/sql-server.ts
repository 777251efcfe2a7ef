import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Connection, createConnection } from 'mysql2/promise'
import { commandIn, ServerProcess } from './child.ts'
import { waitFor } from './wait.ts'

/** The user of every server here, with all rights; over TCP as over the socket. */
export const rootUser = 'root'
export const rootPassword = 'root-local'
/** The user that replicas and Kingbus log in to a source with. */
export const replicationUser = 'repl'
export const replicationPassword = 'repl-local'

export type Row = Readonly<Record<string, string | number | null>>

export interface SqlServerOptions {
  readonly serverId: number
  /** further options of the server, without the dashes: `{ 'max_binlog_size': '1M' }` */
  readonly options?: Readonly<Record<string, string>>
  /** outlives this process (the demo's --keep) */
  readonly detached?: boolean
  /** a network namespace of the machine that the server runs in (needs root) */
  readonly namespace?: string
}

/** What the two kinds of servers are not the same in. */
export interface ServerProgram {
  /** as people call it, and as its pid file is called */
  readonly name: string
  readonly path: string
  /** options of every server of the kind; a test's own come on top */
  readonly baseOptions: Readonly<Record<string, string>>
}

/** The servers here do not leave root, if that is who tests. */
export function userOption(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}

/** Puts a data directory that was made at `fresh` where all look for it, unless another process did so meanwhile. */
export function publishTemplate(fresh: string, folder: string): void {
  try {
    renameSync(fresh, folder)
  } catch (thrown) {
    if (!existsSync(folder)) throw thrown
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** A real server on 127.0.0.1, with a data directory of its own. */
export abstract class SqlServer {
  readonly dataFolder: string
  readonly port: number
  readonly #program: ServerProgram
  readonly #options: SqlServerOptions
  #extraOptions: Readonly<Record<string, string>> = {}
  #process: ServerProcess | undefined
  #connection: Connection | undefined

  protected constructor(
    program: ServerProgram,
    where: { readonly dataFolder: string; readonly port: number },
    options: SqlServerOptions,
  ) {
    this.#program = program
    this.dataFolder = where.dataFolder
    this.port = where.port
    this.#options = options
  }

  get pid(): number {
    return this.#running().pid
  }

  /** Clients of this machine connect here. */
  get socketFile(): string {
    return join(this.dataFolder, 'mysql.sock')
  }

  get logFile(): string {
    return join(this.dataFolder, 'log')
  }

  /** The server's url as Kingbus takes it. */
  get sourceUrl(): string {
    return `mysql://${replicationUser}@127.0.0.1:${this.port}`
  }

  /** Starts the process on the data directory and waits until it answers. */
  async launch(password = rootPassword): Promise<void> {
    const { name, path, baseOptions } = this.#program
    const options = { ...baseOptions, ...this.#options.options, ...this.#extraOptions }
    const args = Object.entries(options).map(([option, value]) =>
      value === '' ? `--${option}` : `--${option}=${value}`,
    )
    const server = new ServerProcess({
      ...commandIn(this.#options.namespace, path, [
        ...userOption(),
        `--datadir=${this.dataFolder}`,
        `--port=${this.port}`,
        `--socket=${this.socketFile}`,
        `--pid-file=${join(this.dataFolder, `${name}.pid`)}`,
        `--server_id=${this.#options.serverId}`,
        ...args,
      ]),
      logFile: this.logFile,
      detached: this.#options.detached ?? false,
    })
    this.#process = server
    const explain = (): string => `on port ${this.port}; its log ends:\n${server.logTail()}`
    this.#connection = await waitFor(
      { what: `${name} to answer`, timeoutMs: 90_000, stepMs: 100, explain },
      async () => {
        if (!server.isRunning) throw new Error(`${name} ended ${explain()}`)
        return await this.connect(password).catch(() => undefined)
      },
    )
  }

  /** A further connection, of the caller's to close. */
  async connect(password = rootPassword): Promise<Connection> {
    const connection = await createConnection({
      socketPath: this.socketFile,
      user: rootUser,
      password,
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
    })
    // A server that is killed breaks its connections; whoever asks next is told.
    connection.on('error', () => {})
    return connection
  }

  /** Runs statements one after another on the server's own connection; the rows of the last one. */
  async sql(...statements: readonly string[]): Promise<Row[]> {
    const connection = this.#connection
    if (connection === undefined) throw new Error('the server is not running')
    let rows: unknown = []
    for (const statement of statements) [rows] = await connection.query(statement)
    return Array.isArray(rows) ? (rows as Row[]) : []
  }

  /** The first column of the first row, as text. */
  async value(query: string): Promise<string> {
    const [row] = await this.sql(query)
    const [first] = Object.values(row ?? {})
    return String(first ?? '')
  }

  async stop(): Promise<void> {
    await this.#disconnect()
    await this.#process?.end('SIGTERM')
  }

  async kill9(): Promise<void> {
    const ended = this.#process?.end('SIGKILL')
    this.#connection?.destroy()
    this.#connection = undefined
    await ended
  }

  /** Starts again on the same data and port, with further options from now on if given. */
  async restart(extraOptions?: Readonly<Record<string, string>>): Promise<void> {
    if (this.#process?.isRunning) await this.stop()
    if (extraOptions !== undefined) this.#extraOptions = extraOptions
    await this.launch()
  }

  /** Freezes the process: its sockets stay open and nothing answers. */
  freeze(): void {
    this.#running().signal('SIGSTOP')
  }

  thaw(): void {
    this.#running().signal('SIGCONT')
  }

  /** Leaves the server running when this process ends. */
  async release(): Promise<void> {
    await this.#disconnect()
    this.#running().release()
  }

  errorLog(): string {
    return readFileSync(this.logFile, 'utf8')
  }

  #running(): ServerProcess {
    if (this.#process === undefined) throw new Error('the server was not started')
    return this.#process
  }

  async #disconnect(): Promise<void> {
    await this.#connection?.end().catch(() => {})
    this.#connection = undefined
  }
}
