import { describe, expect, test } from 'vitest'
import { Cursor } from '../sql/cursor.ts'
import { SqlError } from '../sql/sql-error.ts'
import { readMetadata } from './read-metadata.ts'

/** The statements for the source, 'other' for what is no question about tables, or the error's code. */
function read(sql: string, database?: string): unknown {
  try {
    return readMetadata(new Cursor(sql), database)?.map((statement) => statement.sql) ?? 'other'
  } catch (thrown) {
    if (thrown instanceof SqlError) return thrown.code
    throw thrown
  }
}

describe('a question that clients ask goes to the source with every name in back ticks', () => {
  test.each<[client: string, sql: string, passed: string]>([
    ['canal', 'show create table `app`.`t`', 'show create table `app`.`t`'],
    ['canal', 'desc app.t', 'desc `app`.`t`'],
    ['canal', 'show databases', 'show databases'],
    [
      'canal, Debezium',
      "SHOW FULL TABLES IN `app` where Table_type = 'BASE TABLE'",
      "SHOW FULL TABLES IN `app` where `Table_type` = 'BASE TABLE'",
    ],
    [
      'Debezium',
      'SELECT schema_name, default_character_set_name FROM information_schema.schemata',
      'SELECT `schema_name`, `default_character_set_name` FROM `information_schema`.`schemata`',
    ],
    [
      'go-mysql',
      "SELECT * FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'a' and TABLE_NAME = 't' LIMIT 1",
      "SELECT * FROM `INFORMATION_SCHEMA`.`TABLES` WHERE `TABLE_SCHEMA` = 'a' and `TABLE_NAME` = 't' LIMIT 1",
    ],
    ['go-mysql', 'show full columns from `a`.`t`', 'show full columns from `a`.`t`'],
    ['go-mysql', 'show index from `a`.`t`', 'show index from `a`.`t`'],
    [
      'zongji',
      "SELECT\n COLUMN_TYPE\n FROM INFORMATION_SCHEMA.COLUMNS\n WHERE TABLE_NAME='t' ORDER BY ORDINAL_POSITION;",
      'SELECT `COLUMN_TYPE` FROM `INFORMATION_SCHEMA`.`COLUMNS` ' +
        "WHERE `TABLE_NAME`='t' ORDER BY `ORDINAL_POSITION`",
    ],
    [
      'Maxwell',
      'SELECT TABLES.TABLE_NAME, CCSA.CHARACTER_SET_NAME FROM INFORMATION_SCHEMA.TABLES JOIN ' +
        'information_schema.COLLATION_CHARACTER_SET_APPLICABILITY AS CCSA ' +
        "ON TABLES.TABLE_COLLATION = CCSA.COLLATION_NAME WHERE TABLES.TABLE_SCHEMA = 'app'",
      'SELECT `TABLES`.`TABLE_NAME`, `CCSA`.`CHARACTER_SET_NAME` FROM `INFORMATION_SCHEMA`.`TABLES` JOIN ' +
        '`information_schema`.`COLLATION_CHARACTER_SET_APPLICABILITY` AS `CCSA` ' +
        "ON `TABLES`.`TABLE_COLLATION` = `CCSA`.`COLLATION_NAME` WHERE `TABLES`.`TABLE_SCHEMA` = 'app'",
    ],
    ['Flink CDC', "SHOW TABLE STATUS LIKE 't'", "SHOW TABLE STATUS LIKE 't'"],
    ['a driver', '/* driver 1.0 */ SHOW /* which */ SCHEMAS -- all', 'SHOW SCHEMAS'],
    [
      'a person',
      'SHOW EXTENDED COLUMNS FROM t FROM `a``b`',
      'SHOW EXTENDED COLUMNS FROM `t` FROM `a``b`',
    ],
    ['a person', "DESCRIBE t 'a%'", "DESCRIBE `t` 'a%'"],
    [
      'a person',
      'SELECT c.*, COUNT(*) n, LOWER(x) AS "l" FROM information_schema.columns c LEFT JOIN ' +
        'information_schema.statistics s USING (a) WHERE NOT (a IS NOT NULL OR b NOT IN (-1, NULL)) ' +
        "AND c LIKE 'x' GROUP BY c ORDER BY 1 DESC, 2 LIMIT 5 OFFSET 2",
      'SELECT `c`.*, COUNT(*) `n`, LOWER(`x`) AS "l" FROM `information_schema`.`columns` `c` LEFT JOIN ' +
        '`information_schema`.`statistics` `s` USING (`a`) WHERE NOT (`a` IS NOT NULL OR `b` NOT IN (-1, NULL)) ' +
        "AND `c` LIKE 'x' GROUP BY `c` ORDER BY 1 DESC, 2 LIMIT 5 OFFSET 2",
    ],
  ])('%s: %s', (_, sql, passed) => {
    expect(read(sql, 'app')).toEqual([passed])
  })

  test('canal: several at once, each by itself', () => {
    const [a, b] = ['show create table `app`.`a`', 'show create table `app`.`b`']
    expect(read(`${a};${b};`)).toEqual([a, b])
    expect(read(`${a}; SELECT 1`)).toBe(1064)
    expect(read(`${a};;${b}`)).toBe(1064)
    expect(read(`SELECT 1; ${a}`)).toBe('other')
  })
})

