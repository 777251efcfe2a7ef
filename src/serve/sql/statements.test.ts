import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../platform/index.ts'
import { Replicas } from '../replicas.ts'
import { EXECUTED, FACTS } from '../testing/fake-server.ts'
import { outcomeOf, runStatement } from '../testing/run-statement.ts'
import { makeScope } from '../testing/scope.ts'
import { answerStatement } from './statements.ts'

const A = '24bc7850-2c16-11e6-a073-0242ac110001'

const outcome = (sql: string, scope = makeScope()): Promise<unknown> => outcomeOf(sql, scope)

async function columns(sql: string): Promise<string[]> {
  const found = await runStatement(sql, makeScope())
  return typeof found === 'object' && 'columns' in found
    ? found.columns.map(({ name }) => name)
    : []
}

describe('SELECT', () => {
  test.each<[string, (string | null)[]]>([
    ['SELECT UNIX_TIMESTAMP()', ['1777630272']],
    ['SELECT @@GLOBAL.SERVER_ID', ['77']],
    ['select @@server_id as server_id;', ['77']],
    ['SELECT @@GLOBAL.SERVER_UUID', [FACTS.serverUuid]],
    ['SELECT @@GLOBAL.GTID_MODE', ['ON']],
    ['SELECT @@global.`gtid_executed`', [EXECUTED]],
    ['SELECT @@gtid_purged', [`${A}:1-10`]],
    ['select @@version_comment limit 1', ['Kingbus binlog server']],
    ['SELECT VERSION(), version()', ['9.7.4-kingbus', '9.7.4-kingbus']],
    [
      '/* mysql-connector */ SELECT  @@session.auto_increment_increment AS a, @@sql_mode b',
      ['1', expect.stringContaining('STRICT_TRANS_TABLES')],
    ],
    ["SELECT ifnull(@@global.binlog_checksum, '') -- end", ['CRC32']],
    ['SELECT @undefined', [null]],
    ['SELECT 1', ['1']],
    ["SELECT 'a' 'b' \"c\"", ['abc']],
    ["SELECT 'it''s', \"a\\nb\", 0x1F, -2, 1.5", ["it's", 'a\nb', '31', '-2', '1.5']],
    ['SELECT 1 + 2 * 3, (1 + 2) * 3, 7 / 2', ['7', '9', '3.5']],
    ['SELECT NULL IS NULL, NOT 0, 1 = NULL, 1 <=> NULL', ['1', '1', null, '0']],
    ['SELECT @@global.read_only|@@global.innodb_read_only read_only', ['1']],
    [`SELECT GTID_SUBTRACT('${A}:1-9', '${A}:2-3')`, [`${A}:1:4-9`]],
    [`SELECT GTID_SUBSET('${A}:2-3', @@gtid_executed)`, ['1']],
    ['SELECT GTID_SUBSET(NULL, @@gtid_executed)', [null]],
    ["SELECT CONCAT('a', 1, NULL), COALESCE(NULL, 'x')", [null, 'x']],
    ['SELECT NOW()', ['2026-05-01 10:11:12']],
    [
      'SELECT NOW(6), CURTIME(2)',
      [
        expect.stringMatching(/^2026-05-01 10:11:12\.\d{3}000$/),
        expect.stringMatching(/^10:11:12\.\d\d$/),
      ],
    ],
    ['SELECT TIME_TO_SEC(TIMEDIFF(NOW(), UTC_TIMESTAMP()))', ['0']],
    ["SELECT TIMEDIFF('2026-05-01 10:00:00', '2026-05-01 11:00:01')", ['-01:00:01']],
    [
      "SELECT TIMEDIFF('10:00:00', '2026-05-01 11:00:01'), TIME_TO_SEC('-1:02:03')",
      [null, '-3723'],
    ],
    [
      'SELECT CURRENT_DATE, CURTIME(), LOCALTIME',
      ['2026-05-01', '10:11:12', '2026-05-01 10:11:12'],
    ],
    ["SELECT SUBSTRING_INDEX('a:b:c', ':', 2), SUBSTRING_INDEX('a:b:c', ':', -1)", ['a:b', 'c']],
    ["SELECT IF(1 > 2, 'x', 'y'), LENGTH('\u00e4'), CHAR_LENGTH('\u00e4')", ['y', '2', '1']],
    ['SELECT 1 FROM DUAL ORDER BY 1', ['1']],
    ["SELECT WAIT_FOR_EXECUTED_GTID_SET('', 5), WAIT_FOR_EXECUTED_GTID_SET(NULL)", ['0', null]],
    [`SELECT WAIT_FOR_EXECUTED_GTID_SET('${A}:70-77')`, ['0']],
    [`SELECT WAIT_FOR_EXECUTED_GTID_SET('${A}:70-78', 0.001) AS timed_out`, ['1']],
    [
      'SELECT CURRENT_USER, USER(), DATABASE() FROM DUAL WHERE 1',
      ['repl@%', 'repl@10.0.0.7', null],
    ],
    ['/*!50000 SELECT */ 1', ['1']],
  ])('%s gives its row', async (sql, row) => {
    expect(await outcome(sql)).toEqual([row])
  })

  test('a column has the name that was typed, or its alias', async () => {
    expect(
      await columns("SELECT @@GLOBAL.SERVER_ID, 1  +  1, UUID() AS u, 2 'x', version( )"),
    ).toEqual(['@@GLOBAL.SERVER_ID', '1  +  1', 'u', 'x', 'version( )'])
    // A text is named by what it is, without its quotes.
    expect(await columns("SELECT 'it''s', 'a' 'b', 'c' AS d")).toEqual(["it's", 'a', 'd'])
  })

  test.each<[string, number]>([
    ['SELECT @@no_such_variable', 1193],
    ['SELECT @@session.server_id', 1238],
    ['SELECT no_such_column', 1054],
    ['SELECT NO_SUCH_FUNCTION(1)', 1305],
    ['SELECT VERSION(1)', 1582],
    ['SELECT NOW(7)', 1426],
    ["SELECT GTID_SUBSET('nonsense', '')", 1772],
    ['SELECT * FROM performance_schema.replication_group_members', 1146],
    ['SELECT COUNT(*) FROM `app`.`t` WHERE a > 1', 1146],
    ['SELECT a FROM t', 1046],
    ['SELECT *', 1096],
    ['SELECT', 1064],
    ['SELECT 1; SELECT 2', 1064],
    ["SELECT 'unfinished", 1064],
    ['SELECT 1 WHERE', 1064],
    ["SELECT WAIT_FOR_EXECUTED_GTID_SET('x')", 1772],
    ["SELECT WAIT_FOR_EXECUTED_GTID_SET('', -1)", 1210],
    ['SELECT WAIT_FOR_EXECUTED_GTID_SET()', 1582],
    ['SELECT 1 ORDER BY 2', 1054],
    ['SELECT 1 FOR UPDATE', 1064],
    ['SELECT nothing FROM information_schema.processlist', 1054],
    [`SELECT ${'('.repeat(100_000)}`, 1436],
    [`SELECT ${'1+'.repeat(100_000)}1`, 1436],
  ])('%.60s is refused with %i', async (sql, code) => {
    expect(await outcome(sql)).toBe(code)
  })

  test('LIMIT and WHERE leave the row out', async () => {
    expect(await outcome('SELECT 1 LIMIT 0')).toEqual([])
    expect(await outcome('SELECT 1 LIMIT 1, 5')).toEqual([])
    expect(await outcome('SELECT 1 LIMIT 5 OFFSET 0')).toEqual([['1']])
    expect(await outcome("SELECT 1 FROM DUAL WHERE 'a' = 'b'")).toEqual([])
  })
})

