import { type Connection, createConnection, type FieldPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { definitions, writeEveryKind } from './harness/every-kind.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'

/*
  What the clients of a source ask it, beside a real one: the statements that MySQL 9.7 knows are answered with its
  columns, and with its rows where they are not about the server itself.
*/

interface Found {
  /** name and type of each column, and whether it may be NULL and has a sign */
  readonly columns: readonly (readonly [name: string, type: number, flags: number])[]
  readonly rows: readonly (readonly unknown[])[]
}

/** What a server answers: rows, 'OK', or the error's number. */
type Outcome = Found | 'OK' | number

/** NOT_NULL and UNSIGNED */
const NULL_AND_SIGN = 0x21

let source: Mysqld
let kingbus: Kingbus
let ours: Connection
let theirs: Connection

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1 })
  await source.sql(...definitions)
  await writeEveryKind(source, 1_000)
  await source.sql('FLUSH BINARY LOGS')
  kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await kingbus.catchUpWith(source)
  ours = await logIn(kingbus.port)
  theirs = await logIn(source.port)
})

afterAll(async () => {
  await ours?.end()
  await theirs?.end()
  await endEverything()
})

async function logIn(port: number): Promise<Connection> {
  return await createConnection({
    host: '127.0.0.1',
    port,
    user: replicationUser,
    password: replicationPassword,
    rowsAsArray: true,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  })
}

async function ask(connection: Connection, sql: string): Promise<Outcome> {
  try {
    const [rows, fields] = (await connection.query(sql)) as [unknown, FieldPacket[] | undefined]
    if (fields === undefined) return 'OK'
    const columns = fields.map(({ name, columnType, flags }) => {
      return [name, columnType ?? -1, Number(flags) & NULL_AND_SIGN] as const
    })
    return { columns, rows: rows as unknown[][] }
  } catch (thrown) {
    return (thrown as { errno?: number }).errno ?? -1
  }
}

/** What a statement answers that is answered with rows. */
async function rowsOf(connection: Connection, sql: string): Promise<Found> {
  const outcome = await ask(connection, sql)
  if (typeof outcome === 'object') return outcome
  throw new Error(`${sql} is answered ${outcome}`)
}

const columnsOf = (outcome: Outcome): unknown =>
  typeof outcome === 'object' ? outcome.columns : outcome

