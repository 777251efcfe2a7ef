import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../../platform/testing/seeded-random.ts'
import { type StartStep, type StoreRecord, StoreStart, type Token } from './store-identity.ts'

const SEEDS = 400
const STEPS = 120

/** The key in etcd: swaps are applied late, and after the death of who sent them. */
class TokenKey {
  revision = 0
  token: Token | undefined
  swaps: { readonly compare: number; readonly token: Token }[] = []

  applyOne(random: SeededRandom): void {
    const swap = random.pick(this.swaps)
    this.swaps = this.swaps.filter((other) => other !== swap)
    if (swap.compare !== this.revision) return
    this.revision += 1
    this.token = swap.token
  }
}

/** A data directory with a process on it, or none. */
class Directory {
  record: StoreRecord
  start: StoreStart | undefined
  step: StartStep | undefined
  isRunning = false

  constructor(record: StoreRecord) {
    this.record = record
  }

  die(): void {
    this.start = undefined
    this.step = undefined
    this.isRunning = false
  }

  go(key: TokenKey, token: Token): void {
    const { step } = this
    if (this.start === undefined) {
      this.start = new StoreStart(this.record, token)
      this.step = this.start.start()
    } else if (step?.kind === 'write') {
      this.record = step.record
      this.step = this.start.written()
    } else if (step?.kind === 'read') {
      this.step = this.start.read(key)
    } else if (step?.kind === 'swap') {
      key.swaps.push({ compare: step.compare, token: step.token })
      this.step = { kind: 'read' }
    } else if (step?.kind === 'done') {
      this.isRunning = true
    }
  }
}

interface Walk {
  readonly directories: readonly Directory[]
  /** which of them came to an end of their start since the copy was made */
  readonly ran: ReadonlySet<Directory>
}

/** Starts and deaths in any order; in the middle the directory is copied, if wanted. */
function walk(
  seed: number,
  isCopied: boolean,
  change: (start: StoreStart) => void = () => {},
): Walk {
  const random = new SeededRandom(seed)
  const key = new TokenKey()
  const directories = [new Directory({ store: '1', token: undefined, intended: [] })]
  const ran = new Set<Directory>()
  const copyAt = isCopied ? random.between(0, STEPS / 2) : -1
  for (let step = 0; step < STEPS; step += 1) {
    const [first] = directories
    if (step === copyAt && first !== undefined) {
      first.die()
      directories.push(new Directory(first.record))
      ran.clear()
    }
    const directory = random.pick(directories)
    if (random.chance(0.1)) directory.die()
    else if (key.swaps.length > 0 && random.chance(0.3)) key.applyOne(random)
    else directory.go(key, `token ${step}`)
    if (directory.start !== undefined) change(directory.start)
    if (directory.isRunning) ran.add(directory)
  }
  return { directories, ran }
}

const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1)

describe('the identity of a store', () => {
  it('stays with one of two copies at most, however they start and die', () => {
    const walks = seeds.map((seed) => walk(seed, true))
    expect(walks.filter(({ ran }) => ran.size > 1)).toEqual([])
    expect(walks.filter(({ ran }) => ran.size === 1).length).toBeGreaterThan(SEEDS / 2)
  })

  it('is never lost by a process that dies at any point of its start', () => {
    const lost = seeds.filter((seed) =>
      walk(seed, false).directories.some(({ step }) => step?.kind === 'another'),
    )
    expect(lost).toEqual([])
  })

  it('would be kept by both copies if any token were taken for the own', () => {
    const believesAll = (start: StoreStart): void => {
      start.isOurs = () => true
    }
    expect(seeds.some((seed) => walk(seed, true, believesAll).ran.size > 1)).toBe(true)
  })
})