describe('SET', () => {
  test('what replicas and connectors set is kept for the session', async () => {
    const scope = makeScope()
    for (const sql of [
      'SET @master_heartbeat_period = 2000000000, @source_heartbeat_period = 2000000000',
      'SET @master_binlog_checksum= @@global.binlog_checksum, @`quoted name` := 7;',
      'set @slave_uuid=uuid()',
      "SET NAMES 'binary'",
      'SET NAMES utf8mb4 COLLATE utf8mb4_bin',
      'SET CHARACTER SET utf8',
      'SET autocommit=1, SESSION sql_mode = DEFAULT, @@session.wait_timeout = 9',
      'SET LOCAL net_write_timeout = 7',
      'SET character_set_results = NULL',
      'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
      "SET sql_mode = CONCAT(@@sql_mode, ',ANSI')",
      'SET FOREIGN_KEY_CHECKS = ON',
      '/*!40101 SET NAMES utf8 */;',
    ]) {
      expect([sql, await outcome(sql, scope)]).toEqual([sql, 'OK'])
    }
    const kept =
      'SELECT @SOURCE_heartbeat_period, @master_binlog_checksum, @slave_uuid, @@wait_timeout, @`quoted name`'
    const uuid = 'ffffffff-2c16-11e6-a073-0242ac110001'
    expect(await outcome(kept, scope)).toEqual([['2000000000', 'CRC32', uuid, '9', '7']])
    expect(await outcome("SHOW SESSION VARIABLES LIKE 'foreign_key_checks'", scope)).toEqual([
      ['foreign_key_checks', 'ON'],
    ])
    expect(await outcome('SELECT @@global.wait_timeout', scope)).toEqual([['28800']])
  })

  test.each<[string, number]>([
    ['SET GLOBAL read_only = 0', 1227],
    ['SET @@global.read_only = 0', 1227],
    ['SET PERSIST sql_mode = 1', 1227],
    ['SET server_id = 3', 1229],
    ['SET no_such_variable = 3', 1193],
    ["SET wait_timeout = 'soon'", 1232],
    ['SET NAMES no_such_set', 1115],
    ["SET CHARACTER SET 'no_such_set'", 1115],
    ["SET @a = WAIT_FOR_EXECUTED_GTID_SET('')", 1235],
    ['SET @a', 1064],
    ['SET', 1064],
    ['SET @a = 1 2', 1064],
  ])('%s is refused with %i', async (sql, code) => {
    expect(await outcome(sql)).toBe(code)
  })

  test('a session cannot keep more user variables than its limit', async () => {
    const scope = makeScope()
    for (let count = 0; count < 256; count += 1) await outcome(`SET @v${count} = 1`, scope)
    expect(await outcome('SET @one_more = 1', scope)).toBe(1041)
    expect(await outcome('SET @v0 = 2', scope)).toBe('OK')
  })
})

