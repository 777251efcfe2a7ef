import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'

/** Longer inputs find nothing that shorter ones do not, and take longer. */
const INPUT_BYTES_MOST = 256 * 1024
const CHANGES_MOST = 5

/** What a field of a length or number is set to: the edges of every size, and of what encodes it. */
const EDGES = [
  0, 1, 2, 3, 4, 7, 8, 18, 19, 20, 23, 24, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, 0x100,
  0x7fff, 0x8000, 0xffff, 0xfffffe, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffffe,
  0xffffffff,
]
const WIDE_EDGES = [
  0n,
  1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
]

type Change = (input: Buffer, random: SeededRandom, others: readonly Buffer[]) => Buffer

const CHANGES: readonly Change[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setField,
  setField,
  setWideField,
  cutOff,
  removeChunk,
  repeatChunk,
  moveChunk,
  splice,
  insertNoise,
  growField,
]

export interface Material {
  /** other inputs, which lend pieces */
  readonly others: readonly Buffer[]
  /** for what is text: words that mean something where it is read */
  readonly words: readonly string[]
}

/** Another input, made of one input by a few changes. */
export function mutate(seed: Buffer, random: SeededRandom, { others, words }: Material): Buffer {
  let input: Buffer = Buffer.from(seed)
  const changes = random.between(1, CHANGES_MOST)
  for (let index = 0; index < changes; index += 1) {
    input =
      words.length > 0 && random.chance(0.7)
        ? setWord(input, random, words)
        : random.pick(CHANGES)(input, random, others)
    input = input.subarray(0, INPUT_BYTES_MOST)
  }
  return input
}

/** A word comes in, or takes the place of another one; the same one many times now and then. */
function setWord(input: Buffer, random: SeededRandom, words: readonly string[]): Buffer {
  const text = input.toString('latin1')
  const at = random.between(0, text.length)
  const word = random.pick(words)
  const times = random.chance(0.03) ? random.between(2, 60_000) : 1
  const put = word.repeat(Math.min(times, Math.ceil(INPUT_BYTES_MOST / (word.length + 1))))
  let from = at
  let to = at
  if (random.chance(0.6)) while (from > 0 && isWordCharacter(text.charCodeAt(from - 1))) from -= 1
  if (random.chance(0.6)) while (to < text.length && isWordCharacter(text.charCodeAt(to))) to += 1
  return Buffer.from(text.slice(0, from) + put + text.slice(to), 'latin1')
}

function isWordCharacter(code: number): boolean {
  const isDigit = code >= 0x30 && code <= 0x39
  return isDigit || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a)
}

function flipBit(input: Buffer, random: SeededRandom): Buffer {
  if (input.length === 0) return input
  const at = placeIn(input, random)
  input[at] = (input[at] ?? 0) ^ (1 << random.between(0, 7))
  return input
}

function setByte(input: Buffer, random: SeededRandom): Buffer {
  if (input.length > 0) input[placeIn(input, random)] = random.pick(EDGES) & 0xff
  return input
}

function setField(input: Buffer, random: SeededRandom): Buffer {
  const size = random.between(1, 4)
  if (input.length < size) return input
  const at = random.between(0, input.length - size)
  const value = random.chance(0.3)
    ? input.length - at - size + random.between(-2, 2)
    : random.pick(EDGES)
  input.writeUIntLE(Math.max(0, value) % 2 ** (8 * size), at, size)
  return input
}

function setWideField(input: Buffer, random: SeededRandom): Buffer {
  if (input.length < 8) return input
  input.writeBigUInt64LE(random.pick(WIDE_EDGES), random.between(0, input.length - 8))
  return input
}

/** A number that stands somewhere goes up or down by a little. */
function growField(input: Buffer, random: SeededRandom): Buffer {
  const size = random.between(1, 4)
  if (input.length < size) return input
  const at = random.between(0, input.length - size)
  const value = input.readUIntLE(at, size) + random.between(-16, 16)
  input.writeUIntLE(Math.max(0, value) % 2 ** (8 * size), at, size)
  return input
}

function cutOff(input: Buffer, random: SeededRandom): Buffer {
  return input.subarray(0, random.between(0, input.length))
}

function removeChunk(input: Buffer, random: SeededRandom): Buffer {
  const [from, to] = chunkOf(input, random)
  return Buffer.concat([input.subarray(0, from), input.subarray(to)])
}

function repeatChunk(input: Buffer, random: SeededRandom): Buffer {
  const [from, to] = chunkOf(input, random)
  const times = random.chance(0.1) ? random.between(2, 200) : 1
  const chunk = input.subarray(from, Math.min(to, from + INPUT_BYTES_MOST / times))
  const copies = Array.from({ length: times }, () => chunk)
  return Buffer.concat([input.subarray(0, to), ...copies, input.subarray(to)])
}

function moveChunk(input: Buffer, random: SeededRandom): Buffer {
  const [from, to] = chunkOf(input, random)
  const rest = Buffer.concat([input.subarray(0, from), input.subarray(to)])
  const at = random.between(0, rest.length)
  return Buffer.concat([rest.subarray(0, at), input.subarray(from, to), rest.subarray(at)])
}

function splice(input: Buffer, random: SeededRandom, others: readonly Buffer[]): Buffer {
  const other = random.pick(others)
  const [from, to] = chunkOf(other, random)
  const at = random.between(0, input.length)
  const over = random.chance(0.5) ? to - from : 0
  return Buffer.concat([input.subarray(0, at), other.subarray(from, to), input.subarray(at + over)])
}

function insertNoise(input: Buffer, random: SeededRandom): Buffer {
  const noise = Buffer.alloc(random.between(1, 40))
  const fill = random.chance(0.3) ? random.pick(EDGES) & 0xff : undefined
  for (let at = 0; at < noise.length; at += 1) noise[at] = fill ?? random.between(0, 255)
  const at = random.between(0, input.length)
  return Buffer.concat([input.subarray(0, at), noise, input.subarray(at)])
}

/** More often near the start, where sizes and counts stand. */
function placeIn(input: Buffer, random: SeededRandom): number {
  const most = input.length - 1
  return random.chance(0.5) ? random.between(0, Math.min(most, 64)) : random.between(0, most)
}

function chunkOf(input: Buffer, random: SeededRandom): [from: number, to: number] {
  const from = random.between(0, input.length)
  const size = random.chance(0.7) ? random.between(1, 64) : random.between(1, 4096)
  return [from, Math.min(input.length, from + size)]
}

/** The input in random pieces, as a socket may give it; pieces of one byte now and then. */
export function splitAnywhere(input: Buffer, random: SeededRandom): Buffer[] {
  const pieces: Buffer[] = []
  const most = random.pick([1, 3, 64, 4096, 70_000])
  // Long inputs are not taken apart byte by byte all through: nothing new is found by it.
  const least = Math.min(most, Math.ceil(input.length / 2000))
  for (let at = 0; at < input.length; ) {
    const size = random.between(Math.max(1, least), Math.max(1, most, least))
    pieces.push(Buffer.from(input.subarray(at, at + size)))
    at += size
  }
  return pieces
}