const SAME = [
  'SELECT 1',
  "SELECT 'a', 'b' 'c', \"it's\"",
  'SELECT @@global.binlog_checksum as checksum',
  'select @@GLOBAL.binlog_checksum',
  'SELECT @@GLOBAL.GTID_MODE',
  'SELECT @@GLOBAL.GTID_EXECUTED',
  'SELECT @@global.gtid_purged',
  "SELECT GTID_SUBTRACT('24bc7850-2c16-11e6-a073-0242ac110001:1-9:tag:2', '24bc7850-2c16-11e6-a073-0242ac110001:2')",
  "SELECT GTID_SUBSET('', @@global.gtid_executed) AS x",
  'SELECT @source_binlog_checksum',
  'SELECT @undefined',
  'SELECT TIME_TO_SEC(TIMEDIFF(NOW(), UTC_TIMESTAMP()))',
  "SELECT WAIT_FOR_EXECUTED_GTID_SET('', 1)",
  'SELECT DATABASE()',
  'SHOW BINARY LOG STATUS',
  'SHOW BINARY LOGS',
  'SHOW BINLOG EVENTS LIMIT 1',
  'SHOW BINLOG EVENTS LIMIT 2, 3',
  "SHOW VARIABLES LIKE 'binlog_format'",
  "SHOW GLOBAL VARIABLES LIKE 'BINLOG_CHECKSUM'",
  "show global variables like 'gtid_purged'",
  "SHOW GLOBAL VARIABLES LIKE 'binlog_row_value_options'",
  "SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'lower_case_table_names')",
  "show global variables  like 'rds\\_%'",
  "show variables like 'maxscale%'",
  'SHOW WARNINGS',
  'SHOW COUNT(*) WARNINGS',
  'SHOW COUNT(*) ERRORS',
  'SELECT @@warning_count',
  'SET @a=1, @b=2, @c= @@global.binlog_checksum',
  'SELECT @a, @c',
  'SET @master_heartbeat_period = 2000000000, @source_heartbeat_period = 2000000000',
  'set @slave_uuid=uuid()',
  "SET @mariadb_slave_capability='4'",
  'SET @rpl_semi_sync_slave = 1, @rpl_semi_sync_replica = 1;',
  'set wait_timeout=9999999',
  'set net_write_timeout=7200',
  "SET NAMES 'utf8mb4'",
  'SET AUTOCOMMIT = 0',
  'SET character_set_results = NULL',
  'SET SESSION lock_wait_timeout=10',
  'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
  'COMMIT',
  'ROLLBACK',
  'START TRANSACTION READ ONLY',
  'ROLLBACK WORK',
  'KILL 999999',
  'SELECT @@no_such_variable',
  'SHOW WARNINGS',
  'SHOW ERRORS LIMIT 1',
  'SHOW COUNT(*) ERRORS',
  'SELECT @@error_count, @@warning_count',
  'COMMIT',
  'SHOW ERRORS',
  'SET NAMES no_such_set',
  "SHOW GRANTS FOR 'somebody'@'%'",
  "SHOW SESSION STATUS LIKE 'Compression%'",
  'SELECT no_such_column',
  'SELECT VERSION(1)',
  'SELEKT 1',
  'SELECT 1 FROM DUAL WHERE',
  "SHOW BINLOG EVENTS IN 'no-such-file'",
  'SHOW BINLOG EVENTS FROM 5 LIMIT 3',
  'SHOW BINLOG EVENTS FROM 99999999',
  "CHANGE REPLICATION SOURCE TO SOURCE_HOST='x'",
  'START REPLICA',
  'STOP REPLICA',
  "PURGE BINARY LOGS TO 'x'",
  'FLUSH BINARY LOGS',
  'FLUSH TABLES WITH READ LOCK',
  'LOCK INSTANCE FOR BACKUP',
  'RESET BINARY LOGS AND GTIDS',
  'SET GLOBAL read_only = 0',
]

/** About the server itself, or the moment: only the columns are the same. */
const SHAPED = [
  'SELECT UNIX_TIMESTAMP()',
  'SELECT @@GLOBAL.SERVER_ID',
  'select @@server_id as server_id',
  'SELECT @@GLOBAL.SERVER_UUID',
  'select @@version_comment limit 1',
  'SELECT VERSION()',
  'SELECT NOW()',
  'SELECT NOW(3), CURDATE(), CURTIME(), UTC_DATE(), CURTIME(6)',
  'SELECT CONNECTION_ID() as connection_id',
  'SELECT CURRENT_USER()',
  'SELECT @@global.read_only read_only',
  'SELECT @@server_id, @@max_allowed_packet, @@global.log_bin',
  "SHOW STATUS LIKE 'Uptime'",
  "SHOW SESSION STATUS LIKE 'Ssl_version'",
  'SHOW VARIABLES',
  // orchestrator
  "select @@global.hostname, ifnull(@@global.report_host, ''), @@global.server_id, @@global.version, " +
    '@@global.version_comment, @@global.read_only, @@global.binlog_format, @@global.log_bin, ' +
    '@@global.log_replica_updates',
  'select @@global.gtid_mode, @@global.server_uuid, @@global.gtid_executed, @@global.gtid_purged, ' +
    '@@global.binlog_row_image',
  "show global status like 'Uptime'",
  "show global variables like 'rpl_semi_sync_%'",
  // Connector/J
  '/* mysql-connector-j-9.1.0 (Revision: x) */SELECT  @@session.auto_increment_increment AS ' +
    'auto_increment_increment, @@character_set_client AS character_set_client, ' +
    '@@character_set_connection AS character_set_connection, @@character_set_results AS ' +
    'character_set_results, @@character_set_server AS character_set_server, @@collation_server AS ' +
    'collation_server, @@collation_connection AS collation_connection, @@init_connect AS ' +
    'init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, ' +
    '@@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS ' +
    'max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@performance_schema AS ' +
    'performance_schema, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, ' +
    '@@time_zone AS time_zone, @@transaction_isolation AS transaction_isolation, @@wait_timeout AS ' +
    'wait_timeout',
  // pt-*, mysqlsh
  'SELECT @@SQL_MODE',
  'SELECT @@server_id /*!50038 , @@hostname*/, CONNECTION_ID() as connection_id',
  'SELECT COALESCE(@@report_host, @@hostname)',
  'SELECT COALESCE(@@report_port, @@port)',
  'SELECT USER()',
  'SHOW GRANTS FOR CURRENT_USER()',
  'SHOW REPLICAS',
  'SHOW REPLICA STATUS',
  'SHOW FULL PROCESSLIST',
  'SHOW ENGINES',
  'SHOW GRANTS',
  'select * from information_schema.processlist',
  'select * from performance_schema.processlist',
  "select substring_index(host, ':', 1) as slave_hostname from information_schema.processlist " +
    "where command IN ('Binlog Dump', 'Binlog Dump GTID')",
  'select count(*) from information_schema.processlist',
]

