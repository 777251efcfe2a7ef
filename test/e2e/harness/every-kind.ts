import type { Mysqld } from './mysqld.ts'

/** DDL of every common kind, and tables with every column type of MySQL 9.7. */
export const definitions: readonly string[] = [
  'CREATE DATABASE kinds',
  `CREATE TABLE kinds.types (
     id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, tiny TINYINT, big BIGINT, exact DECIMAL(30,10),
     single FLOAT, twice DOUBLE, bits BIT(17), day DATE, clock TIME(3), moment DATETIME(6),
     stamp TIMESTAMP(6) NULL, y YEAR, fixed CHAR(10), varied VARCHAR(300) CHARACTER SET latin1,
     raw VARBINARY(300), short_text TINYTEXT, long_text LONGTEXT, blob_field MEDIUMBLOB,
     choice ENUM('a','b','c'), several SET('x','y','z'), doc JSON, place GEOMETRY,
     spot VECTOR(4), hidden INT INVISIBLE DEFAULT 5, twice_big BIGINT AS (big * 2) STORED,
     virtual_big BIGINT AS (big + 1) VIRTUAL)`,
  'CREATE TABLE kinds.plain (id INT PRIMARY KEY, amount INT, body VARCHAR(2000))',
  'CREATE TABLE kinds.old_engine (id INT PRIMARY KEY, body TEXT) ENGINE=MyISAM',
  `CREATE TABLE kinds.parts (id INT, region INT, PRIMARY KEY (id, region))
     PARTITION BY RANGE (region) (PARTITION p0 VALUES LESS THAN (10),
     PARTITION p1 VALUES LESS THAN MAXVALUE)`,
  'CREATE TABLE kinds.no_key (amount INT, body VARCHAR(50))',
  'CREATE TABLE kinds.log (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(100))',
  `CREATE TRIGGER kinds.after_plain AFTER INSERT ON kinds.plain FOR EACH ROW
     INSERT INTO kinds.log (what) VALUES (CONCAT('plain ', NEW.id))`,
  `CREATE PROCEDURE kinds.fill(IN first_id INT, IN how_many INT) BEGIN
     DECLARE i INT DEFAULT 0;
     WHILE i < how_many DO
       INSERT INTO kinds.plain (id, amount, body) VALUES (first_id + i, i, REPEAT('p', i)); SET i = i + 1;
     END WHILE; END`,
  'CREATE FUNCTION kinds.twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2',
  'CREATE VIEW kinds.plain_view AS SELECT id, amount FROM kinds.plain',
  "CREATE USER 'guest'@'localhost' IDENTIFIED BY 'guest-local'",
  "GRANT SELECT ON kinds.* TO 'guest'@'localhost'",
  'ALTER TABLE kinds.parts REORGANIZE PARTITION p1 INTO ' +
    '(PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN MAXVALUE)',
  'ALTER TABLE kinds.plain ADD COLUMN later INT DEFAULT 3, ADD INDEX by_amount (amount)',
  'ALTER TABLE kinds.log RENAME TO kinds.journal',
  'RENAME TABLE kinds.journal TO kinds.log',
  'CREATE TABLE kinds.copied AS SELECT * FROM kinds.plain',
  'CREATE TABLE kinds.gone (id INT)',
  'DROP TABLE kinds.gone',
]

const typesRow = `(tiny, big, exact, single, twice, bits, day, clock, moment, stamp, y, fixed, varied, raw,
  short_text, long_text, blob_field, choice, several, doc, place, spot) VALUES
  (-7, 9007199254740993, 12345678901234567890.0123456789, 1.5, -2.25e300, b'10101010101010101',
  '2026-02-28', '-838:59:58.125', '2026-11-23 12:34:56.789012', '2026-11-23 01:02:03.000004', 2026,
  'fixed', 'caf\u00e9', 0x00ff10, 'short', REPEAT('long', 5000), REPEAT(0x00ff, 100000), 'b', 'x,z',
  '{"a": [1, 2.5, null, true], "text": "words"}', ST_GeomFromText('POINT(1 2)'),
  STRING_TO_VECTOR('[1, 2.5, -3, 4e10]'))`

