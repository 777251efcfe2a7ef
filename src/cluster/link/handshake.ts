import { ProtocolError } from '../../lib/index.ts'
import type { Connection, Random } from '../../platform/index.ts'
import {
  decodeGreeting,
  decodeGreetingHead,
  encodeGreeting,
  GREETING_HEAD_BYTES,
  type Greeting,
  isProof,
  type Meeting,
  makeChance,
  PROOF_BYTES,
  type Purpose,
  proofOf,
  sharedVersion,
  VERSIONS,
  type Versions,
} from './greeting.ts'
import { Intake } from './intake.ts'

const REFUSED = 0
const ACCEPTED = 1

/** What both sides have proven, and what was read beyond it. */
export interface Proven {
  readonly peer: string
  readonly purpose: Purpose
  /** the newest that both speak, for all that follows */
  readonly version: number
  readonly intake: Intake
}

/** Why two nodes do not come together. */
export interface Unproven {
  readonly fault: 'ended' | 'itself' | 'secret' | 'version'
  readonly message: string
}

export interface HandshakeOptions {
  readonly node: string
  /** that the secret gives for links */
  readonly key: Buffer
  readonly random: Random
  /** that this node speaks; default VERSIONS */
  readonly versions?: Versions | undefined
}

const ENDED: Unproven = { fault: 'ended', message: 'the connection ended during the greeting' }
const WRONG_SECRET: Unproven = { fault: 'secret', message: 'the cluster secrets differ' }

/** The side that has connected. @throws ProtocolError */
export async function introduce(
  connection: Connection,
  purpose: Purpose,
  { node, key, random, versions = VERSIONS }: HandshakeOptions,
): Promise<Proven | Unproven> {
  const intake = new Intake(connection)
  const dialler = encodeGreeting({ ...versions, purpose, node }, makeChance(random))
  connection.write(dialler)
  const heard = await takeGreeting(intake)
  if (heard === undefined) return ENDED
  const version = sharedVersion(versions, heard.greeting)
  if (version === undefined) return strangerTo(versions, heard.greeting)
  if (heard.greeting.node === node) return itself(node)
  if (heard.greeting.purpose !== purpose) throw new ProtocolError('it answers another purpose')
  const meeting: Meeting = { key, dialler, listener: heard.bytes }
  connection.write(proofOf('dialler', meeting))
  const verdict = (await intake.take(1))?.[0]
  if (verdict === undefined) return ENDED
  if (verdict === REFUSED) return WRONG_SECRET
  if (verdict !== ACCEPTED) throw new ProtocolError(`it answers a proof with ${verdict}`)
  const proof = await intake.take(PROOF_BYTES)
  if (proof === undefined) return ENDED
  if (!isProof(proof, 'listener', meeting)) return WRONG_SECRET
  return { peer: heard.greeting.node, purpose, version, intake }
}

/** The side that was connected to: it says nothing before a greeting, and proves nothing before a proof. */
export async function answer(
  connection: Connection,
  { node, key, random, versions = VERSIONS }: HandshakeOptions,
): Promise<Proven | Unproven> {
  const intake = new Intake(connection)
  const heard = await takeGreeting(intake)
  if (heard === undefined) return ENDED
  const { purpose, node: peer } = heard.greeting
  const listener = encodeGreeting({ ...versions, purpose, node }, makeChance(random))
  connection.write(listener)
  const version = sharedVersion(versions, heard.greeting)
  if (version === undefined) return strangerTo(versions, heard.greeting)
  if (peer === node) return itself(node)
  const meeting: Meeting = { key, dialler: heard.bytes, listener }
  const proof = await intake.take(PROOF_BYTES)
  if (proof === undefined) return ENDED
  if (!isProof(proof, 'dialler', meeting)) {
    connection.write(Buffer.of(REFUSED))
    return WRONG_SECRET
  }
  connection.writeAll([Buffer.of(ACCEPTED), proofOf('listener', meeting)], () => {})
  return { peer, purpose, version, intake }
}

async function takeGreeting(
  intake: Intake,
): Promise<{ readonly greeting: Greeting; readonly bytes: Buffer } | undefined> {
  const head = await intake.take(GREETING_HEAD_BYTES)
  const fields = head && (await intake.take(decodeGreetingHead(head)))
  if (head === undefined || fields === undefined) return undefined
  return { greeting: decodeGreeting(fields), bytes: Buffer.concat([head, fields]) }
}

function strangerTo(own: Versions, other: Versions): Unproven {
  const message = `it speaks the versions ${textOf(other)} of the link, this node ${textOf(own)}`
  return { fault: 'version', message }
}

function textOf({ oldest, newest }: Versions): string {
  return `${oldest} to ${newest}`
}

function itself(node: string): Unproven {
  return { fault: 'itself', message: `it is called ${node}, as this node is` }
}