describe('SHOW', () => {
  test('variables are found by pattern, by condition, and all', async () => {
    expect(await outcome("show variables like 'BINLOG_CHECKSUM'")).toEqual([
      ['binlog_checksum', 'CRC32'],
    ])
    expect(await outcome("SHOW GLOBAL VARIABLES LIKE 'log_bin'")).toEqual([['log_bin', 'ON']])
    const mirrored =
      "('binlog_row_metadata', 'binlog_transaction_compression', 'lower_case_table_names')"
    expect(await outcome(`SHOW GLOBAL VARIABLES WHERE Variable_name IN ${mirrored}`)).toEqual([
      ['binlog_row_metadata', 'FULL'],
      ['binlog_transaction_compression', 'ON'],
      ['lower_case_table_names', '1'],
    ])
    expect(await outcome("SHOW VARIABLES LIKE 'server\\_i%'")).toEqual([['server_id', '77']])
    expect(await outcome("show global variables like 'rds\\_%'")).toEqual([])
    expect(
      await outcome(
        "SHOW VARIABLES WHERE Variable_name IN ('read_only', 'gtid_mode') AND Value = 'on'",
      ),
    ).toEqual([
      ['gtid_mode', 'ON'],
      ['read_only', 'ON'],
    ])
    expect(
      await outcome("SHOW VARIABLES WHERE `variable_name` = 'port' OR value LIKE 'kingbus%'"),
    ).toEqual([
      ['port', '3390'],
      ['version_comment', 'Kingbus binlog server'],
    ])
    expect(((await outcome('SHOW VARIABLES')) as unknown[]).length).toBeGreaterThan(50)
    expect(await outcome('SHOW VARIABLES WHERE nothing = 1')).toBe(1054)
  })

  test('where the binlog stands is shown by its new and its older names', async () => {
    const row = ['binlog.000002', '4711', '', '', EXECUTED]
    for (const sql of ['SHOW BINARY LOG STATUS', 'SHOW MASTER STATUS', 'show binlog status;']) {
      expect(await outcome(sql)).toEqual([row])
    }
    const files = [
      ['binlog.000001', '177', 'No'],
      ['binlog.000002', '4711', 'No'],
    ]
    expect(await outcome('SHOW BINARY LOGS')).toEqual(files)
    expect(await outcome('SHOW MASTER LOGS')).toEqual(files)
    expect(await outcome('SHOW BINARY LOGS', makeScope({ rights: [] }))).toBe(1227)
    expect(await outcome('SHOW MASTER STATUS', makeScope({ rights: [] }))).toBe(1227)
  })

  test('registered replicas are shown with the columns of the word that was used', async () => {
    const scope = makeScope()
    const replicas = new Replicas(systemClock)
    const identity = { serverId: 9, uuid: 'abc', connectionId: 5, user: 'repl', address: 'a:1' }
    replicas.register(identity, { host: 'db2', port: 3306 })
    const rows = [['9', 'db2', '3306', '77', 'abc']]
    expect(await outcome('SHOW REPLICAS', { ...scope, replicas })).toEqual(rows)
    expect(await outcome('SHOW SLAVE HOSTS', { ...scope, replicas })).toEqual(rows)
    expect((await columns('SHOW REPLICAS'))[4]).toBe('Replica_UUID')
    expect((await columns('SHOW SLAVE HOSTS'))[3]).toBe('Master_id')
  })

  test('sessions of others are shown only to those with the right', async () => {
    const own = makeScope()
    own.sessions.add({
      state: { ...makeScope().session, connectionId: 6, user: 'other' },
      kill: () => {},
      interrupt: () => {},
    })
    expect(await outcome('SHOW FULL PROCESSLIST', own)).toHaveLength(1)
    const monitor = { ...makeScope({ rights: ['monitor'] }), sessions: own.sessions }
    expect(await outcome('SHOW PROCESSLIST', monitor)).toHaveLength(2)
  })

  test.each<[string, unknown]>([
    ['SHOW WARNINGS', []],
    ['SHOW WARNINGS LIMIT 5', []],
    ['SHOW COUNT(*) WARNINGS', [['0']]],
    ['SHOW COUNT(*) NOTHING', 1064],
    ['SHOW STORAGE ENGINES', []],
    ["SHOW STATUS LIKE 'Ssl_version'", [['Ssl_version', 'TLSv1.3']]],
    ['SHOW GRANTS', [['GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `repl`@`%`']]],
    ['SHOW GRANTS FOR CURRENT_USER()', [[expect.stringContaining('REPLICATION SLAVE')]]],
    ["SHOW GRANTS FOR 'other'@'%'", 1142],
    [
      "SHOW STATUS LIKE 'Compression%'",
      [
        ['Compression', 'OFF'],
        ['Compression_algorithm', ''],
        ['Compression_level', '0'],
      ],
    ],
    ['SHOW CREATE TABLE app.t', [{ sql: 'SHOW CREATE TABLE `app`.`t`', database: undefined }]],
    ['SHOW TABLES', 1046],
    [
      'SELECT * FROM information_schema.COLUMNS',
      [{ sql: 'SELECT * FROM `information_schema`.`COLUMNS`', database: undefined }],
    ],
  ])('%s is answered as it should', async (sql, expected) => {
    expect(await outcome(sql)).toEqual(expected)
  })
})

