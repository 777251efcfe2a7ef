import { OperationalError, systemCodeOf } from '../lib/index.ts'
import {
  BINLOG_MAGIC,
  decodeFormatDescription,
  EVENT_HEADER_SIZE,
  EventFlag,
  EventType,
  FIRST_EVENT_POSITION,
  type FormatDescription,
  readEventHeader,
} from '../mysql/index.ts'
import type { Disk, DiskFile } from '../platform/index.ts'

const HEAD_BYTES = 64 * 1024
const ENCRYPTED_MAGIC = Buffer.from('fd62696e', 'hex')
const INDEX_MAGIC = Buffer.from('KINGIDX')

/** A file that can be looked into. The caller closes `file`. */
export interface InspectedFile {
  readonly kind: 'binlog' | 'index'
  readonly file: DiskFile
  /** without its folder */
  readonly name: string
  readonly size: number
  /** undefined for an index, and where it cannot be read */
  readonly description: FormatDescription | undefined
  /** the server that wrote it has not closed it */
  readonly isInUse: boolean
  readonly isRelayLog: boolean
  readonly isMariaDb: boolean
  /** whether the first four bytes are those of a binlog file */
  readonly hasMagic: boolean
}

/**
 * @throws OperationalError E_FILE_UNKNOWN when it is not there or cannot be read, E_FILE_FORMAT when
 * it is nothing that can be looked into
 */
export async function openInspected(disk: Disk, path: string): Promise<InspectedFile> {
  const file = await openFile(disk, path)
  try {
    return recognise(path, file)
  } catch (thrown) {
    await file.close()
    throw thrown
  }
}

async function openFile(disk: Disk, path: string): Promise<DiskFile> {
  try {
    const attributes = await disk.attributes(path)
    if (attributes?.isFolder === true) throw refuse(path, 'is a folder')
    if (attributes?.isFile === false) {
      // A pipe would be waited for, and cannot be read at any position.
      throw refuse(path, 'is no regular file but a pipe or a device: copy what it has into a file')
    }
    return await disk.open(path, 'read')
  } catch (thrown) {
    throw unreadable(path, thrown)
  }
}

/** What the system says of the file, in our words; anything else as it is. */
function unreadable(path: string, thrown: unknown): unknown {
  const code = systemCodeOf(thrown)
  if (code === undefined || thrown instanceof OperationalError) return thrown
  const message =
    code === 'ENOENT' ? `there is no file ${path}` : `${path} cannot be read (${code})`
  return new OperationalError('E_FILE_UNKNOWN', message, { file: path }, { cause: thrown })
}

function recognise(path: string, file: DiskFile): InspectedFile {
  const head = readHead(path, file)
  const name = path.slice(path.lastIndexOf('/') + 1)
  const facts = { file, name, size: file.size(), hasMagic: startsWith(head, BINLOG_MAGIC) }
  if (startsWith(head, INDEX_MAGIC)) {
    const none = { description: undefined, isInUse: false, isRelayLog: false, isMariaDb: false }
    return { kind: 'index', ...facts, ...none }
  }
  if (startsWith(head, ENCRYPTED_MAGIC)) {
    const remedy = 'let the server that has the key read it: mysqlbinlog --read-from-remote-server'
    throw refuse(path, `is encrypted (binlog_encryption=ON); ${remedy}`)
  }
  const isDescription =
    head.length >= FIRST_EVENT_POSITION + EVENT_HEADER_SIZE &&
    head[FIRST_EVENT_POSITION + 4] === EventType.FORMAT_DESCRIPTION
  if (!facts.hasMagic && !isDescription) {
    if (head.length === 0) throw refuse(path, 'is empty')
    const begin = head.subarray(0, 4).toString('hex')
    throw refuse(path, `is no binlog file and no index: it begins with the bytes '${begin}'`)
  }
  const description = isDescription ? descriptionOf(head.subarray(FIRST_EVENT_POSITION)) : undefined
  const flags = isDescription ? head.readUInt16LE(FIRST_EVENT_POSITION + 17) : 0
  return {
    kind: 'binlog',
    ...facts,
    description,
    isInUse: (flags & EventFlag.BINLOG_IN_USE) !== 0,
    isRelayLog: (flags & EventFlag.RELAY_LOG) !== 0,
    isMariaDb: description?.serverVersion.includes('MariaDB') === true,
  }
}

function readHead(path: string, file: DiskFile): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES)
  try {
    return bytes.subarray(0, file.read(bytes, 0))
  } catch (thrown) {
    throw unreadable(path, thrown)
  }
}

function descriptionOf(head: Buffer): FormatDescription | undefined {
  try {
    return decodeFormatDescription(head.subarray(0, readEventHeader(head).size))
  } catch {
    // What is wrong with it is for the walk to name.
    return undefined
  }
}

function startsWith(head: Buffer, magic: Buffer): boolean {
  return head.subarray(0, magic.length).equals(magic)
}

function refuse(path: string, what: string): OperationalError {
  return new OperationalError('E_FILE_FORMAT', `${path} ${what}`, { file: path })
}