/** Transactions of every kind; `base` keeps the keys of one call apart from another's. */
export async function writeEveryKind(source: Mysqld, base: number): Promise<void> {
  const row = (offset: number, amount = offset): string => `(${base + offset}, ${amount}, 'body')`
  const insert = 'INSERT INTO kinds.plain (id, amount, body) VALUES'
  await source.sql(
    `INSERT INTO kinds.types ${typesRow}`,
    'UPDATE kinds.types SET big = big + 1, several = "y"',
    // savepoints
    'BEGIN',
    `${insert} ${row(1)}`,
    'SAVEPOINT one',
    `${insert} ${row(2)}`,
    'ROLLBACK TO one',
    `${insert} ${row(3)}`,
    'COMMIT',
    // statement format, with what needs context events: @variables, RAND, auto-increment, LOAD
    "SET SESSION binlog_format = 'STATEMENT'",
    'SET @given = 41',
    `INSERT INTO kinds.log (what) VALUES (CONCAT('statement ', @given))`,
    'SET TIMESTAMP = 1700000000.25',
    'INSERT INTO kinds.no_key VALUES (UNIX_TIMESTAMP(), CAST(NOW(6) AS CHAR))',
    'SET TIMESTAMP = DEFAULT',
    "UPDATE kinds.plain SET body = CONCAT(body, '+') WHERE id > 0",
    "SET SESSION binlog_format = 'MIXED'",
    'UPDATE kinds.plain SET body = LEFT(UUID(), 5) WHERE id > 0 ORDER BY id LIMIT 3',
    "SET SESSION binlog_format = 'ROW'",
    // partial JSON and row query events
    "SET SESSION binlog_row_value_options = 'PARTIAL_JSON', binlog_rows_query_log_events = ON",
    "UPDATE kinds.types SET doc = JSON_SET(doc, '$.a[1]', 7, '$.more', REPEAT('m', 500))",
    "UPDATE kinds.types SET doc = JSON_REPLACE(doc, '$.text', 'other')",
    "SET SESSION binlog_row_value_options = '', binlog_rows_query_log_events = OFF",
    "SET SESSION binlog_row_image = 'MINIMAL'",
    'UPDATE kinds.plain SET amount = amount + 1 WHERE id > 0',
    "SET SESSION binlog_row_image = 'FULL'",
    // compressed transactions
    'SET SESSION binlog_transaction_compression = ON',
    'BEGIN',
    `${insert} ${row(10)}, ${row(11)}`,
    `CALL kinds.fill(${base + 100}, 60)`,
    'COMMIT',
    'SET SESSION binlog_transaction_compression = OFF',
    // MyISAM, a table without a key, partitions
    `INSERT INTO kinds.old_engine VALUES (${base}, 'not transactional')`,
    `UPDATE kinds.old_engine SET body = 'changed' WHERE id = ${base}`,
    `INSERT INTO kinds.no_key VALUES (${base}, 'a'), (${base}, 'a')`,
    `DELETE FROM kinds.no_key WHERE amount = ${base} LIMIT 1`,
    `INSERT INTO kinds.parts VALUES (${base}, 5), (${base}, 15), (${base}, 25)`,
    'ALTER TABLE kinds.parts TRUNCATE PARTITION p2',
  )
  await writeTagged(source, base)
  await writeXa(source, base)
}

/** Tagged GTIDs among plain ones, chosen ones with a gap, and empty transactions. */
async function writeTagged(source: Mysqld, base: number): Promise<void> {
  const insert = 'INSERT INTO kinds.log (what) VALUES'
  const foreign = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
  await source.sql(
    "SET gtid_next = 'AUTOMATIC:blue'",
    `${insert} ('tagged blue')`,
    "SET gtid_next = 'AUTOMATIC'",
    `${insert} ('plain')`,
    "SET gtid_next = 'AUTOMATIC:green'",
    `${insert} ('tagged green')`,
    `SET gtid_next = '${foreign}:${base + 5}'`,
    `${insert} ('chosen, behind a gap')`,
    `SET gtid_next = '${foreign}:urgent:${base + 9}'`,
    'BEGIN',
    'COMMIT',
    "SET gtid_next = 'AUTOMATIC'",
  )
}

async function writeXa(source: Mysqld, base: number): Promise<void> {
  const insert = 'INSERT INTO kinds.plain (id, amount, body) VALUES'
  const values = (offset: number): string => `(${base + offset}, 1, 'xa')`
  await source.sql(
    `XA START 'two-phase-${base}'`,
    `${insert} ${values(20)}`,
    `XA END 'two-phase-${base}'`,
    `XA PREPARE 'two-phase-${base}'`,
  )
  const other = await source.connect()
  await other.query(`${insert} ${values(21)}`)
  await other.end()
  await source.sql(
    `XA COMMIT 'two-phase-${base}'`,
    `XA START 'one-phase-${base}'`,
    `${insert} ${values(22)}`,
    `XA END 'one-phase-${base}'`,
    `XA COMMIT 'one-phase-${base}' ONE PHASE`,
    `XA START 'given-up-${base}'`,
    `${insert} ${values(23)}`,
    `XA END 'given-up-${base}'`,
    `XA PREPARE 'given-up-${base}'`,
    `XA ROLLBACK 'given-up-${base}'`,
  )
}
