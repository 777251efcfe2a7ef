/*
  What the source's binlog holds while it is measured: one file of one shape, closed, and behind it a file
  that is as good as empty.

    big     200 rows of 1 KB per transaction: 29 row events of 7.2 KB
    small   sysbench's oltp_write_only: 11 events of 157 bytes on average per transaction
    mixed   some of one, then some of the other, 20 times
*/
import { Mysqld } from '../test/e2e/harness/mysqld.ts'
import { type CorpusFacts, corpusFacts } from './corpus-facts.ts'

export const shapes = ['big', 'small', 'mixed'] as const
export type Shape = (typeof shapes)[number]

/** A place in the binlog behind which there is nothing. */
export interface End {
  readonly file: string
  readonly position: number
}

export interface Corpus {
  readonly server: Mysqld
  readonly shape: Shape
  /** the source's first file, which holds nearly all */
  readonly file: string
  /** where it is on the source's disk */
  readonly path: string
  /** of all its files, in bytes */
  readonly bytes: number
  readonly end: End
  readonly facts: CorpusFacts
}

/** Bytes per transaction in the binlog; what was written is read from the source, not reckoned. */
const transactionBytes = { big: 209_000, small: 1_726 }
export const connectionCount = 8
export const rowsPerConnection = 10_000
const mixedRounds = 20
const anyId = `1 + FLOOR(RAND() * ${rowsPerConnection})`

const sourceOptions = {
  max_binlog_size: '1G',
  binlog_expire_logs_seconds: '0',
  // The corpus is only made here; its writing is not what is measured.
  sync_binlog: '0',
  innodb_flush_log_at_trx_commit: '0',
  innodb_doublewrite: 'OFF',
  innodb_buffer_pool_size: '256M',
  innodb_redo_log_capacity: '512M',
  binlog_cache_size: '1M',
  'transaction-isolation': 'READ-COMMITTED',
}

const schema = [
  'CREATE DATABASE bench',
  'USE bench',
  'CREATE TABLE counter (i INT PRIMARY KEY)',
  `INSERT INTO counter
     WITH RECURSIVE c AS (SELECT 1 i UNION ALL SELECT i + 1 FROM c WHERE i < 200) SELECT * FROM c`,
  'CREATE TABLE wide (id INT PRIMARY KEY AUTO_INCREMENT, c VARCHAR(1100))',
  `CREATE PROCEDURE write_big(transactions INT)
     WHILE transactions > 0 DO
       INSERT INTO wide (c) SELECT REPEAT(CHAR(97 + i % 26), 1000) FROM counter;
       SET transactions = transactions - 1;
     END WHILE`,
]

/** Every connection has a table of its own, so that none waits for another's row. */
function narrowTable(number: number): string[] {
  const text = (size: number): string => `LEFT(REPEAT(CONCAT(RAND(), '-'), 9), ${size})`
  return [
    `CREATE TABLE sbtest${number} (id INT PRIMARY KEY AUTO_INCREMENT, k INT NOT NULL DEFAULT 0,
       c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_${number} (k))`,
    `INSERT INTO sbtest${number} (k, c, pad)
       SELECT ${anyId}, ${text(119)}, ${text(59)}
       FROM counter a, counter b LIMIT ${rowsPerConnection}`,
    `CREATE PROCEDURE write_small${number}(transactions INT, pause_seconds DOUBLE)
       BEGIN
         DECLARE one, other, third INT;
         WHILE transactions > 0 DO
           SET one = ${anyId}, other = ${anyId}, third = ${anyId};
           START TRANSACTION;
           UPDATE sbtest${number} SET k = k + 1 WHERE id = one;
           UPDATE sbtest${number} SET c = ${text(119)} WHERE id = other;
           DELETE FROM sbtest${number} WHERE id = third;
           INSERT INTO sbtest${number} VALUES (third, ${anyId}, ${text(119)}, ${text(59)});
           COMMIT;
           IF pause_seconds > 0 THEN DO SLEEP(pause_seconds); END IF;
           SET transactions = transactions - 1;
         END WHILE;
       END`,
  ]
}

async function writeBig(server: Mysqld, bytes: number): Promise<void> {
  await server.sql(`CALL bench.write_big(${Math.ceil(bytes / transactionBytes.big)})`)
}

/**
 * Every connection writes so many small transactions, one after another.
 * @param pauseSeconds between two of one connection
 */
export async function writeSmall(
  server: Mysqld,
  transactions: number,
  pauseSeconds = 0,
): Promise<void> {
  const numbers = Array.from({ length: connectionCount }, (_, index) => index + 1)
  await Promise.all(
    numbers.map(async (number) => {
      const connection = await server.connect()
      await connection.query(`CALL bench.write_small${number}(${transactions}, ${pauseSeconds})`)
      await connection.end()
    }),
  )
}

/** How many small transactions each connection has to write for so many bytes together. */
function smallTransactions(bytes: number): number {
  return Math.ceil(bytes / transactionBytes.small / connectionCount)
}

async function write(server: Mysqld, shape: Shape, bytes: number): Promise<void> {
  if (shape === 'big') return await writeBig(server, bytes)
  if (shape === 'small') return await writeSmall(server, smallTransactions(bytes))
  for (let round = 0; round < mixedRounds; round += 1) {
    await writeBig(server, bytes / mixedRounds / 2)
    await writeSmall(server, smallTransactions(bytes / mixedRounds / 2))
  }
}

/** A source whose binlog is empty but whose tables are there. */
export async function startEmptySource(): Promise<Mysqld> {
  const server = await Mysqld.start({ serverId: 1, options: sourceOptions })
  await server.sql(...schema)
  for (let number = 1; number <= connectionCount; number += 1) {
    await server.sql(...narrowTable(number))
  }
  await server.sql('RESET BINARY LOGS AND GTIDS')
  return server
}

/** @param bytes about so many; the corpus tells the true number */
export async function makeCorpus(server: Mysqld, shape: Shape, bytes: number): Promise<Corpus> {
  await write(server, shape, bytes)
  await server.sql('FLUSH BINARY LOGS')
  const files = await server.binlogs()
  const [first, last] = [files.at(0), files.at(-1)]
  if (first === undefined || last === undefined || files.length !== 2) {
    throw new Error(`the source should have two binlog files, not ${files.length}`)
  }
  return {
    server,
    shape,
    file: first.name,
    path: first.path,
    bytes: first.size + last.size,
    end: { file: last.name, position: last.size },
    facts: corpusFacts(first.path, first.size),
  }
}