test.each<[string, unknown]>([
  ['COMMIT', 'OK'],
  ['ROLLBACK;', 'OK'],
  ['USE `app`', 'OK'],
  ['FLUSH BINARY LOGS', 1227],
  ['FLUSH TABLES WITH READ LOCK', 1227],
  ['START TRANSACTION', 'OK'],
  ['START TRANSACTION READ ONLY', 'OK'],
  ['START TRANSACTION WITH CONSISTENT SNAPSHOT', 1235],
  ['START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT', 1235],
  ['START TRANSACTION READ', 1064],
  ['START TRANSACTION NOW', 1064],
  ['LOCK INSTANCE FOR BACKUP', 1227],
  ['UNLOCK TABLES', 1227],
  ['PURGE BINARY LOGS TO "binlog.000002"', 1227],
  ['STOP REPLICA', 1227],
  ['INSERT INTO t VALUES (1)', 1290],
  ['', 1065],
  ['-- nothing but a comment', 1065],
  ['/* unfinished', 1065],
  ['HELP', 1064],
  ['KILL 4711', 1094],
  ['KILL', 1064],
  ['KILL 5', 1317],
])('%s is answered with %s', async (sql, expected) => {
  expect(await outcome(sql)).toEqual(expected)
})

test('the syntax error shows where the statement was not understood', async () => {
  expect(() => answerStatement('SELECT 1\nFROM DUAL  GROUP BY 1', makeScope())).toThrow(
    "for the right syntax to use near 'GROUP BY 1' at line 2",
  )
})

