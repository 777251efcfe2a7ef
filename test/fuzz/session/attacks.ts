import { constants, publicEncrypt } from 'node:crypto'
import {
  Command,
  decodeErr,
  decodeGreeting,
  ERR_MARKER,
  encodeComBinlogDump,
  encodeComBinlogDumpGtid,
  encodeComQuery,
  encodeComRegisterReplica,
  encodePackets,
  encodeSslRequest,
  GtidSet,
  PUBLIC_KEY_REQUEST,
} from '../../../src/mysql/index.ts'
import { handshakeResponse } from '../../../src/serve/testing/raw-client.ts'
import { replicationUser } from '../../e2e/harness/mysqld.ts'
import { pause } from '../../e2e/harness/wait.ts'
import { mutate } from '../mutate.ts'
import { httpTarget } from '../targets/http.ts'
import { sqlTarget } from '../targets/sql.ts'
import { Attacker, type Battlefield, FLOOD_ADDRESSES, STUBBORN_ADDRESS } from './attacker.ts'

type Attack = (attacker: Attacker, field: Battlefield) => Promise<void> | void

const GREETING_MARKER = 0x0a
const PACKETS_AT_ONCE = 20
const GUESSING_OF_FLOOD = 5
const COMMANDS_MOST = 40
const NEVER_READING_MS = 2_000
const HOST_IS_BLOCKED = 1129
/** Several times what a host may be refused. */
const STUBBORN_GUESSES_MOST = 100
const STUBBORN_ANSWER_MS_MOST = 10_000
const STUBBORN_MS_MOST = 60_000
const STUBBORN_PAUSE_MS = 100

const response = (user = replicationUser): Buffer => handshakeResponse(user, Buffer.alloc(32, 7))
const noise = (field: Battlefield, most: number): Buffer => {
  const bytes = Buffer.alloc(field.random.between(0, most))
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = field.random.between(0, 255)
  return bytes
}
const spoilt = (payload: Buffer, field: Battlefield): Buffer =>
  mutate(payload, field.random, { others: [payload], words: [] })

const ANY_SET = GtidSet.parse('24bc7850-2c16-11e6-a073-0242ac110001:1-5:tag:7')

function dumpCommand(field: Battlefield): Buffer {
  const { random } = field
  const file = random.pick([
    '',
    'binlog.000001',
    '../../etc/passwd',
    'x'.repeat(5000),
    'binlog.999999',
  ])
  const position = random.pick([0, 4, 5, 1000, 0xffffffff])
  const fields = { file, serverId: random.between(0, 50), flags: random.between(0, 3) }
  if (random.chance(0.4)) return encodeComBinlogDump({ ...fields, position })
  const gtidSet = random.chance(0.3) ? noise(field, 60) : ANY_SET.encode()
  return encodeComBinlogDumpGtid({ ...fields, position: BigInt(position), gtidSet })
}

/** Goes all the way to the slow hash, which is what costs us most before a login. */
async function wrongPasswordInFull(attacker: Attacker, msMost?: number): Promise<void> {
  const greeting = await attacker.answer(msMost)
  if (greeting?.[0] !== GREETING_MARKER) return
  await guess(attacker, greeting, msMost)
}

async function guess(attacker: Attacker, greeting: Buffer, msMost?: number): Promise<void> {
  const { scramble } = decodeGreeting(greeting)
  attacker.packet(response(), 1)
  await attacker.answer(msMost)
  attacker.packet(Buffer.of(PUBLIC_KEY_REQUEST), 3)
  const key = (await attacker.answer(msMost))?.subarray(1).toString('latin1') ?? ''
  if (!key.startsWith('-----BEGIN')) return
  const password = Buffer.from('wrong, and as long as that\0')
  const masked = password.map((byte, at) => byte ^ (scramble[at % scramble.length] ?? 0))
  attacker.packet(publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING }, masked), 5)
  await attacker.answer(msMost)
}

