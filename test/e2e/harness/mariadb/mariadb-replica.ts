import type { SourceAddress } from '../replica.ts'
import {
  type Row,
  replicationPassword,
  replicationUser,
  type SqlServerOptions,
} from '../sql-server.ts'
import { waitFor } from '../wait.ts'
import { Mariadbd } from './mariadbd.ts'

export interface AttachOptions {
  /** by GTIDs, or from this place on, or from the source's first file */
  readonly by: 'slave_pos' | { readonly file: string; readonly position: number } | 'first file'
  /** further clauses of CHANGE MASTER TO */
  readonly clauses?: readonly string[]
}

/** A MariaDB server that replicates. */
export class MariadbReplica {
  readonly server: Mariadbd

  private constructor(server: Mariadbd) {
    this.server = server
  }

  /** Starts an empty server and attaches it. */
  static async start(
    source: SourceAddress,
    options: SqlServerOptions,
    attach: AttachOptions,
  ): Promise<MariadbReplica> {
    const replica = new MariadbReplica(await Mariadbd.start(options))
    await replica.attach(source, attach)
    return replica
  }

  /** Names the source and starts the threads. */
  async attach(source: SourceAddress, { by, clauses = [] }: AttachOptions): Promise<void> {
    const all = [
      `MASTER_HOST='${source.host ?? '127.0.0.1'}'`,
      `MASTER_PORT=${source.port}`,
      `MASTER_USER='${replicationUser}'`,
      `MASTER_PASSWORD='${replicationPassword}'`,
      // A minute otherwise until a broken connection is made again.
      'MASTER_CONNECT_RETRY=1',
      ...placeClauses(by),
      ...clauses,
    ]
    await this.server.sql(`CHANGE MASTER TO ${all.join(', ')}`, 'START SLAVE')
  }

  async status(): Promise<Row> {
    const [row] = await this.server.sql('SHOW SLAVE STATUS')
    if (row === undefined) throw new Error('the server is no replica')
    return row
  }

  async bothThreadsRun(): Promise<boolean> {
    const row = await this.status()
    return row['Slave_IO_Running'] === 'Yes' && row['Slave_SQL_Running'] === 'Yes'
  }

  /** Waits until it has applied what `source` has in its binlog now. */
  async catchUpWith(source: Mariadbd, timeoutMs = 30_000): Promise<void> {
    const wanted = await source.gtidBinlogPos()
    let row: Row = {}
    const explain = (): string => `on port ${this.server.port}: ${describe(row)}`
    await waitFor({ what: `GTIDs ${wanted}`, timeoutMs, explain, stepMs: 20 }, async () => {
      row = await this.status()
      const stopped = row['Slave_SQL_Running'] === 'No' && row['Last_SQL_Errno'] !== '0'
      if (stopped) throw new Error(`the applier stopped ${explain()}`)
      const position = await this.server.value('SELECT @@global.gtid_slave_pos')
      return sorted(position) === sorted(wanted)
    })
  }

  /** Waits until a database is there that the source has just made. */
  async catchUpWithEvents(database: string): Promise<void> {
    await waitFor({ what: `the database ${database}` }, async () => {
      const rows = await this.server.sql(`SHOW DATABASES LIKE '${database}'`)
      return rows.length > 0
    })
  }

  /** Waits until the receiver has stopped with an error; its words. */
  async waitForReceiverError(): Promise<string> {
    return await waitFor({ what: 'the receiver to stop with an error' }, async () => {
      const row = await this.status()
      const stopped = row['Slave_IO_Running'] === 'No' && Number(row['Last_IO_Errno']) !== 0
      return stopped ? String(row['Last_IO_Error']) : undefined
    })
  }
}

/** MariaDB has no order of domains. */
function sorted(position: string): string {
  return position.split(',').toSorted().join(',')
}

function placeClauses(by: AttachOptions['by']): string[] {
  if (by === 'slave_pos') return ['MASTER_USE_GTID=slave_pos']
  if (by === 'first file') return ['MASTER_USE_GTID=no']
  return ['MASTER_USE_GTID=no', `MASTER_LOG_FILE='${by.file}'`, `MASTER_LOG_POS=${by.position}`]
}

function describe(row: Row): string {
  const fields = [
    'Slave_IO_Running',
    'Slave_SQL_Running',
    'Last_IO_Error',
    'Last_SQL_Error',
    'Master_Log_File',
    'Read_Master_Log_Pos',
    'Gtid_IO_Pos',
    'Slave_SQL_Running_State',
  ]
  return fields.map((name) => `${name}=${row[name] ?? ''}`).join(', ')
}
