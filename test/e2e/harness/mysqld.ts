import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Connection, createConnection } from 'mysql2/promise'
import { commandIn, ServerProcess } from './child.ts'
import { freePort } from './ports.ts'
import { cacheFolder, makeRunFolder, mysqlProgram } from './project.ts'
import { waitFor } from './wait.ts'

/** The user of every server here, with all rights; over TCP as over the socket. */
export const rootUser = 'root'
export const rootPassword = 'root-local'
/** The user that replicas and Kingbus log in to a source with. */
export const replicationUser = 'repl'
export const replicationPassword = 'repl-local'

export interface MysqldOptions {
  readonly serverId: number
  /** further options of mysqld, without the dashes: `{ 'max_binlog_size': '1M' }` */
  readonly options?: Readonly<Record<string, string>>
  /** an existing data directory (a seeded copy); otherwise a fresh one */
  readonly dataFolder?: string
  /** outlives this process (the demo's --keep) */
  readonly detached?: boolean
  /** a network namespace of the machine that the server runs in (needs root) */
  readonly namespace?: string
  /** otherwise any free one */
  readonly port?: number
}

export type Row = Readonly<Record<string, string | number | null>>

const baseOptions: Readonly<Record<string, string>> = {
  gtid_mode: 'ON',
  enforce_gtid_consistency: 'ON',
  'bind-address': '127.0.0.1',
  mysqlx: '0',
  innodb_buffer_pool_size: '64M',
  innodb_redo_log_capacity: '64M',
  performance_schema_max_table_instances: '200',
  log_bin_trust_function_creators: '1',
  max_allowed_packet: '1G',
  log_error_verbosity: '3',
  // Kingbus must hold what the source had made durable, so the source has to make it durable.
  sync_binlog: '1',
  innodb_flush_log_at_trx_commit: '1',
}

function userOption(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}

let templateMade: Promise<string> | undefined

/** An initialized data directory with our users, made once per MySQL version and copied after. */
function template(): Promise<string> {
  templateMade ??= makeTemplate()
  return templateMade
}

async function makeTemplate(): Promise<string> {
  const version = execFileSync(mysqlProgram('mysqld'), ['--version'], { encoding: 'utf8' })
  const [number = 'unknown'] = /\d+\.\d+\.\d+/.exec(version) ?? []
  const folder = join(cacheFolder, `datadir-${number}`)
  if (existsSync(folder)) return folder
  const fresh = `${folder}.${process.pid}`
  mkdirSync(cacheFolder, { recursive: true })
  rmSync(fresh, { recursive: true, force: true })
  const initialize = [
    '--initialize-insecure',
    `--datadir=${fresh}`,
    '--innodb_redo_log_capacity=8M',
  ]
  execFileSync(mysqlProgram('mysqld'), [...userOption(), ...initialize], { stdio: 'pipe' })
  const server = new Mysqld(fresh, await freePort(), {
    serverId: 1,
    options: { 'skip-log-bin': '', innodb_redo_log_capacity: '8M' },
  })
  await server.launch('')
  await server.sql(
    `CREATE USER '${rootUser}'@'%' IDENTIFIED BY '${rootPassword}'`,
    `GRANT ALL ON *.* TO '${rootUser}'@'%' WITH GRANT OPTION`,
    `CREATE USER '${replicationUser}'@'%' IDENTIFIED BY '${replicationPassword}'`,
    `GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '${replicationUser}'@'%'`,
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${rootPassword}'`,
  )
  await server.stop()
  for (const name of ['auto.cnf', 'log', 'mysql.sock', 'mysql.sock.lock']) {
    rmSync(join(fresh, name), { force: true })
  }
  try {
    renameSync(fresh, folder)
  } catch (thrown) {
    if (!existsSync(folder)) throw thrown
    rmSync(fresh, { recursive: true, force: true })
  }
  return folder
}

/** Copies a stopped server's data for another one, which then gets a server_uuid of its own. */
export async function copyDataFolder(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-r', from, to])
  rmSync(join(to, 'auto.cnf'), { force: true })
}

/** A real MySQL server on 127.0.0.1, with a data directory of its own. */
export class Mysqld {
  readonly dataFolder: string
  readonly port: number
  readonly #options: MysqldOptions
  #extraOptions: Readonly<Record<string, string>> = {}
  #process: ServerProcess | undefined
  #connection: Connection | undefined

  /** Starts a server and waits until it answers, some 2 s. */
  static async start(options: MysqldOptions): Promise<Mysqld> {
    let { dataFolder } = options
    if (dataFolder === undefined) {
      dataFolder = join(makeRunFolder(`mysqld-${options.serverId}`), 'data')
      await copyDataFolder(await template(), dataFolder)
    }
    const server = new Mysqld(dataFolder, options.port ?? (await freePort()), options)
    await server.launch()
    return server
  }

  /** Use `start`. */
  constructor(dataFolder: string, port: number, options: MysqldOptions) {
    this.dataFolder = dataFolder
    this.port = port
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
    const options = { ...baseOptions, ...this.#options.options, ...this.#extraOptions }
    const args = Object.entries(options).map(([name, value]) =>
      value === '' ? `--${name}` : `--${name}=${value}`,
    )
    const server = new ServerProcess({
      ...commandIn(this.#options.namespace, mysqlProgram('mysqld'), [
        ...userOption(),
        `--datadir=${this.dataFolder}`,
        `--port=${this.port}`,
        `--socket=${this.socketFile}`,
        `--pid-file=${join(this.dataFolder, 'mysqld.pid')}`,
        `--server_id=${this.#options.serverId}`,
        ...args,
      ]),
      logFile: this.logFile,
      detached: this.#options.detached ?? false,
    })
    this.#process = server
    const explain = (): string => `on port ${this.port}; its log ends:\n${server.logTail()}`
    this.#connection = await waitFor(
      { what: 'mysqld to answer', timeoutMs: 90_000, stepMs: 100, explain },
      async () => {
        if (!server.isRunning) throw new Error(`mysqld ended ${explain()}`)
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

  gtidExecuted(): Promise<string> {
    return this.value("SELECT REPLACE(@@global.gtid_executed, '\\n', '')")
  }

  /** The names and sizes of the binlog files, oldest first. */
  async binlogs(): Promise<{ name: string; size: number; path: string }[]> {
    const rows = await this.sql('SHOW BINARY LOGS')
    return rows.map((row) => {
      const name = String(row['Log_name'])
      return { name, size: Number(row['File_size']), path: join(this.dataFolder, name) }
    })
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