const BEFORE_LOGIN: Readonly<Record<string, Attack>> = {
  'noise instead of a login': (attacker, field) => attacker.send(noise(field, 5000)),
  'half a login': (attacker, { random }) => {
    const packet = encodePackets(response(), 1)
    attacker.send(packet.subarray(0, random.between(0, packet.length)))
  },
  'a login one byte at a time': async (attacker, { random }) => {
    for (const byte of encodePackets(response(), 1).subarray(0, random.between(4, 60))) {
      attacker.send(Buffer.of(byte), 0)
      await pause(random.between(1, 30))
    }
  },
  'a packet that says it is large': (attacker, field) =>
    attacker.send(Buffer.concat([Buffer.from('ffffff01', 'hex'), noise(field, 70_000)])),
  'a login out of sequence': (attacker, { random }) =>
    attacker.packet(response(), random.between(2, 255)),
  'an empty packet': (attacker) => attacker.packet(Buffer.alloc(0), 1),
  'a spoilt login': (attacker, field) => attacker.packet(spoilt(response(), field), 1),
  'a wrong password': async (attacker, field) => {
    await attacker.answer()
    attacker.packet(response(), 1)
    await attacker.answer()
    // The whole password is asked for: what comes is no block of the key's.
    attacker.packet(field.random.chance(0.5) ? noise(field, 300) : Buffer.alloc(256, 3), 3)
    await attacker.answer()
  },
  'a wrong password in full': (attacker) => wrongPasswordInFull(attacker),
  'an unknown user': async (attacker, { random }) => {
    await attacker.answer()
    attacker.packet(response(random.text(random.between(0, 300))), 1)
    await attacker.answer()
  },
  'noise instead of TLS': (attacker, field) => {
    const request = { capabilities: 0xa00, packetMost: 2 ** 24, collation: 255 }
    attacker.packet(encodeSslRequest(request), 1)
    const hello = Buffer.from('1603010200010001fc0303', 'hex')
    attacker.send(field.random.chance(0.5) ? noise(field, 500) : hello)
  },
  'a connection that is dropped': () => {},
}

const AFTER_LOGIN: Readonly<Record<string, Attack>> = {
  'commands of every number': async (attacker, field) => {
    for (let count = field.random.between(1, COMMANDS_MOST); count > 0; count -= 1) {
      const code = Buffer.of(field.random.between(0, 255))
      attacker.packet(Buffer.concat([code, noise(field, 60)]))
      if ((await attacker.answer()) === undefined) return
    }
  },
  'statements of any text': async (attacker, { random }) => {
    const others = sqlTarget.seeds()
    const material = { others, words: sqlTarget.words ?? [] }
    for (let count = random.between(1, COMMANDS_MOST); count > 0; count -= 1) {
      const text = mutate(random.pick(others), random, material).toString('latin1')
      attacker.packet(encodeComQuery(text))
      if ((await attacker.answer()) === undefined) return
    }
  },
  'a dump of what there is not': async (attacker, field) => {
    const command = dumpCommand(field)
    attacker.packet(field.random.chance(0.5) ? command : spoilt(command, field))
    await attacker.answer()
  },
  'noise during a dump': async (attacker, field) => {
    attacker.packet(
      encodeComBinlogDumpGtid({
        file: '',
        position: 4n,
        flags: 0,
        serverId: 99,
        gtidSet: GtidSet.empty().encode(),
      }),
    )
    await attacker.answer()
    attacker.send(noise(field, 20_000))
  },
  'a spoilt registration, a spoilt change of the user': async (attacker, field) => {
    const fields = { serverId: 7, host: 'h', user: 'u', password: 'p', port: 1 }
    attacker.packet(spoilt(encodeComRegisterReplica(fields), field))
    await attacker.answer()
    const change = Buffer.concat([
      Buffer.of(Command.CHANGE_USER),
      Buffer.from('repl\0'),
      noise(field, 80),
    ])
    attacker.packet(change)
    await attacker.answer()
  },
  'half a packet': (attacker, field) => {
    const size = Buffer.alloc(4)
    size.writeUIntLE(field.random.between(1, 0xffffff), 0, 3)
    attacker.send(Buffer.concat([size, noise(field, 3000)]))
  },
  'a packet over the limit': (attacker) => {
    attacker.send(Buffer.from('ffffff00', 'hex'))
    attacker.send(Buffer.alloc(0xffffff))
    attacker.send(Buffer.from('ffffff01', 'hex'))
  },
  'many commands and no look at the answers': async (attacker, { random }) => {
    attacker.socket.pause()
    const command = encodePackets(encodeComQuery('SHOW VARIABLES'), 0)
    for (let count = random.between(1, PACKETS_AT_ONCE); count > 0; count -= 1) {
      attacker.send(Buffer.concat(Array.from({ length: 20 }, () => command)), 20)
    }
    await pause(random.between(0, NEVER_READING_MS))
  },
  'a dump that nobody reads': async (attacker, { random }) => {
    attacker.socket.pause()
    const empty = GtidSet.empty().encode()
    const serverId = random.between(1000, 1_000_000)
    attacker.packet(
      encodeComBinlogDumpGtid({ file: '', position: 4n, flags: 0, serverId, gtidSet: empty }),
    )
    await pause(NEVER_READING_MS)
  },
}

