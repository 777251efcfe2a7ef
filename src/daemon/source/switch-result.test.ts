import { expect, test } from 'vitest'
import { OperationalError } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { SourceTrial } from '../../source/index.ts'
import { switchResult } from './switch-result.ts'

const NEWEST = {
  name: 'binlog.000007',
  sourceUuid: '3e11fa47-71ca-11e1-9e33-c80aa9429562',
  sourceFile: 'binlog.000003',
  sourcePosition: 4,
  basePosition: 4,
  purged: undefined,
}
const LOOKED = { dryRun: true, switched: false }

const begins = (begin: NonNullable<SourceTrial['begin']>, newest: typeof NEWEST | undefined) =>
  switchResult({ address: 'db2:3306', begin }, newest, LOOKED).begins

test('a file of the new source keeps its name where that comes after our newest one', () => {
  const begin = { sourceFile: 'binlog.000009', continues: false }
  expect(begins(begin, NEWEST)).toEqual({
    file: 'binlog.000009',
    sourceFile: 'binlog.000009',
    isNew: true,
  })
})

test('any other one has the next name of ours', () => {
  const begin = { sourceFile: 'other.000002', continues: false }
  expect(begins(begin, NEWEST)).toMatchObject({ file: 'binlog.000008', isNew: true })
})

test('a file that goes on stays the newest one, and the first one has the name of the source', () => {
  const begin = { sourceFile: 'binlog.000003', continues: true }
  expect(begins(begin, NEWEST)).toMatchObject({ file: 'binlog.000007', isNew: false })
  const first = { sourceFile: 'binlog.000003', continues: false }
  expect(begins(first, undefined)).toMatchObject({ file: 'binlog.000003', isNew: true })
})

test('what was not found out before the refusal is null, and GTIDs are on one line', () => {
  const uuids = [NEWEST.sourceUuid, '4e11fa47-71ca-11e1-9e33-c80aa9429562']
  const lacking = GtidSet.parse(uuids.map((uuid) => `${uuid}:1`).join(','))
  const refusal = new OperationalError('E_SOURCE_OTHER', 'it lacks transactions')
  const result = switchResult({ address: 'db2:3306', lacking, refusal }, NEWEST, LOOKED)
  expect(result).toMatchObject({
    lacking: uuids.map((uuid) => `${uuid}:1`).join(','),
    ahead: null,
    serverUuid: null,
    isSameServer: null,
    begins: null,
    findings: [],
    refusal: { code: 'E_SOURCE_OTHER', message: 'it lacks transactions' },
  })
})
