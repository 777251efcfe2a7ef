import { type Command, InvalidArgumentError } from 'commander'
import {
  type Inspected,
  type InspectedFile,
  inspectBinlog,
  inspectIndex,
  openInspected,
  Summary,
} from '../../inspect/index.ts'
import { OperationalError, ProtocolError } from '../../lib/index.ts'
import { FIRST_EVENT_POSITION, GtidSet } from '../../mysql/index.ts'
import { ExitCode } from '../exit-codes.ts'
import { headLine, jsonLine, printSummary, textLine } from '../inspect-output.ts'
import type { Outcome } from '../outcome.ts'
import { printJson } from '../output.ts'
import type { Terminal } from '../terminal.ts'

const AFTER = `
Reads any server's binlog files and the .idx files of Kingbus, changes nothing, and needs no running node.
Damage is named by file, position and transaction, and the listing goes on behind it.
Ends with 0 when the file is whole, with 1 when it is damaged, 65 when it is nothing that can be read.
Times are UTC. The fields of --json: docs/guides/looking-into-files.md.`

interface InspectFlags {
  readonly transactions?: true
  readonly summary?: true
  readonly from?: number
  readonly limit?: number
  readonly gtid?: GtidSet
  readonly json?: true
}

export function addInspectCommand(program: Command, terminal: Terminal, outcome: Outcome): void {
  program
    .command('inspect')
    .description('the events of a binlog file, or the entries of an index')
    .argument('<file>', 'a binlog file or an index')
    .option('--transactions', 'a line for each transaction')
    .option('--summary', 'what is in the file, counted')
    .option('--from <position>', 'begin with the first event at or behind it', toNumber)
    .option('--limit <number>', 'end after so many events or transactions', toNumber)
    .option('--gtid <set>', 'only transactions of this GTID set', toGtidSet)
    .option('--json', 'JSON, an object on each line (of a summary: one)')
    .addHelpText('after', AFTER)
    .action(async (path: string, flags: InspectFlags) => {
      const inspected = await openInspected(terminal.disk, path)
      try {
        refuseForIndex(inspected, flags)
        const isWhole =
          inspected.kind === 'index'
            ? await listIndex(terminal, inspected, flags)
            : await showBinlog(terminal, inspected, flags)
        if (!isWhole) outcome.exitCode = ExitCode.NOT_WELL
      } finally {
        await inspected.file.close()
      }
    })
}

/** An index has entries only: what is asked of it is not passed over silently. */
function refuseForIndex({ kind, name }: InspectedFile, flags: InspectFlags): void {
  const wrong = (['transactions', 'summary', 'from', 'gtid'] as const).find(
    (flag) => flags[flag] !== undefined,
  )
  if (kind !== 'index' || wrong === undefined) return
  const message = `${name} is an index: --${wrong} is for binlog files`
  throw new OperationalError('E_FILE_FORMAT', message, { file: name })
}

/** Whether what was looked at is whole. */
async function showBinlog(
  terminal: Terminal,
  inspected: InspectedFile,
  flags: InspectFlags,
): Promise<boolean> {
  const { name, file, size, isRelayLog, isMariaDb, hasMagic, description } = inspected
  const items = inspectBinlog(file, {
    name,
    from: Math.max(FIRST_EVENT_POSITION, flags.from ?? 0),
    limit: size,
    held: GtidSet.empty(),
    hasOwnPositions: !isRelayLog,
    hasTransactions: !isMariaDb,
    gtids: flags.gtid,
    checksum: description?.checksum ?? 'CRC32',
  })
  const head = hasMagic ? [] : [magicDamage(name)]
  if (flags.summary === true) {
    const summary = new Summary(inspected)
    for (const item of head) summary.add(item)
    for await (const batch of items) {
      for (const item of batch) summary.add(item)
      if (terminal.abandoned()) return true
    }
    const result = summary.result()
    if (flags.json === true) printJson(terminal, result)
    else printSummary(terminal, result)
    return result.damageCount === 0
  }
  if (isRelayLog)
    terminal.error(`kingbus: ${name} is a relay log: its end positions are not checked\n`)
  const kind = flags.transactions === true ? 'transaction' : 'event'
  const listing = new Listing(terminal, flags, kind)
  listing.print(head)
  for await (const batch of items) if (!listing.print(batch)) break
  return listing.isWhole
}

function magicDamage(file: string): Inspected {
  const what = 'it does not begin with the four bytes of a binlog file'
  return { kind: 'damage', damage: { file, position: 0, end: 4, what, transaction: undefined } }
}

async function listIndex(
  terminal: Terminal,
  { name, file }: InspectedFile,
  flags: InspectFlags,
): Promise<boolean> {
  const listing = new Listing(terminal, flags, 'entry')
  for (const batch of inspectIndex(name, file)) {
    if (!listing.print(batch)) break
    // Whoever reads our output may be gone: that is told between two turns.
    await Promise.resolve()
  }
  return listing.isWhole
}

class Listing {
  readonly #terminal: Terminal
  readonly #kind: string
  readonly #lineOf: typeof textLine
  #left: number
  isWhole = true

  constructor(
    terminal: Terminal,
    { limit, json }: InspectFlags,
    kind: 'event' | 'transaction' | 'entry',
  ) {
    this.#terminal = terminal
    this.#kind = kind
    this.#left = limit ?? Infinity
    this.#lineOf = json === true ? jsonLine : textLine
    if (json !== true) terminal.out(headLine(kind))
  }

  /** Returns whether more is wanted. */
  print(items: readonly Parameters<typeof textLine>[0][]): boolean {
    let text = ''
    for (const item of items) {
      if (item.kind !== this.#kind && item.kind !== 'damage') continue
      if (item.kind === 'damage') this.isWhole = false
      else if (this.#left-- <= 0) break
      text += this.#lineOf(item)
    }
    if (text !== '') this.#terminal.out(text)
    return this.#left > 0 && !this.#terminal.abandoned()
  }
}

function toNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is not a whole number.')
}

function toGtidSet(text: string): GtidSet {
  try {
    return GtidSet.parse(text)
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    throw new InvalidArgumentError('It is not a GTID set.')
  }
}
