import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Chain, startChain } from './harness/chain.ts'
import { endEverything } from './harness/child.ts'
import { definitions, writeEveryKind } from './harness/every-kind.ts'
import { Load } from './harness/load.ts'
import { mysqlbinlog } from './harness/mysqlbinlog.ts'
import { projectFolder } from './harness/project.ts'

let chain: Chain

beforeAll(async () => {
  chain = await startChain()
  const { source, kingbus } = chain
  await source.sql(...definitions)
  await writeEveryKind(source, 1_000)
  await source.sql(
    'SET SESSION binlog_transaction_compression = ON',
    'INSERT INTO kinds.no_key SELECT seq.n, REPEAT("c", 50) FROM ' +
      '(WITH RECURSIVE r AS (SELECT 1 n UNION ALL SELECT n + 1 FROM r WHERE n < 900) SELECT n FROM r) seq',
    'FLUSH BINARY LOGS',
  )
  await writeEveryKind(source, 2_000)
  await kingbus.catchUpWith(source)
})
afterAll(endEverything)

interface Ran {
  readonly code: number
  readonly out: string
}

function run(...args: readonly string[]): Promise<Ran> {
  const program = join(projectFolder, 'bin', 'kingbus')
  return new Promise((resolve) => {
    const options = { maxBuffer: 512 * 1024 * 1024 }
    const child = execFile(process.execPath, [program, ...args], options, (_, out) => {
      resolve({ code: child.exitCode ?? -1, out })
    })
  })
}

interface Verified {
  readonly mode: string
  readonly damageCount: number
  readonly notices: readonly string[]
  readonly files: readonly { readonly name: string; readonly verifiedTo: number }[]
}

async function verified(): Promise<Verified & { readonly code: number }> {
  const { code, out } = await run('verify', '--json', chain.kingbus.dataFolder)
  return { code, ...(JSON.parse(out) as Verified) }
}

/** mysqlbinlog's names of events that it prints one header line for each. */
const NAMES: readonly (readonly [string, RegExp])[] = [
  ['TABLE_MAP', /^#[^\t]* end_log_pos [^\t]*\tTable_map: /gm],
  ['WRITE_ROWS', /^#[^\t]* end_log_pos [^\t]*\tWrite_rows: /gm],
  ['DELETE_ROWS', /^#[^\t]* end_log_pos [^\t]*\tDelete_rows: /gm],
  ['XID', /^#[^\t]* end_log_pos [^\t]*\tXid = /gm],
  ['GTID|GTID_TAGGED', /^#[^\t]* end_log_pos [^\t]*\tGTID\t/gm],
  ['QUERY', /^#[^\t]* end_log_pos [^\t]*\tQuery\t/gm],
  ['TRANSACTION_PAYLOAD', /^#[^\t]* end_log_pos [^\t]*\tTransaction_Payload/gm],
]

test('inspect counts of each type the events that mysqlbinlog prints, compressed ones too', async () => {
  for (const { name, path } of chain.kingbus.binlogs()) {
    const { code, out } = await run('inspect', '--summary', '--json', path)
    expect(code, name).toBe(0)
    const { types } = JSON.parse(out) as {
      types: readonly { type: string; events: number; eventsInPayload: number }[]
    }
    const text = await mysqlbinlog(path)
    for (const [type, pattern] of NAMES) {
      const found = types.filter((counted) => type.split('|').includes(counted.type))
      const count = found.reduce((sum, { events, eventsInPayload }) => {
        return sum + events + eventsInPayload
      }, 0)
      expect(count, `${name} ${type}`).toBe(text.match(pattern)?.length ?? 0)
    }
  }
})

test('verify beside a node that ingests finds nothing, and goes further each time', async () => {
  const load = await Load.start(chain.source, { seed: 11 })
  let before = 0
  for (let round = 0; round < 5; round += 1) {
    const { code, mode, damageCount, notices, files } = await verified()
    expect({ code, mode, damageCount, notices }).toEqual({
      code: 0,
      mode: 'live',
      damageCount: 0,
      notices: [],
    })
    const bytes = files.reduce((sum, file) => sum + file.verifiedTo, 0)
    expect(bytes).toBeGreaterThan(before)
    before = bytes
  }
  await load.stop()
})

test('verify of a stopped node reads all of it, and names a flipped bit by its transaction', async () => {
  await chain.kingbus.catchUpWith(chain.source)
  await chain.kingbus.stop()
  const { mode, code, files } = await verified()
  expect({ mode, code }).toEqual({ mode: 'offline', code: 0 })
  const [first] = chain.kingbus.binlogs()
  const path = first?.path ?? ''
  const bytes = readFileSync(path)
  expect(files[0]?.verifiedTo).toBe(bytes.length)
  const listed = (await run('inspect', '--json', path)).out.split('\n')
  const rows = listed
    .filter((line) => line.includes('"WRITE_ROWS"'))
    .map((line) => JSON.parse(line) as { position: number; gtid: string; transactionBegin: number })
    .at(-1)
  const at = rows?.position ?? 0
  const place = at + 30
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0x04, place)
  writeFileSync(path, bytes)
  const ran = await run('verify', chain.kingbus.dataFolder)
  expect(ran.code).toBe(1)
  expect(ran.out).toContain(`damage: ${first?.name}: position ${at}: the checksum of the `)
  expect(ran.out).toContain(`in transaction ${rows?.gtid} (begins at ${rows?.transactionBegin})\n`)
  expect((await run('inspect', path)).code).toBe(1)
})
