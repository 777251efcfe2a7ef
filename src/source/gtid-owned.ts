import { ProtocolError } from '../lib/index.ts'
import { GtidSet } from '../mysql/index.ts'

/*
  @@global.gtid_owned: transactions that are written to the binlog and not yet committed. Its text:

    uuid[:tag]:gno#thread[:gno#thread...]     and the next uuid right behind, without a separator

  so a thread's number runs into the uuid that follows it; only the dashes tell where that begins.
*/
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi
const ENTRY = /:(?:([a-z_][a-z0-9_]{0,31}):)?([1-9]\d*)#\d+/giy

/** The transactions that the text names. Throws ProtocolError for any other text. */
export function parseGtidOwned(text: string): GtidSet {
  const owned = GtidSet.empty()
  const compact = text.replaceAll(/[\s,]/g, '')
  const uuids = [...compact.matchAll(UUID)]
  if ((uuids[0]?.index ?? compact.length) !== 0) throw malformed(text)
  for (const [index, { 0: uuid, index: start }] of uuids.entries()) {
    const entries = compact.slice(start + uuid.length, uuids[index + 1]?.index)
    if (!addEntries(owned, uuid.toLowerCase(), entries)) throw malformed(text)
  }
  return owned
}

function addEntries(owned: GtidSet, uuid: string, entries: string): boolean {
  let tag = ''
  let end = 0
  for (const match of entries.matchAll(ENTRY)) {
    tag = match[1]?.toLowerCase() ?? tag
    // As text, since the source may name what no transaction can be named.
    owned.addAll(GtidSet.parse(`${uuid}:${tag === '' ? '' : `${tag}:`}${match[2] ?? ''}`))
    end = match.index + match[0].length
  }
  return end === entries.length
}

function malformed(text: string): ProtocolError {
  return new ProtocolError(`gtid_owned is '${text}', which is not understood`)
}
