import {
  Mysqld,
  type MysqldOptions,
  type Row,
  replicationPassword,
  replicationUser,
} from './mysqld.ts'
import { waitFor } from './wait.ts'

/** Whom a replica reads from. */
export interface SourceAddress {
  readonly port: number
  /** default 127.0.0.1 */
  readonly host?: string
}

export interface AttachOptions {
  /** without TLS, the password sealed by the source's RSA key */
  readonly withoutTls?: boolean
  /** it stores what it receives and applies nothing */
  readonly receiverOnly?: boolean
  /** further clauses of CHANGE REPLICATION SOURCE TO */
  readonly clauses?: readonly string[]
}

/** A MySQL server that replicates with the default settings of a 9.7 replica. */
export class Replica {
  readonly server: Mysqld

  constructor(server: Mysqld) {
    this.server = server
  }

  /** Starts an empty server and attaches it. */
  static async start(
    source: SourceAddress,
    options: MysqldOptions,
    attach: AttachOptions = {},
  ): Promise<Replica> {
    const replica = new Replica(await Mysqld.start(options))
    await replica.attach(source, attach)
    return replica
  }

  /** Names the source and starts the threads. */
  async attach(source: SourceAddress, options: AttachOptions = {}): Promise<void> {
    const clauses = [
      `SOURCE_HOST='${source.host ?? '127.0.0.1'}'`,
      `SOURCE_PORT=${source.port}`,
      `SOURCE_USER='${replicationUser}'`,
      `SOURCE_PASSWORD='${replicationPassword}'`,
      'SOURCE_AUTO_POSITION=1',
      ...(options.withoutTls ? ['SOURCE_SSL=0', 'GET_SOURCE_PUBLIC_KEY=1'] : []),
      ...(options.clauses ?? []),
    ]
    await this.server.sql(
      `CHANGE REPLICATION SOURCE TO ${clauses.join(', ')}`,
      `START REPLICA${options.receiverOnly ? ' IO_THREAD' : ''}`,
    )
  }

  /** Where it is, as file and position of its source: behind the last transaction that it applied. */
  async place(): Promise<{ readonly file: string; readonly position: number }> {
    const row = await this.status()
    const file = String(row['Relay_Source_Log_File'])
    return { file, position: Number(row['Exec_Source_Log_Pos']) }
  }

  /** Reads from another server by file and position; its threads must be stopped, and run then. */
  async moveTo({ port }: SourceAddress, at: { file: string; position: number }): Promise<void> {
    await this.server.sql(
      `CHANGE REPLICATION SOURCE TO SOURCE_PORT=${port}, SOURCE_AUTO_POSITION=0,
         SOURCE_LOG_FILE='${at.file}', SOURCE_LOG_POS=${at.position}`,
      'START REPLICA',
    )
  }

  /** Reads from the first, and by SOURCE_CONNECTION_AUTO_FAILOVER from one after the other when they are gone. */
  async attachToAny(sources: readonly SourceAddress[]): Promise<void> {
    // Of equal weight: a replica leaves the one that it reads from for one of more weight that is there again.
    const added = sources.map(({ port, host = '127.0.0.1' }) => {
      return `SELECT asynchronous_connection_failover_add_source('', '${host}', ${port}, '', 50)`
    })
    await this.server.sql(...added)
    const [first] = sources
    if (first === undefined) throw new Error('a replica needs a source')
    await this.attach(first, {
      clauses: [
        'SOURCE_CONNECTION_AUTO_FAILOVER=1',
        'SOURCE_CONNECT_RETRY=1',
        'SOURCE_RETRY_COUNT=2',
      ],
    })
  }

  /** Waits until it reads from that one. */
  async waitForSource({ port }: SourceAddress): Promise<void> {
    const what = `the replica to read from port ${port}`
    let row: Row = {}
    const explain = (): string => `but it was ${JSON.stringify(row)}`
    await waitFor({ what, timeoutMs: 60_000, explain }, async () => {
      row = await this.status()
      return Number(row['Source_Port']) === port && row['Replica_IO_Running'] === 'Yes'
    })
  }

  async status(): Promise<Row> {
    const [row] = await this.server.sql('SHOW REPLICA STATUS')
    if (row === undefined) throw new Error('the server is no replica')
    return row
  }

  /** The number and words of the receiver's last error; both are empty when there is none. */
  async receiverError(): Promise<{ number: number; words: string }> {
    const row = await this.status()
    return { number: Number(row['Last_IO_Errno']), words: String(row['Last_IO_Error']) }
  }

  /** Waits until the receiver has stopped with an error, and returns it. */
  async waitForReceiverError(): Promise<{ number: number; words: string }> {
    return await waitFor({ what: 'the receiver to stop with an error' }, async () => {
      const error = await this.receiverError()
      return error.number === 0 ? undefined : error
    })
  }

  async bothThreadsRun(): Promise<boolean> {
    const row = await this.status()
    return row['Replica_IO_Running'] === 'Yes' && row['Replica_SQL_Running'] === 'Yes'
  }

  /** Waits until every GTID of the set was applied; fails at once when the applier has stopped. */
  async waitForGtids(set: string, timeoutMs = 30_000): Promise<void> {
    let row: Row = {}
    const explain = (): string => `on port ${this.server.port}: ${describe(row)}`
    await waitFor({ what: `GTIDs ${set}`, timeoutMs, explain, stepMs: 20 }, async () => {
      const applied = await this.server.value(`SELECT WAIT_FOR_EXECUTED_GTID_SET('${set}', 1)`)
      if (applied === '0') return true
      row = await this.status()
      if (row['Replica_SQL_Running'] === 'No') throw new Error(`the applier stopped ${explain()}`)
      return false
    })
  }

  /** Waits until it has applied all that `source` has executed now. */
  async catchUpWith(source: Mysqld, timeoutMs?: number): Promise<void> {
    await this.waitForGtids(await source.gtidExecuted(), timeoutMs)
  }
}

function describe(row: Row): string {
  const fields = [
    'Replica_IO_Running',
    'Replica_SQL_Running',
    'Last_IO_Error',
    'Last_SQL_Error',
    'Source_Log_File',
    'Read_Source_Log_Pos',
    'Executed_Gtid_Set',
    'Replica_SQL_Running_State',
  ]
  return fields.map((name) => `${name}=${row[name] ?? ''}`).join(', ')
}
