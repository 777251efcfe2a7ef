import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../ports.ts'
import { cacheFolder, makeRunFolder, mariadbFolder, mariadbProgram } from '../project.ts'
import {
  publishTemplate,
  replicationPassword,
  replicationUser,
  rootPassword,
  rootUser,
  SqlServer,
  type SqlServerOptions,
  userOption,
} from '../sql-server.ts'

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
  publishTemplate(fresh, folder)
  return folder
}

/** A real MariaDB server on 127.0.0.1, with a data directory of its own. */
export class Mariadbd extends SqlServer {
  /** Starts a server and waits until it answers. */
  static async start(options: SqlServerOptions): Promise<Mariadbd> {
    const dataFolder = join(makeRunFolder(`mariadbd-${options.serverId}`), 'data')
    cpSync(template(), dataFolder, { recursive: true })
    const program = { name: 'mariadbd', path: mariadbProgram('mariadbd'), baseOptions }
    const server = new Mariadbd(program, { dataFolder, port: await freePort() }, options)
    await server.launch()
    return server
  }

  /** The newest transaction of each domain in its binlog. */
  gtidBinlogPos(): Promise<string> {
    return this.value('SELECT @@global.gtid_binlog_pos')
  }
}
