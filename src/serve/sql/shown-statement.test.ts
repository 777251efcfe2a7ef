import { expect, test } from 'vitest'
import { shownStatement } from './shown-statement.ts'

test.each([
  ["CHANGE REPLICATION SOURCE TO SOURCE_USER='r', SOURCE_PASSWORD = 's3cret', SOURCE_PORT=1"],
  ["change master to master_password='s3cret'"],
  ["CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD='s3' 'cret'"],
  ["START REPLICA USER='u' PASSWORD='s3cret'"],
  ['SET PASSWORD = "s3cret"'],
  ["CREATE USER u IDENTIFIED BY 's3cret'"],
  ["CREATE USER u IDENTIFIED WITH caching_sha2_password AS 's3cret'"],
  ["SET PASSWORD = 's3cret"],
  ["/* password */ CHANGE MASTER TO MASTER_PASSWORD /* = */ = /* x */ 's3cret'"],
])('%s is shown without its secret', (sql) => {
  const shown = shownStatement(sql)
  expect(shown).toContain("'<secret>'")
  expect(shown).not.toMatch(/s3|cret'(?<!<secret>')/)
})

test('the rest of a statement is shown as it was sent, as far as it is shown', () => {
  expect(shownStatement("CHANGE MASTER TO MASTER_PASSWORD='a',  MASTER_USER='r'")).toBe(
    "CHANGE MASTER TO MASTER_PASSWORD='<secret>',  MASTER_USER='r'",
  )
  expect(shownStatement("SELECT 'by', 'password'")).toBe("SELECT 'by', 'password'")
  expect(shownStatement('x'.repeat(5000))).toHaveLength(1024)
})
