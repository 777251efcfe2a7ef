/*
  What `kingbus inspect` prints of an item: a line for people, or a line of JSON. The fields of the JSON are a
  contract (docs/guides/looking-into-files.md): some may be added, none change their meaning.
*/
import {
  type Damage,
  type Details,
  damageJson,
  damageText,
  type FileSummary,
  type InspectedEntry,
  type InspectedEvent,
  type InspectedTransaction,
} from '../inspect/index.ts'
import { formatBytes } from '../lib/index.ts'
import { EventType, eventTypeSymbol } from '../mysql/index.ts'
import { type Cell, oneLine, printFacts, printTable } from './output.ts'
import type { Terminal } from './terminal.ts'

type Item =
  | InspectedEvent
  | InspectedTransaction
  | InspectedEntry
  | { readonly kind: 'damage'; readonly damage: Damage }

export function headLine(kind: 'event' | 'transaction' | 'entry'): string {
  if (kind === 'event') {
    return line(['POSITION', 'BYTES', 'TIME', 'SERVER'], `${'EVENT'.padEnd(TYPE_WIDTH)}  FACTS`)
  }
  if (kind === 'entry') return line(['POSITION', 'BYTES'], `${'ENTRY'.padEnd(TYPE_WIDTH)}  FACTS`)
  return line(['BEGIN', 'END', 'BYTES', 'EVENTS', 'TIME'], 'GTID, TABLES', TRANSACTION_WIDTHS)
}

export function textLine(item: Item): string {
  switch (item.kind) {
    case 'event':
      return eventLine(item)
    case 'transaction':
      return transactionLine(item)
    case 'entry':
      return line([item.position, item.size], named(item.entry, factsOf(item.details)))
    case 'damage':
      return `${oneLine(damageText(item.damage))}\n`
  }
}

export function jsonLine(item: Item): string {
  return `${JSON.stringify(jsonOf(item)).replace(C1_CONTROLS, escaped)}\n`
}

// JSON lets them stand as they are.
const C1_CONTROLS = /[\u007f-\u009f]/g

function escaped(control: string): string {
  return `\\u00${control.charCodeAt(0).toString(16)}`
}

function jsonOf(item: Item): unknown {
  switch (item.kind) {
    case 'event': {
      const { transaction, type, details, ...event } = item
      const gtid = transaction?.gtid ?? null
      const named = { type: eventTypeSymbol(type), typeCode: type, gtid, details }
      return { ...event, ...named, transactionBegin: transaction?.begin ?? null }
    }
    case 'transaction': {
      const { id, ...transaction } = item
      return { ...transaction, bytes: item.end - item.begin, anonymous: id === undefined }
    }
    case 'entry':
      return item
    case 'damage':
      return { kind: 'damage', ...damageJson(item.damage) }
  }
}

const EVENT_WIDTHS = [10, 10, 19, 10]
const TRANSACTION_WIDTHS = [10, 10, 10, 6, 19]
const TYPE_WIDTH = 20

function line(cells: readonly Cell[], rest: string, widths = EVENT_WIDTHS): string {
  const padded = cells.map((cell, at) => String(cell).padStart(widths[at] ?? 0))
  return `${padded.join('  ')}  ${rest}`.trimEnd().concat('\n')
}

function named(name: string, facts: string): string {
  return `${name.padEnd(TYPE_WIDTH)}  ${facts}`
}

function eventLine(event: InspectedEvent): string {
  const { position, size, timestamp, serverId, type, inPayload, isTrue } = event
  const facts = type === EventType.QUERY ? queryFacts(event.details) : factsOf(event.details)
  const place = inPayload ? '' : position
  const mark = isTrue || inPayload ? '' : ' (damaged)'
  const name = named(`${inPayload ? '  ' : ''}${eventTypeSymbol(type)}${mark}`, facts)
  return line([place, size, timeText(timestamp), serverId], name)
}

