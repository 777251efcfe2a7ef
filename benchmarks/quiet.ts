import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { pause } from '../test/e2e/harness/wait.ts'

/** What else the machine did before a group of measurements. */
export interface Quietness {
  readonly load1: number
  /** share of all cores that was idle in the last second (`--no-wait`: a tenth of one) */
  readonly idle: number
  readonly waitedSeconds: number
}

const sampleMs = 1000
/** Enough to tell where nobody is to wait. */
const glanceMs = 100
const idleLeast = 0.93
/** Of one whole run: a machine that is never quiet costs this once, not before every group. */
const waitMsMost = 90_000

interface CpuTicks {
  readonly idle: number
  readonly all: number
}

/** Waiting for the disk counts as idle. */
function cpuTicks(): CpuTicks {
  const line = readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  const fields = line.split(/\s+/).slice(1, 9).map(Number)
  const all = fields.reduce((sum, each) => sum + each, 0)
  return { idle: (fields[3] ?? 0) + (fields[4] ?? 0), all }
}

async function idleShare(overMs: number): Promise<number> {
  const before = cpuTicks()
  await pause(overMs)
  const after = cpuTicks()
  return (after.idle - before.idle) / (after.all - before.all)
}

/** Waits before each group until the machine has nothing else to do; not for ever. */
export class QuietGate {
  readonly #say: (text: string) => void
  #waitMsLeft: number

  constructor(wait: boolean, say: (text: string) => void) {
    this.#say = say
    this.#waitMsLeft = wait ? waitMsMost : 0
  }

  async pass(): Promise<Quietness> {
    const began = performance.now()
    let idle = await idleShare(this.#waitMsLeft > 0 ? sampleMs : glanceMs)
    if (idle < idleLeast && this.#waitMsLeft > 0) {
      this.#say(`waiting for a quiet machine (${Math.round(idle * 100)} % of it is idle)`)
    }
    while (idle < idleLeast && this.#waitMsLeft > 0) {
      idle = await idleShare(sampleMs)
      this.#waitMsLeft -= sampleMs
      if (this.#waitMsLeft <= 0) this.#say('it does not become quiet; no more waiting in this run')
    }
    const load1 = loadavg()[0] ?? Number.NaN
    const waitedSeconds = Math.round((performance.now() - began) / 1000)
    return { load1, idle, waitedSeconds }
  }
}

/** Whether figures that were taken then can be trusted. */
export function wasQuiet({ idle }: Quietness): boolean {
  return idle >= idleLeast
}
