import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { privateFile } from '../platform/testing/private-file.ts'
import { kingbus } from './testing/run-cli.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kingbus-cli-'))
})

describe('a binlog file', () => {
  const file = 'test/fixtures/compressed-trx.000004'

  test('is listed by events, by transactions and in sum, or as lines of JSON', async () => {
    const events = await kingbus(`inspect ${file}`)
    expect(events).toMatchObject({ code: 0, error: '' })
    expect(events.out).toMatch(/\n +441 +184 +2026-11-23 01:59:54 +1 {2}TRANSACTION_PAYLOAD +/)
    expect(events.out).toMatch(/ {4}TABLE_MAP +app\.t tableId=109\n/)
    const transactions = await kingbus(`inspect --transactions --limit 1 ${file}`)
    expect(transactions.out).toMatch(
      /\n +362 +625 +263 +2 .*:9 \(4 events compressed\) {2}app\.t\n$/,
    )
    expect((await kingbus(`inspect --summary ${file}`)).out).toMatch(
      /transactions +4\ndamages +none/,
    )
    const lines = (await kingbus(`inspect --json --from 900 --limit 2 ${file}`)).out
      .trim()
      .split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { position: number }).position)).toEqual([
      900, 983,
    ])
  })

  test('that is damaged, encrypted, absent or no binlog is told apart by the exit code', async () => {
    const bytes = await readFile(file)
    const damaged = join(folder, 'binlog.000004')
    await writeFile(damaged, bytes.fill(1, 500, 501))
    expect(await kingbus(`inspect --summary ${damaged}`)).toMatchObject({
      code: 1,
      out: expect.stringContaining('binlog.000004: position 441: the checksum of the '),
    })
    const encrypted = await privateFile(folder, 'encrypted', '')
    await writeFile(encrypted, Buffer.concat([Buffer.from('fd62696e', 'hex'), bytes]))
    expect(await kingbus(`inspect ${encrypted}`)).toMatchObject({
      code: 65,
      error: expect.stringContaining('binlog_encryption=ON'),
    })
    expect((await kingbus(`inspect ${folder}/nothing`)).code).toBe(66)
    expect((await kingbus(`inspect ${folder}`)).code).toBe(65)
    expect(
      await kingbus(`inspect ${await privateFile(folder, 'nothing-in-it', '')}`),
    ).toMatchObject({
      code: 65,
      error: expect.stringContaining('is empty'),
    })
    expect((await kingbus(`inspect --from x ${file}`)).code).toBe(64)
  })
})

describe('what looks into a file', () => {
  test('names a file that was cut inside its first event', async () => {
    const bytes = await readFile('test/fixtures/plain.000002')
    for (const size of [4, 9, 15, 22]) {
      const cut = join(folder, `cut-${size}`)
      await writeFile(cut, bytes.subarray(0, size))
      const { code, out } = await kingbus(`inspect ${cut}`)
      expect(code, `${size} bytes`).toBe(size === 4 ? 0 : 1)
      if (size > 4) expect(out).toMatch(/position 4: the file ends inside the header of an event/)
    }
  })

  test('reads no device, and waits for no pipe', async () => {
    expect(await kingbus('inspect /dev/zero')).toMatchObject({
      code: 65,
      error: expect.stringContaining('copy what it has into a file'),
    })
  })

  test('refuses for an index what is for binlog files', async () => {
    const index = join(folder, 'binlog.000001.idx')
    await writeFile(index, 'KINGIDX')
    expect(await kingbus(`inspect --summary ${index}`)).toMatchObject({
      code: 65,
      error: expect.stringContaining('--summary is for binlog files'),
    })
  })

  test('lets nothing in the file command the terminal', async () => {
    const bytes = await readFile('test/fixtures/plain.000002')
    const at = bytes.lastIndexOf('mysql-bin.000003')
    bytes.write('\u001b]0;x\u0007', at)
    const hostile = join(folder, 'hostile')
    await writeFile(hostile, bytes)
    for (const flags of ['', '--summary ']) {
      const { out } = await kingbus(`inspect ${flags}${hostile}`)
      expect(out).toContain(']0;x')
      expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
    }
  })
})