test.each(SAME)('%s is answered as by the source', async (sql) => {
  expect(await ask(ours, sql)).toEqual(await ask(theirs, sql))
})

test.each(SHAPED)('%s has the columns of the source', async (sql) => {
  expect(columnsOf(await ask(ours, sql))).toEqual(columnsOf(await ask(theirs, sql)))
})

test('the events of every file are those that the source shows, but for what is compressed', async () => {
  // What is inside a compressed transaction has the place of its end, twice.
  const isOpened = ([, position, , , end]: readonly unknown[]): boolean => position === end
  for (const { name } of await source.binlogs()) {
    const sql = `SHOW BINLOG EVENTS IN '${name}'`
    const [one, other] = [await rowsOf(ours, sql), await rowsOf(theirs, sql)]
    expect(one.rows.length).toBeGreaterThan(1)
    expect(one.rows).toEqual(other.rows.filter((row) => !isOpened(row)))
  }
})

/** The words of older servers, and the new ones that have the same answer but for names of columns. */
const OLDER = [
  ['SHOW MASTER STATUS', 'SHOW BINARY LOG STATUS'],
  ['SHOW BINLOG STATUS', 'SHOW BINARY LOG STATUS'],
  ['SHOW MASTER LOGS', 'SHOW BINARY LOGS'],
  ['SHOW SLAVE HOSTS', 'SHOW REPLICAS'],
  ['SHOW SLAVE STATUS', 'SHOW REPLICA STATUS'],
] as const

test.each(OLDER)('%s is answered although the source has forgotten it', async (older, newer) => {
  expect(await ask(theirs, older)).toBe(1064)
  const [one, other] = [await rowsOf(ours, older), await rowsOf(ours, newer)]
  const types = ({ columns }: Found): unknown => columns.map(([, type]) => type)
  expect(types(one)).toEqual(types(other))
  expect(one.rows).toEqual(other.rows)
})

test('variables of older servers are answered, since tools give up without them', async () => {
  const sql =
    "select @@global.master_info_repository = 'TABLE', @@tx_isolation, @@log_slave_updates"
  expect(await ask(ours, sql)).toMatchObject({ rows: [['1', 'REPEATABLE-READ', '1']] })
})

/** A binlog server has nothing to show, and must not be taken for an empty source. */
test.each([
  ['SELECT * FROM performance_schema.replication_group_members', 1146],
  ['SELECT table_name FROM information_schema.tables', 1235],
  ['SELECT a FROM kinds.plain', 1146],
  ['START TRANSACTION WITH CONSISTENT SNAPSHOT', 1235],
  ['UNLOCK TABLES', 1227],
  ['INSERT INTO kinds.plain (id) VALUES (1)', 1290],
])('%s is refused', async (sql, code) => {
  expect(await ask(ours, sql)).toBe(code)
  expect(await ask(ours, 'SELECT 1')).toMatchObject({ rows: [['1']] })
})