async function attackHttp(field: Battlefield): Promise<void> {
  const attacker = await Attacker.connect(field, { port: field.adminPort })
  if (attacker === undefined) return
  const seeds = httpTarget.seeds()
  const material = { others: seeds, words: httpTarget.words ?? [] }
  const text = mutate(field.random.pick(seeds), field.random, material).toString('latin1')
  const asked = text.replace(/\n/g, '\r\n').replace('\r\n', ' HTTP/1.1\r\nhost: x\r\n')
  // Not those that do what they say: the link to the source has to run on.
  attacker.send(Buffer.from(asked.replaceAll(/source\/(stop|start)/gi, 'source'), 'latin1'))
  await pause(field.random.between(0, 200))
  attacker.drop()
}

/** One attack of any kind; its name. */
export async function attackOnce(field: Battlefield): Promise<string> {
  const { random, tally } = field
  const before = random.chance(0.6)
  const table = before ? BEFORE_LOGIN : AFTER_LOGIN
  const name = random.chance(0.05) ? 'HTTP' : random.pick(Object.keys(table))
  tally.byAttack.set(name, (tally.byAttack.get(name) ?? 0) + 1)
  if (name === 'HTTP') {
    await attackHttp(field)
    return name
  }
  const attacker = before ? await Attacker.connect(field) : await Attacker.loggedIn(field)
  if (attacker === undefined) return name
  await table[name]?.(attacker, field)
  if (!attacker.socket.isPaused()) await attacker.answer()
  attacker.drop()
  return name
}

/** So many connections at once: some guess a password, the others say nothing; then all are dropped. */
export async function flood(field: Battlefield, connections: number): Promise<void> {
  const held = await Promise.all(
    Array.from({ length: connections }, (_, at) => {
      const address =
        at % GUESSING_OF_FLOOD === 0 ? FLOOD_ADDRESSES.guessing : FLOOD_ADDRESSES.silent
      return Attacker.connect(field, { address })
    }),
  )
  const guessing = held.filter((_, at) => at % GUESSING_OF_FLOOD === 0)
  const guesses = guessing.map((attacker) => attacker && wrongPasswordInFull(attacker))
  field.tally.byAttack.set('flood', (field.tally.byAttack.get('flood') ?? 0) + 1)
  await Promise.all([pause(NEVER_READING_MS), ...guesses])
  for (const attacker of held) attacker?.drop()
}

/**
 * Guesses from one address until it is told that nobody listens to it any more: 'blocked', or what came
 * instead. It has the patience that the others lack: its guesses are answered however busy the machine is,
 * and where nobody has a word for it, since a flood is being told that it is too many, it comes again.
 */
export async function guessUntilBlocked(field: Battlefield): Promise<string> {
  const begun = performance.now()
  let guesses = 0
  let turnedAway = 0
  while (guesses < STUBBORN_GUESSES_MOST && performance.now() - begun < STUBBORN_MS_MOST) {
    const attacker = await Attacker.connect(field, { address: STUBBORN_ADDRESS })
    const greeting = await attacker?.answer(STUBBORN_ANSWER_MS_MOST)
    if (attacker !== undefined && greeting?.[0] === GREETING_MARKER) {
      await guess(attacker, greeting, STUBBORN_ANSWER_MS_MOST)
      guesses += 1
    } else {
      if (greeting?.[0] === ERR_MARKER && decodeErr(greeting).code === HOST_IS_BLOCKED)
        return 'blocked'
      turnedAway += 1
      await pause(STUBBORN_PAUSE_MS)
    }
    attacker?.drop()
  }
  const seconds = Math.round((performance.now() - begun) / 1000)
  return `not blocked after ${guesses} guesses in ${seconds} s, turned away ${turnedAway} times`
}
