import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { OperationalError } from '../lib/index.ts'
import { GtidSet, rewriteFormatDescription } from '../mysql/index.ts'
import type { Holdings } from './holdings.ts'
import { decideResume, type OldestFile, type Proof, sameEvent } from './resume.ts'

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const OTHER = '4e11fa47-71ca-11e1-9e33-c80aa9429562'

const holdings: Holdings = {
  sourceUuid: A,
  next: { file: 'binlog.000007', position: 900 },
  form: 'mirrored',
  held: GtidSet.parse(`${A}:1-10`),
  last: { place: { file: 'binlog.000007', position: 500 }, event: Buffer.alloc(80) },
}

interface Case {
  readonly uuid?: string
  readonly executed?: string
  readonly owned?: string
  readonly purged?: string
  readonly proof?: Proof
  readonly lastProof?: Proof
  readonly oldest?: OldestFile
  readonly held?: Holdings
}

function decide({
  uuid = A,
  executed = `${A}:1-12`,
  owned = '',
  purged = '',
  ...given
}: Case): unknown {
  const source = {
    address: 'db:3306',
    uuid,
    executed: GtidSet.parse(executed),
    owned: GtidSet.parse(owned),
    purged: GtidSet.parse(purged),
  }
  try {
    const { proof, lastProof, oldest: first } = given
    const facts = { source, proof, lastProof, oldest: first }
    return decideResume(given.held ?? holdings, facts)
  } catch (error) {
    return error instanceof OperationalError ? error.code : error
  }
}

const oldest = (previous: string): OldestFile => ({
  file: 'binlog.000009',
  previousGtids: GtidSet.parse(previous),
})

const begun = { ...holdings, last: undefined }
const selected: Holdings = { ...holdings, form: 'selected' }
const gone: Proof = { kind: 'file-gone' }

