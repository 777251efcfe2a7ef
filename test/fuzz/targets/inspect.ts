/*
  What looks into files: `kingbus inspect` on any file, `kingbus verify` on a store's folder in which one file
  is spoilt. Whatever the bytes are, the lines are whole and clean, and the places that they name exist; and
  verify agrees with recovery: a folder without damage opens, and has the bytes that were stored.
*/
import { headLine, jsonLine, printSummary, textLine } from '../../../src/cli/inspect-output.ts'
import type { Terminal } from '../../../src/cli/terminal.ts'
import {
  type Inspected,
  type InspectedIndexItem,
  inspectBinlog,
  inspectIndex,
  openInspected,
  Summary,
  verifyDataDir,
} from '../../../src/inspect/index.ts'
import { OperationalError, present } from '../../../src/lib/index.ts'
import { GtidSet } from '../../../src/mysql/index.ts'
import { systemClock } from '../../../src/platform/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { fixture } from '../../captured-files.ts'
import { BINLOG_FIXTURES } from '../corpus.ts'
import { require, type Target } from '../target.ts'
import { restamped } from './events.ts'
import { rechained } from './index-files.ts'
import {
  type Files,
  FOLDER,
  LAST_NAME,
  memoryDisk,
  openStore,
  storedFiles,
  storedIndexes,
} from './stored-folder.ts'

const LOOKED_AT = '/binlog.000007'
const DATA = `${FOLDER}/${LAST_NAME}`
/** zstd may ask for a window of 128 MiB, which is held once. */
const PAYLOAD_BYTES_MOST = 256 * 1024 * 1024
const SOME_GTIDS = GtidSet.parse('90b578d4-e6e1-11f1-82c0-02fc00000001:1-20:alpha:1-2')
// Whatever a terminal could take for a command.
const CONTROLS = /(?!\n)\p{Cc}/u

const refuses = (thrown: unknown): boolean => thrown instanceof OperationalError

/** The checksum of each event is made right, as far as their sizes can be followed. */
function restampedFile(input: Buffer): Buffer {
  const file = Buffer.from(input)
  for (let at = 4; at + 19 <= file.length; ) {
    const size = file.readUInt32LE(at + 9)
    if (size < 23 || at + size > file.length) break
    restamped(file.subarray(at, at + size)).copy(file, at)
    at += size
  }
  return file
}

function checkLine(text: string): void {
  require(text.endsWith('\n') && text.indexOf('\n') === text.length - 1, 'an item is one line')
  require(!CONTROLS.test(text), 'nothing reaches the terminal that could command it')
}

function checkItem(item: Inspected | InspectedIndexItem, size: number): void {
  checkLine(textLine(item))
  const line = jsonLine(item)
  checkLine(line)
  const { kind, position, begin } = JSON.parse(line)
  require(kind === item.kind, 'JSON says what an item is')
  const place = Number(position ?? begin)
  require(place >= 0 && place <= size, 'a place that is named lies in the file')
}

async function look(input: Buffer, random: SeededRandom): Promise<void> {
  const disk = memoryDisk(new Map([[LOOKED_AT, input]]))
  const inspected = await openInspected(disk, LOOKED_AT)
  const { name, file, isRelayLog, isMariaDb, kind, description } = inspected
  if (kind === 'index') {
    for (const batch of inspectIndex(name, file)) {
      for (const item of batch) checkItem(item, input.length)
    }
    return
  }
  const summary = new Summary(inspected)
  let last = 0
  for await (const batch of inspectBinlog(file, {
    name,
    from: random.chance(0.7) ? 4 : random.between(4, input.length),
    limit: input.length,
    held: GtidSet.empty(),
    hasOwnPositions: !isRelayLog,
    hasTransactions: !isMariaDb,
    gtids: random.chance(0.8) ? undefined : SOME_GTIDS,
    checksum: description?.checksum ?? 'CRC32',
  })) {
    for (const item of batch) {
      checkItem(item, input.length)
      summary.add(item)
      if (item.kind !== 'event') continue
      require(item.position >= last, 'a listing never goes back')
      last = item.position
    }
  }
  let text = headLine('event')
  const out = (line: string): void => void (text += line)
  printSummary({ out } as Terminal, summary.result())
  require(!CONTROLS.test(text), 'a summary has nothing that could command a terminal')
}

async function verify(files: Files) {
  const report = await verifyDataDir({
    disk: memoryDisk(files),
    clock: systemClock,
    dataDir: '',
    from: undefined,
    progress: () => {},
  })
  // The folder has no identity, which is said.
  const damages = report.damages.filter(({ file }) => file !== 'identity.json')
  return [...report.files.flatMap((file) => file.damages), ...damages]
}

function verifyTarget(name: string, path: string, more: Partial<Target> = {}): Target {
  return {
    name,
    covers: [],
    seeds: () => [present(storedFiles().get(path), path)],
    async run(input) {
      const files: Files = new Map(storedFiles())
      files.set(path, Buffer.from(input))
      const damages = await verify(files)
      for (const damage of damages) checkLine(textLine({ kind: 'damage', damage }))
      if (damages.length > 0) return
      const whole = present(storedFiles().get(DATA), DATA)
      const data = present(files.get(DATA), DATA)
      const isKept = data.subarray(0, whole.length).equals(whole)
      require(isKept, 'bytes without damage are those that were stored')
      await openStore(files)
    },
    refuses,
    ...more,
  }
}

export const inspectTargets: readonly Target[] = [
  {
    name: 'inspect-binlog',
    covers: [],
    seeds: () => [...BINLOG_FIXTURES, 'relay-no-checksum.000012'].map(fixture),
    run: look,
    repair: restampedFile,
    memoryBytesMost: PAYLOAD_BYTES_MOST,
    refuses,
  },
  {
    name: 'inspect-index',
    covers: [],
    seeds: storedIndexes,
    run: look,
    repair: rechained,
    refuses,
  },
  verifyTarget('verify-file', DATA, { repair: restampedFile }),
  verifyTarget('verify-index', `${DATA}.idx`, { repair: rechained }),
]
