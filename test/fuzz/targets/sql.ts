import type { MetadataStatement } from '../../../src/serve/metadata/metadata-source.ts'
import { readMetadata } from '../../../src/serve/metadata/read-metadata.ts'
import { Cursor } from '../../../src/serve/sql/cursor.ts'
import type { Scope } from '../../../src/serve/sql/scope.ts'
import { SqlError } from '../../../src/serve/sql/sql-error.ts'
import { answerStatement } from '../../../src/serve/sql/statements.ts'
import { makeScope } from '../../../src/serve/testing/scope.ts'
import { capturedPayloads } from '../corpus.ts'
import { require, type Target } from '../target.ts'

const STATEMENTS = [
  'SELECT 1 + 2 * 3, (1 + 2) * 3, 7 / 2, -5, !0, NOT 1, 0x1F, 1.5e3 | 2, 7 & 3',
  "SELECT 'it''s', \"a\\nb\", NULL IS NULL, 1 IN (1, 2), 'abc' LIKE 'a%_' AS x FROM DUAL WHERE 1 LIMIT 1",
  "SELECT CONCAT(@a, '9'), LOWER(UPPER(USER())), IFNULL(NULL, VERSION()), COALESCE(NULL, 1)",
  "SELECT GTID_SUBSET('24bc7850-2c16-11e6-a073-0242ac110001:1-5', @@gtid_executed)",
  "SELECT GTID_SUBTRACT(@@global.gtid_executed, '24bc7850-2c16-11e6-a073-0242ac110001:1-5:tag:7')",
  "SET @a = '99999999999999999999', @b := @a * @a, NAMES utf8mb4 COLLATE x, GLOBAL y = ON",
  "SET @source_heartbeat_period = 2000000000, @replica_uuid = '24bc7850-2c16-11e6-a073-0242ac110009'",
  "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_id', 'x') OR Value LIKE '%a%'",
  "SHOW SESSION STATUS LIKE 'Up%'",
  'SHOW BINARY LOG STATUS; ',
  'SHOW FULL PROCESSLIST',
  'SHOW REPLICAS',
  'KILL CONNECTION 7',
  "SHOW BINLOG EVENTS IN 'binlog.000002' FROM 4 LIMIT 1, 5",
  "SHOW SLAVE STATUS FOR CHANNEL ''",
  "SELECT WAIT_FOR_EXECUTED_GTID_SET('24bc7850-2c16-11e6-a073-0242ac110001:1-5', 0.001)",
  "SELECT SUBSTRING_INDEX(host, ':', 1) x, COUNT(*) FROM information_schema.processlist ORDER BY time DESC, 1",
  "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'a', SOURCE_PORT = 1, SOURCE_PASSWORD = 'b', SOURCE_SSL = 1",
  'PURGE BINARY LOGS BEFORE NOW() - INTERVAL 3 DAY',
  'START REPLICA IO_THREAD, SQL_THREAD',
  'STOP SLAVE UNTIL',
  'START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT',
  'USE `a``b`',
  'SHOW CREATE TABLE `a``b`.t; SHOW FULL TABLES FROM x WHERE Table_type = "BASE TABLE"',
  "SHOW COLUMNS FROM t IN app LIKE 'a%'; DESC app.t id; SHOW TABLE STATUS; SHOW DATABASES LIKE '_'",
  "SELECT t.*, COUNT(*) AS n, LOWER(x) 'l' FROM information_schema.COLUMNS t WHERE a IN (1, -2)",
  'SELECT a FROM information_schema.TABLES JOIN information_schema.STATISTICS s ON NOT a = s.b GROUP BY 1 LIMIT 1',
  '/*! SELECT */ 1 -- x\n # y\n /* z',
]

const WORDS = [
  '0',
  '1',
  '-1',
  '1e999',
  '0x',
  '1.',
  '.5',
  '9223372036854775808',
  '99999999999999999999',
  'NULL',
  'NaN',
  "'",
  '"',
  '`',
  "''",
  '\\\\',
  '(',
  ')',
  ',',
  ';',
  '@a',
  '@@',
  '@@global.',
  '@@gtid_executed',
  '%',
  '_',
  '*',
  ' + ',
  ' - ',
  ' * ',
  ' / ',
  ' | ',
  ' & ',
  ' = ',
  ' <=> ',
  ' || ',
  ' AND ',
  ' LIKE ',
  ' IN (',
  ' IS NULL ',
  ' NOT ',
  'CONCAT(',
  'GTID_SUBTRACT(',
  'COALESCE(',
  'UPPER(',
  'UNIX_TIMESTAMP()',
  'SELECT ',
  'SHOW ',
  'DESC ',
  'information_schema.COLUMNS',
  'SET ',
  'KILL ',
  ' WHERE ',
  ' LIMIT ',
  ' FROM ',
  ' LIKE ',
  '--\n',
  '#\n',
  '/*',
  '*/',
  '/*!',
  '\u0000',
  "'+5'",
  "' 7.5'",
]

function mostRights(): Scope {
  return makeScope({
    rights: ['replicate', 'administer'],
    tlsVersion: undefined,
    tlsCipher: undefined,
    userVariables: new Map([['a', '9'.repeat(3000)]]),
  })
}

function refusedOrThrow(thrown: unknown): void {
  if (!(thrown instanceof SqlError)) throw thrown
}

/** What goes to the source is read there as it was here: the same once more, and nothing that writes or leaves. */
function requirePassable(statements: readonly MetadataStatement[]): void {
  for (const { sql, database } of statements) {
    const [again, ...others] = readMetadata(new Cursor(sql), database ?? 'app') ?? []
    require(again?.sql === sql &&
      others.length === 0, 'a question is read by the source as it was here')
  }
}

export const sqlTarget: Target = {
  name: 'sql',
  covers: [],
  seeds: () => [
    ...STATEMENTS.map((text) => Buffer.from(text)),
    ...capturedPayloads('C')
      .filter((payload) => payload[0] === 0x03)
      .map((payload) => payload.subarray(1)),
  ],
  words: WORDS,
  run(input) {
    const answer = answerStatement(input.toString('utf8'), mostRights())
    // What has to wait goes on elsewhere; here only its beginning, which reads the statement, is run.
    if (answer instanceof Promise) return void answer.catch(refusedOrThrow)
    if (answer.kind === 'metadata') requirePassable(answer.statements)
    if (answer.kind !== 'rows') return
    const { columns, rows } = answer.result
    require(rows.every((row) => row.length === columns.length), 'a row has a value for each column')
  },
  refuses: (thrown) => thrown instanceof SqlError,
}
