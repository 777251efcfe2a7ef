import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Connection, createConnection } from 'mysql2/promise'
import { ServerProcess } from '../child.ts'
import {
  type Row,
  replicationPassword,
  replicationUser,
  rootPassword,
  rootUser,
} from '../mysqld.ts'
import { freePort } from '../ports.ts'
import { cacheFolder, makeRunFolder, mariadbFolder, mariadbProgram } from '../project.ts'
import { waitFor } from '../wait.ts'

export interface MariadbdOptions {
  readonly serverId: number
  /** further options of mariadbd, without the dashes: `{ 'max_binlog_size': '1M' }` */
  readonly options?: Readonly<Record<string, string>>
}

const baseOptions: Readonly<Record<string, string>> = {
  log_bin: 'binlog',
  binlog_format: 'ROW',
  'bind-address': '127.0.0.1',
  innodb_buffer_pool_size: '64M',
  innodb_log_file_size: '16M',
  // What a default source of 10.11 leaves off, and Kingbus checks where it is on.
  binlog_checksum: 'CRC32',
  sync_binlog: '1',
  innodb_flush_log_at_trx_commit: '1',
}

const systemTables = [
  'mysql_system_tables.sql',
  'mysql_performance_tables.sql',
  'mysql_system_tables_data.sql',
  'maria_add_gis_sp_bootstrap.sql',
  'mysql_sys_schema.sql',
]

function userOption(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}

/** A data directory with our users, made once and copied after. */
function template(): string {
  const folder = join(cacheFolder, 'datadir-mariadb-10.11')
  if (existsSync(folder)) return folder
  const fresh = `${folder}.${process.pid}`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(join(fresh, 'mysql'), { recursive: true })
  const share = join(mariadbFolder(), 'root', 'usr', 'share', 'mysql')
  const statements = [
    'USE mysql;',
    ...systemTables.map((name) => readFileSync(join(share, name), 'utf8')),
    // The tables of users are read when the server starts, which grants need.
    'FLUSH PRIVILEGES;',
    `CREATE USER '${rootUser}'@'%' IDENTIFIED BY '${rootPassword}';`,
    `GRANT ALL ON *.* TO '${rootUser}'@'%' WITH GRANT OPTION;`,
    `CREATE OR REPLACE USER '${rootUser}'@'localhost' IDENTIFIED BY '${rootPassword}';`,
    `GRANT ALL ON *.* TO '${rootUser}'@'localhost' WITH GRANT OPTION;`,
    `CREATE USER '${replicationUser}'@'%' IDENTIFIED BY '${replicationPassword}';`,
    `GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO '${replicationUser}'@'%';`,
  ]
  execFileSync(
    mariadbProgram('mariadbd'),
    [...userOption(), '--bootstrap', `--datadir=${fresh}`, '--innodb_log_file_size=16M'],
    { input: statements.join('\n'), stdio: ['pipe', 'pipe', 'pipe'] },
  )
  try {
    renameSync(fresh, folder)
  } catch (thrown) {
    if (!existsSync(folder)) throw thrown
    rmSync(fresh, { recursive: true, force: true })
  }
  return folder
}

/** A real MariaDB server on 127.0.0.1, with a data directory of its own. */
export class Mariadbd {
  readonly dataFolder: string
  readonly port: number
  readonly #options: MariadbdOptions
  #process: ServerProcess | undefined
  #connection: Connection | undefined

  /** Starts a server and waits until it answers. */
  static async start(options: MariadbdOptions): Promise<Mariadbd> {
    const dataFolder = join(makeRunFolder(`mariadbd-${options.serverId}`), 'data')
    cpSync(template(), dataFolder, { recursive: true })
    const server = new Mariadbd(dataFolder, await freePort(), options)
    await server.launch()
    return server
  }

  private constructor(dataFolder: string, port: number, options: MariadbdOptions) {
    this.dataFolder = dataFolder
    this.port = port
    this.#options = options
  }

  /** The server's url as Kingbus takes it. */
  get sourceUrl(): string {
    return `mysql://${replicationUser}@127.0.0.1:${this.port}`
  }

  /** Starts the process on the data directory and waits until it answers. */
  async launch(): Promise<void> {
    const args = Object.entries({ ...baseOptions, ...this.#options.options }).map(
      ([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`),
    )
    const server = new ServerProcess({
      program: mariadbProgram('mariadbd'),
      args: [
        ...userOption(),
        `--datadir=${this.dataFolder}`,
        `--port=${this.port}`,
        `--socket=${this.#socketFile}`,
        `--pid-file=${join(this.dataFolder, 'mariadbd.pid')}`,
        `--server_id=${this.#options.serverId}`,
        ...args,
      ],
      logFile: join(this.dataFolder, 'log'),
    })
    this.#process = server
    const explain = (): string => `on port ${this.port}; its log ends:\n${server.logTail()}`
    this.#connection = await waitFor(
      { what: 'mariadbd to answer', timeoutMs: 90_000, stepMs: 100, explain },
      async () => {
        if (!server.isRunning) throw new Error(`mariadbd ended ${explain()}`)
        return await this.connect().catch(() => undefined)
      },
    )
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

  /** The newest transaction of each domain in its binlog. */
  gtidBinlogPos(): Promise<string> {
    return this.value('SELECT @@global.gtid_binlog_pos')
  }

  async stop(): Promise<void> {
    await this.#connection?.end().catch(() => {})
    this.#connection = undefined
    await this.#process?.end('SIGTERM')
  }

  async kill9(): Promise<void> {
    const ended = this.#process?.end('SIGKILL')
    this.#connection?.destroy()
    this.#connection = undefined
    await ended
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.launch()
  }

  get #socketFile(): string {
    return join(this.dataFolder, 'mysql.sock')
  }

  /** A further connection, of the caller's to close. */
  async connect(): Promise<Connection> {
    const connection = await createConnection({
      socketPath: this.#socketFile,
      user: rootUser,
      password: rootPassword,
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
    })
    // A server that is killed breaks its connections; whoever asks next is told.
    connection.on('error', () => {})
    return connection
  }
}