describe('what would do or show more than that stays here', () => {
  test.each<[sql: string, outcome: unknown]>([
    ['SELECT 1', 'other'],
    ['SELECT * FROM app.t', 'other'],
    ['SELECT * FROM mysql.user', 'other'],
    ['SELECT * FROM information_schema.processlist', 'other'],
    ['SELECT * FROM performance_schema.threads', 'other'],
    ['SHOW FULL PROCESSLIST', 'other'],
    ['SHOW CREATE USER root', 1064],
    ['SHOW CREATE PROCEDURE app.p', 1064],
    ['SHOW TABLE', 1064],
    ['EXPLAIN SELECT 1', 'other'],
    ['DESC SELECT 1', 1064],
    ['DESC FORMAT=TREE SELECT 1', 1064],
    ['SELECT * FROM information_schema.tables, mysql.user', 1064],
    ['SELECT * FROM information_schema.tables JOIN app.t ON 1', 1064],
    ['SELECT * FROM information_schema.tables UNION SELECT * FROM mysql.user', 1064],
    ["SELECT * FROM information_schema.tables INTO OUTFILE '/tmp/x'", 1064],
    ["SELECT 1 INTO OUTFILE '/tmp/x' FROM information_schema.tables", 1064],
    ['SELECT * FROM information_schema.tables INTO @a', 1064],
    ['SELECT * FROM information_schema.tables FOR UPDATE', 1064],
    ['SELECT SLEEP(9) FROM information_schema.tables', 1064],
    ["SELECT LOAD_FILE('/etc/passwd') FROM information_schema.tables", 1064],
    ['SELECT (SELECT 1) FROM information_schema.tables', 1064],
    ['SELECT * FROM information_schema.tables WHERE a IN (SELECT user FROM mysql.user)', 1064],
    ['SELECT * FROM information_schema.tables WHERE EXISTS (SELECT 1)', 1064],
    ['SELECT @@datadir FROM information_schema.tables', 1064],
    ['SELECT @a := 1 FROM information_schema.tables', 1064],
    ['SHOW TABLES FROM app WHERE SLEEP(9)', 1064],
    ['SHOW DATABASES WHERE (SELECT 1)', 1064],
    ['SHOW /*!50000 CREATE */ TABLE app.t', 1064],
    ['SHOW CREATE TABLE app.t /*! INTO x */', 1064],
    [`SHOW DATABASES WHERE ${'('.repeat(60)}1${')'.repeat(60)}`, 1436],
  ])('%.90s', (sql, outcome) => {
    expect(read(sql, 'app')).toBe(outcome)
  })

  test('a keyword where a name belongs becomes a name', () => {
    expect(read('DESC SELECT x', 'app')).toEqual(['DESC `SELECT` `x`'])
    expect(read("SELECT _utf8'x' FROM information_schema.tables")).toEqual([
      "SELECT `_utf8`'x' FROM `information_schema`.`tables`",
    ])
  })
})

describe('the default database', () => {
  const database = (sql: string, session?: string): unknown =>
    readMetadata(new Cursor(sql), session)?.[0]?.database

  test.each([
    'SHOW TABLES',
    'SHOW TABLE STATUS',
    'SHOW CREATE TABLE t',
    'SHOW COLUMNS FROM t',
    'SHOW INDEX FROM t',
    'DESC t',
    'SELECT * FROM information_schema.tables WHERE table_schema = DATABASE()',
  ])('goes with %s, which needs one', (sql) => {
    expect(database(sql, 'app')).toBe('app')
    expect(read(sql)).toBe(1046)
  })

  test.each([
    'SHOW TABLES IN app',
    'SHOW CREATE TABLE app.t',
    'SHOW CREATE DATABASE app',
    'SHOW COLUMNS FROM t FROM app',
    'SHOW DATABASES',
    'SELECT * FROM information_schema.tables',
  ])('does not go with %s', (sql) => {
    expect(database(sql, 'other')).toBeUndefined()
    expect(read(sql)).toHaveLength(1)
  })

  test('may be information_schema itself', () => {
    expect(database('SELECT * FROM columns', 'INFORMATION_SCHEMA')).toBe('INFORMATION_SCHEMA')
    expect(read('SELECT * FROM columns', 'app')).toBe('other')
  })
})
