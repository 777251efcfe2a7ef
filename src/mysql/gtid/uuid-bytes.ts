/*
  A uuid as 16 raw bytes and as text:

    90b578d4 e6e1 11f1 82c0 02fc00000001      "90b578d4-e6e1-11f1-82c0-02fc00000001"
*/
export const UUID_SIZE = 16

let lastBytes = Buffer.alloc(UUID_SIZE)
let lastText = uuidFromHex(lastBytes.toString('hex'))

/**
 * The text of the 16 bytes at `offset`, which the caller knows to be there. Remembers the last
 * answer: in a stream nearly all transactions come from one server, and the same string lets
 * GtidSet compare by identity.
 */
export function uuidText(bytes: Buffer, offset: number): string {
  if (lastBytes.compare(bytes, offset, offset + UUID_SIZE) !== 0) {
    lastBytes = Buffer.from(bytes.subarray(offset, offset + UUID_SIZE))
    lastText = uuidFromHex(lastBytes.toString('hex'))
  }
  return lastText
}

/** The 16 bytes of a canonical uuid. */
export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
}

/** Puts the dashes into 32 hexadecimal digits. */
export function uuidFromHex(hex: string): string {
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}

/** A MariaDB server has no uuid: it goes by its server_id, which no other one of its topology has. */
export function uuidOfServerId(serverId: number): string {
  return `00000000-0000-0000-0000-${serverId.toString(16).padStart(12, '0')}`
}