function queryFacts({ database, query, isWhole }: Details): string {
  const place = database === '' || database === undefined ? '' : `[${oneLine(String(database))}] `
  return `${place}${oneLine(String(query ?? ''))}${isWhole === false ? ' ...' : ''}`
}

function transactionLine(item: InspectedTransaction): string {
  const { begin, end, events, eventsInPayload, timestamp, gtid, tables, moreTables } = item
  const more = moreTables === 0 ? '' : ` and ${moreTables} more`
  const inner = eventsInPayload === 0 ? '' : ` (${eventsInPayload} events compressed)`
  const time = item.commitTime === '' ? timeText(timestamp) : item.commitTime.slice(0, 19)
  const text = `${gtid}${inner}  ${oneLine(tables.join(' '))}${more}`
  const cells = [begin, end, end - begin, events, time.replace('T', ' ')]
  return line(cells, text, TRANSACTION_WIDTHS)
}

function factsOf(details: Details): string {
  const { database, table, ...rest } = details
  const facts = Object.entries(rest).filter(([name]) => name !== 'isWhole')
  const texts = facts.map(([name, value]) => `${name}=${oneLine(String(value))}`)
  return (table === undefined ? texts : [oneLine(`${database}.${table}`), ...texts]).join(' ')
}

let lastTime = 0
let lastTimeText = ''

/** In UTC; events of one second are many. */
function timeText(timestamp: number): string {
  if (timestamp === 0) return '-'
  if (timestamp === lastTime) return lastTimeText
  lastTime = timestamp
  lastTimeText = new Date(timestamp * 1000).toISOString().slice(0, 19).replace('T', ' ')
  return lastTimeText
}

export function printSummary(terminal: Terminal, summary: FileSummary): void {
  const { firstTimestamp, lastTimestamp, anonymousTransactions: anonymous } = summary
  const facts: (readonly [string, Cell])[] = [
    ['file', `${summary.file}, ${summary.size} bytes (${formatBytes(summary.size)})`],
    ['written by', summary.serverVersion ?? 'unknown'],
    ['kind', kindOf(summary)],
    ['checksum', summary.checksum],
    ['created', summary.created === null ? null : timeText(summary.created)],
    ['first event', firstTimestamp === null ? null : timeText(firstTimestamp)],
    ['last event', lastTimestamp === null ? null : timeText(lastTimestamp)],
    ['closed by', summary.closedBy ?? 'nothing: still written, or cut off'],
    ['previous gtids', summary.previousGtids === '' ? 'none' : summary.previousGtids],
    ['gtids in it', summary.gtids === '' ? 'none' : summary.gtids],
    ['transactions', `${summary.transactions}${anonymous > 0 ? `, ${anonymous} anonymous` : ''}`],
    ['damages', damagesText(summary)],
  ]
  printFacts(terminal, facts)
  terminal.out('\n')
  printTable(
    terminal,
    ['EVENTS', 'BYTES', 'COMPRESSED', 'BYTES', 'TYPE'],
    summary.types.map(({ type, events, bytes, eventsInPayload, bytesInPayload }) => [
      events,
      bytes,
      eventsInPayload,
      bytesInPayload,
      type,
    ]),
  )
  if (summary.largest.length === 0) return
  terminal.out('\n')
  printTable(
    terminal,
    ['BYTES', 'EVENTS', 'POSITION', 'LARGEST TRANSACTIONS'],
    summary.largest.map(({ bytes, events, position, gtid }) => [bytes, events, position, gtid]),
  )
}

function damagesText({ damages, damageCount }: FileSummary): string {
  if (damageCount === 0) return 'none'
  const more = damageCount - damages.length
  return [...damages, ...(more > 0 ? [`and ${more} more`] : [])].join('\n')
}

function kindOf({ relayLog, inUse }: FileSummary): string {
  const kind = relayLog ? 'relay log: its end positions are those of the source' : 'binlog'
  return inUse ? `${kind}, in use: its server has not closed it` : kind
}
