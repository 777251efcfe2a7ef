import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './ports.ts'
import { cacheFolder, makeRunFolder, mysqlProgram } from './project.ts'
import {
  publishTemplate,
  replicationPassword,
  replicationUser,
  rootPassword,
  rootUser,
  SqlServer,
  type SqlServerOptions,
  userOption,
} from './sql-server.ts'

export {
  type Row,
  replicationPassword,
  replicationUser,
  rootPassword,
  rootUser,
} from './sql-server.ts'

export interface MysqldOptions extends SqlServerOptions {
  /** an existing data directory (a seeded copy); otherwise a fresh one */
  readonly dataFolder?: string
  /** otherwise any free one */
  readonly port?: number
}

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
  publishTemplate(fresh, folder)
  return folder
}

/** Copies a stopped server's data for another one, which then gets a server_uuid of its own. */
export async function copyDataFolder(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-r', from, to])
  rmSync(join(to, 'auto.cnf'), { force: true })
}

/** A real MySQL server on 127.0.0.1, with a data directory of its own. */
export class Mysqld extends SqlServer {
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
    const program = { name: 'mysqld', path: mysqlProgram('mysqld'), baseOptions }
    super(program, { dataFolder, port }, options)
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
}
