import { expect, test } from 'vitest'
import { findingsOf, refuseProblems, type SourceProfile } from './preflight.ts'

const WELL: SourceProfile = {
  flavor: 'mysql',
  version: '9.7.4',
  account: "'repl'@'%'",
  uuid: '8220d6c7-e79a-11f1-9766-02fc00000001',
  serverId: 1,
  gtidMode: 'ON',
  gtidConsistency: 'ON',
  logBin: true,
  checksum: 'CRC32',
  encrypted: false,
  expireSeconds: 0,
  mayReplicate: true,
  mayAskStatus: true,
}
const SELF = { serverId: 2, uuid: '8220d6c7-e79a-11f1-9766-02fc00000002' }

function notable(changes: Partial<SourceProfile>): string[] {
  return findingsOf({ ...WELL, ...changes }, SELF)
    .filter(({ severity }) => severity !== 'ok')
    .map(({ id, severity }) => `${severity} ${id}`)
}

test('a source that is well has nothing to say but ok', () => {
  expect(notable({})).toEqual([])
  expect(() => refuseProblems(findingsOf(WELL, SELF), 'db:3306')).not.toThrow()
})

test('of MariaDB nothing is said that only MySQL knows', () => {
  const findings = findingsOf({ ...WELL, flavor: 'mariadb', checksum: 'NONE' }, SELF)
  expect(findings.map(({ found }) => found)).toContain('MariaDB 9.7.4')
  const texts = findings.map(({ found, remedy }) => `${found} ${remedy}`).join('; ')
  expect(texts).not.toMatch(/gtid_mode|enforce_gtid_consistency|PERSIST/)
  expect(texts).toContain('SET GLOBAL binlog_checksum = CRC32')
})

test.each([
  [{ encrypted: true }, 'note source.binlog-encryption'],
  [{ expireSeconds: 3600 }, 'note source.binlog-expiry'],
  [{ checksum: 'NONE' }, 'warning source.binlog-checksum'],
  [{ mayAskStatus: false }, 'warning source.replication-client'],
])('lets the link run with %j', (changes, finding) => {
  expect(notable(changes)).toEqual([finding])
  const findings = findingsOf({ ...WELL, ...changes }, SELF)
  expect(() => refuseProblems(findings, 'db:3306')).not.toThrow()
})

test.each<[Partial<SourceProfile>, string, string]>([
  [{ logBin: false }, 'source.log-bin', 'E_SOURCE_CONFIG'],
  [{ gtidMode: 'ON_PERMISSIVE' }, 'source.gtid-mode', 'E_SOURCE_CONFIG'],
  [{ mayReplicate: false }, 'source.replication-slave', 'E_SOURCE_PRIVILEGE'],
  [{ serverId: SELF.serverId }, 'source.server-id', 'E_SOURCE_IDENTITY'],
  [{ uuid: SELF.uuid }, 'source.server-uuid', 'E_SOURCE_IDENTITY'],
  [{ flavor: 'mariadb', encrypted: true }, 'source.binlog-encryption', 'E_SOURCE_CONFIG'],
])('refuses %j in the words of its finding', (changes, id, code) => {
  const findings = findingsOf({ ...WELL, ...changes }, SELF)
  const [found] = findings.filter(({ severity }) => severity === 'problem')
  expect(found).toMatchObject({ id, code })
  const message = expect.stringContaining(`source db:3306: ${found?.found}; ${found?.remedy}`)
  const refuse = (): void => refuseProblems(findings, 'db:3306')
  expect(refuse).toThrow(expect.objectContaining({ code, message }))
})