test.each<[string, Case, unknown]>([
  [
    'another server that lacks ours is refused',
    { uuid: OTHER, executed: `${A}:1-9` },
    'E_SOURCE_OTHER',
  ],
  [
    'another server is first asked for our bytes, as a copy has them',
    { uuid: OTHER },
    { kind: 'prove', at: { file: 'binlog.000007', position: 500 } },
  ],
  [
    'a server with our bytes goes on at our end, whatever its uuid',
    { uuid: OTHER, proof: { kind: 'ours' } },
    { kind: 'continue', at: { file: 'binlog.000007', position: 900 } },
  ],
  [
    'another server with other bytes goes on with what is not held',
    { uuid: OTHER, proof: { kind: 'others', found: 'Query' } },
    { kind: 'select' },
  ],
  [
    'another server without our file goes on with what is not held',
    { uuid: OTHER, proof: gone },
    { kind: 'select' },
  ],
  [
    'another server is not asked for bytes where we have no transaction to compare',
    { uuid: OTHER, held: begun },
    { kind: 'select' },
  ],
  [
    'a file without a transaction of ours goes on where nothing is missing before it',
    { held: begun, proof: { kind: 'ours' }, purged: `${A}:1-10` },
    { kind: 'continue', at: { file: 'binlog.000007', position: 900 } },
  ],
  [
    'a file without a transaction of ours is refused where something was purged that is not here',
    { held: begun, proof: { kind: 'ours' }, purged: `${A}:1-11` },
    'E_SOURCE_PURGED',
  ],
  [
    'another server that has purged what is missing here is refused',
    { uuid: OTHER, executed: `${A}:1-20`, purged: `${A}:1-11`, proof: gone },
    'E_SOURCE_PURGED',
  ],
  [
    'a selection that goes on is proven by its last transaction',
    { held: selected },
    { kind: 'prove-last' },
  ],
  [
    'a selection goes on as one',
    { held: selected, lastProof: { kind: 'ours' } },
    { kind: 'select' },
  ],
  [
    'a selection whose last transaction is another one there is refused',
    { held: selected, lastProof: { kind: 'others', found: 'Gtid' } },
    'E_SOURCE_DIVERGED',
  ],
  ['a source that lacks ours is refused', { executed: `${A}:1-9` }, 'E_SOURCE_DIVERGED'],
  [
    'a transaction that is only owned counts as the source’s',
    { executed: `${A}:1-9`, owned: `${A}:10` },
    { kind: 'prove', at: { file: 'binlog.000007', position: 500 } },
  ],
  [
    'a file without a transaction is looked at from its start',
    { held: begun },
    { kind: 'prove', at: { file: 'binlog.000007', position: 4 } },
  ],
  [
    'a proven file goes on at our end',
    { proof: { kind: 'ours' } },
    { kind: 'continue', at: { file: 'binlog.000007', position: 900 } },
  ],
  [
    'where other bytes stand, our last transaction is looked for',
    { proof: { kind: 'others', found: 'Query' } },
    { kind: 'prove-last' },
  ],
  ['where the file is shorter, too', { proof: { kind: 'shorter' } }, { kind: 'prove-last' }],
  [
    'other bytes and another last transaction are refused',
    { proof: { kind: 'others', found: 'Query' }, lastProof: { kind: 'others', found: 'Gtid' } },
    'E_SOURCE_DIVERGED',
  ],
  [
    'a shorter file is refused where the last transaction cannot be asked for',
    { proof: { kind: 'shorter' }, lastProof: gone },
    'E_SOURCE_SHORTER',
  ],
  [
    'a shorter file is refused where we have no transaction to ask for',
    { held: begun, proof: { kind: 'shorter' } },
    'E_SOURCE_SHORTER',
  ],
  [
    'files made anew, with our last transaction in one of them, are selected from',
    { proof: { kind: 'shorter' }, lastProof: { kind: 'ours' } },
    { kind: 'select' },
  ],
  ['a missing file makes us look for the oldest', { proof: gone }, { kind: 'find-oldest' }],
  [
    'the oldest file is begun when nothing is missing before it',
    { proof: gone, oldest: oldest(`${A}:1-10`) },
    { kind: 'begin', at: { file: 'binlog.000009', position: 4 } },
  ],
  [
    'of files under other names that have what is held, the rest is selected',
    { proof: gone, oldest: oldest(''), lastProof: { kind: 'ours' } },
    { kind: 'select' },
  ],
  [
    'they are refused when our last transaction is another one there',
    { proof: gone, oldest: oldest(''), lastProof: { kind: 'others', found: 'Gtid' } },
    'E_SOURCE_DIVERGED',
  ],
  [
    'what a source has that numbers its files from the first one again is selected',
    {
      proof: gone,
      purged: `${A}:1-10`,
      oldest: { file: 'binlog.000001', previousGtids: GtidSet.parse(`${A}:1-10`) },
      lastProof: gone,
    },
    { kind: 'select' },
  ],
  [
    'the oldest file is begun when all before it is purged, whatever it names',
    { proof: gone, oldest: oldest(''), purged: `${A}:1-10` },
    { kind: 'begin', at: { file: 'binlog.000009', position: 4 } },
  ],
  [
    'the oldest file is refused when something is missing before it',
    { proof: gone, oldest: oldest(`${A}:1-11`) },
    'E_SOURCE_PURGED',
  ],
])('%s', (_title, facts, expected) => {
  expect(decide(facts)).toEqual(expected)
})

const file = readFileSync(new URL('../../test/fixtures/plain.000002', import.meta.url))
const format = file.subarray(4, 4 + file.readUInt32LE(4 + 9))

test('a FORMAT_DESCRIPTION is the same when only log_pos and created were rewritten', () => {
  const sent = rewriteFormatDescription(format, { logPos: 0, created: 0 })
  expect(sent.equals(format)).toBe(false)
  expect(sameEvent(sent, format)).toBe(true)
})

test('any other byte makes another event', () => {
  for (const at of [0, 4, 5, 20, 60, 80, 100]) {
    const changed = Buffer.from(format)
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
    expect(sameEvent(changed, format), `byte ${at}`).toBe(false)
  }
})
