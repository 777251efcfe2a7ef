import { describe, expect, test } from 'vitest'
import {
  checksumMatches,
  decodeFormatDescription,
  decodeGtidEvent,
  isGtidEvent,
  readEventHeader,
  TransactionTracker,
} from '../../src/mysql/index.ts'
import { eventsOf } from '../captured-files.ts'
import { filesOf, OLDER_SERVERS } from '../older-servers.ts'
import { track } from './event-listing.ts'

describe.each(OLDER_SERVERS)('a file of MySQL $version', (server) => {
  const files = filesOf(server)

  test('says what it is written by and which events it may have', () => {
    for (const { bytes } of files) {
      const [description] = eventsOf(bytes)
      const facts = decodeFormatDescription(description ?? Buffer.alloc(0))
      expect(facts.serverVersion).toBe(server.version)
      expect(facts.postHeaderLengths.toString('hex')).toBe(server.types)
      // The event's own entry counts its fields and the table.
      expect(facts.postHeaderLengths[14]).toBe(57 + facts.postHeaderLengths.length)
      expect(facts).toMatchObject({ flavor: 'mysql', checksum: 'CRC32' })
    }
  })

  test('has its transactions end where their GTID events say, with right checksums and positions', () => {
    let ended = 0
    for (const { bytes } of files) {
      const tracker = new TransactionTracker()
      let offset = 4
      let promised = 0
      for (const event of eventsOf(bytes)) {
        const { type, size, logPos } = readEventHeader(event)
        expect(checksumMatches(event)).toBe(true)
        expect(logPos).toBe(offset + size)
        if (isGtidEvent(type)) promised = offset + decodeGtidEvent(event, 'CRC32').transactionLength
        const verdict = track(tracker, event, 'CRC32')
        expect(verdict === 'ended').toBe(offset + size === promised)
        if (verdict === 'ended') ended += 1
        offset += size
      }
    }
    expect(ended).toBe(19)
  })
})
