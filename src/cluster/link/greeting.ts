import { createHmac, timingSafeEqual } from 'node:crypto'
import { ProtocolError } from '../../lib/index.ts'
import { Reader, Writer } from '../../mysql/index.ts'
import { readName, readText, writeName, writeText } from './field-codec.ts'

/*
  How two nodes meet, all integers little-endian. The dialler speaks first:

    dialler                 listener
    greeting      -->
                  <--       greeting
    proof         -->
                  <--       u8 1, proof       or  u8 0: the proof is wrong

    greeting      8 bytes "kb-link\n", u16 size of the rest, at most GREETING_BYTES_MAX:
                  u8 oldest and u8 newest version that is spoken, u8 purpose (1 follow, 2 call; the listener repeats
                  it), text node, 32 bytes chance; what follows is for later versions
    proof         32 bytes HMAC-SHA256, by the key of the cluster secret for "peer link", over the text "dialler" or
                  "listener", a zero byte, the dialler's greeting and the listener's

  The greeting is read by every version there will be. Each proof is over all that both have said, so nothing of it
  can be changed on the way, and the version is not argued down; over the other's chance, so none can be repeated;
  and over who makes it, so none can be sent back. Who connects proves first: a stranger sees no proof of a node's.
*/
const MAGIC = Buffer.from('kb-link\n')
export const GREETING_HEAD_BYTES = MAGIC.length + 2
const GREETING_BYTES_MAX = 1024
const CHANCE_BYTES = 32
export const PROOF_BYTES = 32

/** Versions of the link that are spoken: this one, and one back when there is one. */
export const VERSIONS: Versions = { oldest: 1, newest: 1 }

export interface Versions {
  readonly oldest: number
  readonly newest: number
}

const PURPOSES = ['follow', 'call'] as const
export type Purpose = (typeof PURPOSES)[number]

export interface Greeting extends Versions {
  readonly purpose: Purpose
  readonly node: string
}

export function encodeGreeting(greeting: Greeting, chance: Buffer): Buffer {
  const rest = new Writer().u8(greeting.oldest).u8(greeting.newest)
  writeName(rest, PURPOSES, greeting.purpose)
  writeText(rest, greeting.node)
  const fields = rest.bytes(chance).finish()
  return new Writer().bytes(MAGIC).u16(fields.length).bytes(fields).finish()
}

export function makeChance(random: { bytes(size: number): Buffer }): Buffer {
  return random.bytes(CHANCE_BYTES)
}

/** How many bytes follow the head. */
export function decodeGreetingHead(head: Buffer): number {
  const reader = new Reader(head)
  if (!reader.bytes(MAGIC.length).equals(MAGIC)) throw new ProtocolError('it speaks no link')
  const size = reader.u16()
  if (size > GREETING_BYTES_MAX) throw new ProtocolError(`a greeting of ${size} bytes is too long`)
  return size
}

export function decodeGreeting(fields: Buffer): Greeting {
  const reader = new Reader(fields)
  const greeting = {
    oldest: reader.u8(),
    newest: reader.u8(),
    purpose: readName(reader, PURPOSES, 'purpose of a connection'),
    node: readText(reader, 'the name of a node'),
  }
  reader.skip(CHANCE_BYTES)
  if (greeting.node === '') throw new ProtocolError('a node has no name')
  return greeting
}

/** The newest version that both speak; undefined when there is none. */
export function sharedVersion(one: Versions, other: Versions): number | undefined {
  const newest = Math.min(one.newest, other.newest)
  return newest >= Math.max(one.oldest, other.oldest) ? newest : undefined
}

/** Both greetings, whole, and the key that the secret gives for links. */
export interface Meeting {
  readonly key: Buffer
  readonly dialler: Buffer
  readonly listener: Buffer
}

export function proofOf(side: 'dialler' | 'listener', meeting: Meeting): Buffer {
  return createHmac('sha256', meeting.key)
    .update(`${side}\0`)
    .update(meeting.dialler)
    .update(meeting.listener)
    .digest()
}

export function isProof(given: Buffer, side: 'dialler' | 'listener', meeting: Meeting): boolean {
  return timingSafeEqual(given, proofOf(side, meeting))
}
