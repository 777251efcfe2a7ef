import { describe, expect, it } from 'vitest'
import { present } from '../../lib/index.ts'
import {
  checksumMatches,
  decodeFormatDescription,
  decodeHeartbeat,
  EventType,
  GtidSet,
  rewriteFormatDescription,
} from '../../mysql/index.ts'
import { type DumpRequest, SHUTDOWN } from '../dump-request.ts'
import { capturedEvents, capturedFiles, OPEN_FILE, REAL_FILES } from './testing/captures.ts'
import { eventsOf } from './testing/memory-binlogs.ts'
import {
  dumpsOver,
  hex,
  isArtificial,
  isHeartbeat,
  REQUEST,
  until,
  wholeDump,
} from './testing/run-dumps.ts'

const FILES = capturedFiles(capturedEvents('mysqlbinlog-gtid.hex'))
const SOURCE = '90b578d4-e6e1-11f1-82c0-02fc00000001'
const BEFORE_REAL_FILES = GtidSet.parse(`${SOURCE}:1-2`)

const at = (events: readonly Buffer[], index: number): Buffer => present(events[index], 'event')

describe('a dump', () => {
  it('is byte for byte what a real source sent to mysqlbinlog, by GTIDs', async () => {
    const from = { file: 'binlog.000002', position: 4 }
    const { events } = await wholeDump(FILES, { from, held: GtidSet.empty(), checksum: 'NONE' })
    expect(hex(events)).toEqual(hex(capturedEvents('mysqlbinlog-gtid.hex')))
  })

  it('is byte for byte what a real source sent to mysqlbinlog, by file and position', async () => {
    const { events, ended } = await wholeDump(FILES, {
      from: { file: 'binlog.000002', position: 4 },
      checksum: 'NONE',
    })
    expect(hex(events)).toEqual(hex(capturedEvents('mysqlbinlog-nongtid.hex')))
    expect(ended).toEqual({ kind: 'eof', sequence: events.length + 1 })
  })

  it('is what a real source sent to a replica that began inside a file', async () => {
    const captured = capturedEvents('replica-filepos.hex')
    const { dump, binlogs, clock } = dumpsOver(FILES)
    binlogs.show('binlog.000003', 474)
    const from = { file: 'binlog.000003', position: 198 }
    const { sink, end } = dump({ from, heartbeatPeriodMs: 2000 })
    await sink.has(7)
    await until(() => clock.timers === 1)
    clock.pass(2000)
    await sink.has(8)
    binlogs.show('binlog.000003', 761)
    await sink.has(captured.length)
    expect(hex(sink.events)).toEqual(hex(captured))
    sink.end('KILL')
    expect(await end).toEqual({ kind: 'closed', sequence: captured.length + 1 })
  })

  it('is what a real source sent to a replica with auto-position, idle and over a rotation', async () => {
    const captured = capturedEvents('replica-gtid-rsa.hex')
    const { dump, binlogs, clock } = dumpsOver(FILES)
    const stages = captured.flatMap((event, index) =>
      isHeartbeat(event) && !isHeartbeat(captured[index - 1]) ? [index] : [],
    )
    expect(stages.length).toBeGreaterThan(1)
    const shown = stages.map((index) => decodeHeartbeat(at(captured, index), 'CRC32'))
    binlogs.show(shown[0]?.file ?? '', Number(shown[0]?.position))
    const { sink, end } = dump({ held: GtidSet.empty(), heartbeatPeriodMs: 2000 })
    for (let index = 0; index < captured.length; index += 1) {
      const event = at(captured, index)
      if (isHeartbeat(event)) {
        const { file, position } = decodeHeartbeat(event, 'CRC32')
        if (!isHeartbeat(captured[index - 1])) binlogs.show(file, Number(position))
        await sink.has(index)
        await until(() => clock.timers === 1)
        clock.pass(2000)
      } else if (isHeartbeat(captured[index - 1])) {
        const last = captured.findIndex((one, at) => at > index && isHeartbeat(one))
        const next = last === -1 ? undefined : decodeHeartbeat(at(captured, last), 'CRC32')
        if (next === undefined) binlogs.show('binlog.000003', 761)
        else binlogs.show(next.file, Number(next.position))
      }
    }
    await sink.has(captured.length)
    expect(hex(sink.events)).toEqual(hex(captured))
    sink.end('KILL')
    await end
  })

  it('gives back every file of a real server', async () => {
    const { events, ended } = await wholeDump(REAL_FILES, { held: BEFORE_REAL_FILES })
    expect(ended.kind).toBe('eof')
    const stored = REAL_FILES.flatMap(({ bytes }) => eventsOf(bytes).map(({ event }) => event))
    const sent = events.filter((event) => !isArtificial(event) && !isHeartbeat(event))
    expect(hex(sent)).toEqual(hex(stored))
  })

  it('clears created and log_pos of FORMAT_DESCRIPTION only as a source does', async () => {
    const plain = present(REAL_FILES[0], 'file').bytes
    const head = rewriteFormatDescription(plain.subarray(4, 127), { created: 99 })
    const bytes = Buffer.concat([plain.subarray(0, 4), head, plain.subarray(127)])
    const files = [{ name: 'binlog.000002', bytes }]
    const from = { file: 'binlog.000002', position: 198 }
    const holdsFirst = GtidSet.parse(`${SOURCE}:1-3`)
    const holdsSecond = GtidSet.parse(`${SOURCE}:1-2:4`)
    const cases: [Partial<DumpRequest>, number, number][] = [
      [{ from }, 0, 0],
      [{ from: { ...from, position: 127 } }, 0, 0],
      [{ from: { ...from, position: 4 } }, 127, 99],
      [{ from, held: holdsFirst }, 127, 99],
      [{ held: holdsFirst }, 127, 0],
      [{ held: holdsSecond }, 127, 99],
    ]
    for (const [change, logPos, created] of cases) {
      const { events } = await wholeDump(files, change)
      expect(at(events, 1).readUInt32LE(13)).toBe(logPos)
      expect(decodeFormatDescription(at(events, 1)).created).toBe(created)
      expect(checksumMatches(at(events, 1))).toBe(true)
    }
  })

  it('sends FORMAT_DESCRIPTION of an open file without the flag IN_USE', async () => {
    const { events } = await wholeDump([OPEN_FILE], { from: { file: '', position: 4 } })
    expect(OPEN_FILE.bytes[21]).toBe(1)
    expect(at(events, 1).readUInt16LE(17)).toBe(0)
    expect(checksumMatches(at(events, 1))).toBe(true)
  })

  it('waits at the visible end and goes on with what becomes visible', async () => {
    const { dump, binlogs, replicas } = dumpsOver(REAL_FILES)
    const [first] = REAL_FILES
    const events = eventsOf(present(first, 'file').bytes)
    binlogs.show('binlog.000002', present(events[4], 'event').position)
    const { sink, end } = dump({ from: { file: '', position: 4 } })
    await until(() => replicas.list(binlogs.files())[0]?.dump?.state === 'waiting')
    expect(sink.events.length).toBe(5)
    binlogs.show('binlog.000003', 1944)
    await until(() => replicas.list(binlogs.files())[0]?.dump?.lagBytes === 0)
    sink.end('KILL')
    expect((await end).kind).toBe('closed')
    const second = eventsOf(binlogs.bytesOf('binlog.000003'))
    expect(sink.events.length).toBe(2 + events.length + second.length)
  })

  it('beats at the period asked for, at its own position, and not before it', async () => {
    const { dump, clock, binlogs } = dumpsOver(FILES)
    const { sink, end } = dump({
      held: GtidSet.empty(),
      heartbeatPeriodMs: 500,
      heartbeatVersion: 1,
    })
    await until(() => clock.timers === 1)
    const count = sink.events.length
    clock.pass(499)
    expect(clock.timers).toBe(1)
    clock.pass(1)
    clock.pass(500)
    await sink.has(count + 2)
    const beats = sink.events.slice(count)
    expect(beats.map((event) => event[4])).toEqual([EventType.HEARTBEAT, EventType.HEARTBEAT])
    const size = BigInt(binlogs.bytesOf('binlog.000003').length)
    expect(decodeHeartbeat(at(beats, 1), 'CRC32')).toEqual({
      file: 'binlog.000003',
      position: size,
    })
    sink.end('KILL')
    await end
    expect(clock.timers).toBe(0)
  })

  it('names the next file in heartbeats behind a ROTATE while that file has not begun', async () => {
    const [first] = REAL_FILES
    const { bytes, name } = present(first, 'file')
    const cases = [
      [{ file: name, position: 4 }, 'mysql-bin.000003', 4n],
      [{ file: name, position: bytes.length }, name, BigInt(bytes.length)],
    ] as const
    for (const [from, file, position] of cases) {
      const { dump, clock } = dumpsOver([present(first, 'file')])
      const { sink, end } = dump({ from, heartbeatPeriodMs: 500 })
      await until(() => clock.timers === 1)
      const count = sink.events.length
      clock.pass(500)
      await sink.has(count + 1)
      const beat = decodeHeartbeat(at(sink.events, count), 'CRC32')
      expect(beat).toEqual({ file, position })
      sink.end('KILL')
      await end
    }
  })

  it('ends with EOF at a shutdown, and without a packet when it is killed', async () => {
    for (const [reason, kind] of [
      [SHUTDOWN, 'eof'],
      ['KILL', 'closed'],
    ] as const) {
      const { dump, dumps, binlogs, replicas } = dumpsOver(FILES)
      const { sink, end } = dump({ from: { file: '', position: 4 } })
      await until(() => replicas.list(binlogs.files())[0]?.dump?.state === 'waiting')
      sink.end(reason)
      expect((await end).kind).toBe(kind)
      await until(() => dumps.buffersInUse === 0)
      expect(binlogs.openCount).toBe(0)
    }
  })

  it('stops with 1236 the older dump of the same replica, also inside an event', async () => {
    const { dump, replicas, binlogs } = dumpsOver(REAL_FILES, 100)
    const replica = { ...REQUEST.replica, uuid: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee' }
    const from = { file: '', position: 4 }
    const older = dump({ from, replica })
    older.sink.stall()
    const newer = dump({ from, replica })
    await until(() => replicas.list(binlogs.files())[1]?.dump?.state === 'waiting')
    older.sink.resume()
    const ended = await older.end
    expect(ended.error?.code).toBe(1236)
    expect(ended.error?.message).toMatch(
      /^A replica with the same server_uuid\/server_id as this replica has connected to the source; the/,
    )
    newer.sink.end('KILL')
    await newer.end
    expect(ended.sequence).toBe(present(older.sink.sequences.at(-1), 'sequence') + 1)
  })

  it('lets a stalled client wait alone with two buffers while others share reads', async () => {
    const { dump, dumps, binlogs } = dumpsOver(REAL_FILES, 500)
    const alone = dumpsOver(REAL_FILES, 500)
    const change = { nonBlocking: true, from: { file: 'binlog.000006', position: 4 } }
    await alone.dump(change).end
    const all = Array.from({ length: 20 }, () => dump(change))
    const stalled = present(all[7], 'dump')
    void stalled.sink.has(4).then(() => stalled.sink.stall())
    const others = all.filter((_, index) => index !== 7)
    const ends = await Promise.all(others.map(({ end }) => end))
    expect(ends.every(({ kind }) => kind === 'eof')).toBe(true)
    expect(dumps.buffersInUse).toBe(2)
    expect(binlogs.readsCount).toBeLessThan(5 * alone.binlogs.readsCount)
    expect(stalled.sink.inFlightMax).toBe(2)
    stalled.sink.resume()
    await stalled.end
    await until(() => all.every(({ sink }) => sink.isTaken))
    expect(dumps.buffersInUse).toBe(0)
    for (const { sink } of others) expect(hex(sink.events)).toEqual(hex(stalled.sink.events))
  })

  it('names a damaged place to nobody but the log, and ends with 1236 between events', async () => {
    const { dump, binlogs, dumps } = dumpsOver(REAL_FILES)
    binlogs.damagedFrom = 3000
    const { end } = dump({ from: { file: 'binlog.000005', position: 4 }, nonBlocking: true })
    const { kind, error } = await end
    expect(['closed', 'error']).toContain(kind)
    if (kind === 'error') expect(error?.message).toMatch(/^event read from binlog did not pass crc/)
    await until(() => dumps.buffersInUse === 0)
  })
})