test('any text is answered or refused, and never anything else', async () => {
  const words = fc.constantFrom(
    ...'SELECT SET SHOW VARIABLES LIKE WHERE FROM LIMIT NOT IN NULL KILL'.split(' '),
    ...`@a @@x ( ) , = 1 'a' \`b\` /* */ -- ; . @ "`.split(' '),
  )
  const statements = fc.oneof(
    fc.string(),
    fc.array(words).map((parts) => parts.join(' ')),
    fc.array(words).map((parts) => `SELECT ${parts.join('')}`),
  )
  await fc.assert(
    fc.asyncProperty(statements, async (sql) => {
      await outcome(sql)
    }),
    { numRuns: 1000 },
  )
})

test.each<[string, string, unknown]>([
  ['comments that never end', '/* '.repeat(300_000), 1065],
  ['opened parentheses', '('.repeat(1_000_000), 1436],
  ['digits', `SELECT ${'1'.repeat(1_000_000)}`, [['Infinity']]],
  ['quotes', `SELECT ${"'".repeat(999_999)}`, 1064],
  [
    'a pattern that never matches',
    `SELECT '${'a'.repeat(900)}' LIKE '${'%a'.repeat(500)}b'`,
    [['0']],
  ],
  ['a text beyond the limit', `SELECT '${'a'.repeat(9000)}' LIKE '${'%a'.repeat(60)}'`, 1235],
  ['a pattern for every variable', `SHOW VARIABLES LIKE '${' / '.repeat(50_000)}'`, 1235],
  ['commas', `SELECT ${','.repeat(1_000_000)}`, 1436],
  ['comments', `SELECT 1 ${'--\n'.repeat(300_000)}`, [['1']]],
  ['too much', ' '.repeat(1_100_000), 1153],
])('a long statement of %s is over in less than a second', async (_, sql, expected) => {
  const begun = performance.now()
  expect(await outcome(sql)).toEqual(expected)
  expect(performance.now() - begun).toBeLessThan(1000)
})

test('a number beyond 64 bits is an inexact one, and infinity has no bits', async () => {
  expect(await outcome('SELECT 1e999 | 1, 1e999 & 1e999, (1e999 - 1e999) | 4')).toEqual([
    ['1', '0', '4'],
  ])
  expect(await outcome(`SELECT '${'9'.repeat(100_000)}' + 1`)).toEqual([['Infinity']])
})

test('an answer beyond 16 MiB is refused before it is made', async () => {
  const scope = makeScope()
  expect(await outcome(`SET @a = '${'a'.repeat(1_000_000)}'`, scope)).toBe('OK')
  const many = Array.from({ length: 20 }, () => '@a').join()
  expect(await outcome(`SELECT ${many}`, scope)).toBe(1153)
  expect(await outcome(`SELECT CONCAT(${many})`, scope)).toBe(1153)
  const work = Array.from({ length: 40 }, () => 'UPPER(@a) IS NULL').join()
  expect(await outcome(`SELECT ${work}`, scope)).toBe(1235)
})
