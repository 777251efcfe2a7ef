/*
  A node whose source is replaced by other servers at the same address: by one that has the same transactions in other
  files, by one that lacks some, by one that went on without them. Store, journal, ingest, the link with its checks and
  the dumps are real; disk, network, servers and clients are simulated.
*/

import { holdingsOf } from '../../../src/ingest/index.ts'
import { messageOf, Watch } from '../../../src/lib/index.ts'
import { GtidSet } from '../../../src/mysql/index.ts'
import { SimulatedDisk } from '../../../src/platform/testing/simulated-disk.ts'
import { ProcessDied } from '../../../src/platform/testing/simulated-process.ts'
import type { DumpEnd } from '../../../src/serve/dump-request.ts'
import { trySource } from '../../../src/source/index.ts'
import { type Sabotage, SimulatedNode } from '../node.ts'
import type { SeedResult } from '../seeds.ts'
import { SourceHistory } from '../source/history.ts'
import { SourceServer } from '../source/server.ts'
import { type Pace, type SeedOptions, SteppedWorld } from '../stepped-world.ts'
import { Violation } from '../violation.ts'
import { GtidClient } from './gtid-client.ts'
import { fetch, SUCCESSORS, type Successor, succeed } from './successors.ts'
import { outOfOrder, Truth } from './truth.ts'

const PACE: Pace = { stepsMax: 3_000_000, lookMs: 5, stuck: 'the node catches up' }
/** The node has this long, in simulated time, to come to terms with another server. */
const SETTLE_MS = 180_000
/** What was on its way to the disk is there. */
const QUIET_MS = 500
const EVENT_BYTES_MOST = 30_000

export interface SourceChangeOptions extends SeedOptions {
  readonly sabotage?: Sabotage
}

/** What came from one server: all that was held at its end, and not at its beginning. */
interface Era {
  readonly history: SourceHistory
  readonly upTo: GtidSet
}

class SourceChangeWorld extends SteppedWorld {
  readonly #truth = new Truth()
  readonly #node: SimulatedNode
  readonly #eras: Era[] = []
  readonly #client: GtidClient
  /** processes of the node that have died or ended */
  readonly #ends = new Watch(0)
  #server: SourceServer
  /** all that was ever shown */
  #seen = GtidSet.empty()
  #shown: unknown
  #connectionId = 0
  #isStarting = false
  /** nothing befalls the node, and nothing is written */
  #isQuiet = false
  #isOver = false

  constructor({ sabotage = {}, ...options }: SourceChangeOptions) {
    super(options, PACE)
    const first = new SourceHistory(this.random.fork(), this.#nowSeconds, {
      eventBytesMost: EVENT_BYTES_MOST,
    })
    for (let left = this.random.between(0, 12); left > 0; left -= 1) this.#commit(first)
    this.#server = this.#serverOf(first)
    this.#node = new SimulatedNode({
      clock: this.time,
      random: this.random.fork(),
      disk: new SimulatedDisk(this.time, this.random.fork()),
      source: { connect: (clock) => this.#server.connect(clock) },
      startAt: 'oldest',
      maxSizeBytes: undefined,
      logger: this.trace.logger(),
      sabotage,
    })
    this.#client = this.#newClient('client')
  }

  async run(): Promise<Violation | undefined> {
    await this.play(this.#script(), () => this.#look())
    this.#node.die('kill')
    this.#node.release()
    return this.violation
  }

  readonly #nowSeconds = (): number => Math.floor(this.clock.nowMs() / 1000)

  get #history(): SourceHistory {
    return this.#server.history
  }

  #serverOf(history: SourceHistory): SourceServer {
    return new SourceServer(history, this.clock, this.random.fork())
  }

  #newClient(name: string): GtidClient {
    const { random, clock } = this
    return new GtidClient({ name, truth: this.#truth, clock, random: random.fork() })
  }

  /** After every step: what was shown stays. */
  #look(): void {
    const { running, failure } = this.#node
    if (this.#client.violation !== undefined) throw this.#client.violation
    if (failure !== undefined && !(failure instanceof ProcessDied)) {
      const text = failure instanceof Error ? failure.stack : messageOf(failure)
      throw new Violation('no promise of the code breaks', String(text))
    }
    const visible = running?.store.visible.value
    if (running === undefined || visible === undefined || visible === this.#shown) return
    this.#shown = visible
    const executed = running.store.executed()
    const lost = this.#seen.subtract(executed)
    if (!lost.isEmpty) {
      throw new Violation('the visible end never goes back', `${lost.toLine()} was shown`)
    }
    this.#seen = executed.clone()
  }

  async #script(): Promise<void> {
    const told = (work: Promise<void>) => work.catch((thrown: unknown) => this.bug(thrown))
    const going = [this.#tend(), this.#write(), this.#befall(), this.#read()].map(told)
    for (let left = this.random.between(2, 5); left > 0; left -= 1) {
      await this.clock.sleep(this.random.between(50, 1500))
      await this.#change(this.random.pick(SUCCESSORS))
    }
    await this.clock.sleep(this.random.between(50, 500))
    this.#isQuiet = true
    await this.#catchUp()
    await this.#checkAll()
    this.#isOver = true
    this.#client.disconnect()
    await Promise.all(going)
    await this.#node.stop()
    await this.#start()
    await this.#checkAll()
    await this.#node.stop()
  }

  /** Another server stands at the address; the old one has ended. */
  async #change(kind: Successor): Promise<void> {
    this.#isQuiet = true
    const old = this.#history
    const how = this.random.pick(['stop', 'crash'] as const)
    this.#server.shutDown(how)
    old.restart(how)
    await this.clock.sleep(QUIET_MS)
    await this.#isRunning()
    const held = this.#seen
    this.#eras.push({ history: old, upTo: held })
    const next = succeed(old, kind, this.random, this.#nowSeconds)
    this.#truth.learn(next)
    const lacking = held.subtract(next.executed())
    const missing = next.purged().subtract(held)
    this.note(`${kind}: ${next.uuid} in ${next.active.name} lacks ${lacking.toLine()}`)
    this.#server = this.#serverOf(next)
    // The old one will come back under the same server_uuid: this one must not have given GTIDs to others.
    this.#isQuiet = !missing.isEmpty || this.random.chance(0.5)
    const isRefused = !lacking.isEmpty || !missing.isEmpty
    this.count(isRefused ? `refused: ${kind}` : kind)
    if (isRefused) {
      const code = lacking.isEmpty ? 'E_SOURCE_PURGED' : 'E_SOURCE_OTHER'
      await this.#refused({ code, gtids: lacking.isEmpty ? missing : lacking }, held)
      await this.#tryServer(lacking, missing)
      await this.#remedy(old, lacking)
    } else {
      await this.#catchUp()
    }
    this.#isQuiet = false
  }

  /** Nothing is taken from a server that will not do, and why is named to the transaction. */
  async #refused(
    expected: { readonly code: string; readonly gtids: GtidSet },
    held: GtidSet,
  ): Promise<void> {
    const gtids = expected.gtids.toLine()
    const isFailed = (): boolean => this.#node.running?.link.state.value.phase === 'failed'
    if (!(await this.until(isFailed, SETTLE_MS))) {
      throw new Violation('states say what happened', `nobody is told of ${gtids}`)
    }
    const { code, reason } = this.#node.running?.link.state.value ?? {}
    const isTold = code === expected.code && reason?.includes(`: ${gtids};`) === true
    if (!isTold) throw new Violation('states say what happened', `${code}: ${reason}`)
    if (this.#seen.equals(held)) return
    const taken = this.#seen.subtract(held).toLine()
    throw new Violation(
      'states say what happened',
      `${taken} was taken from a server that will not do`,
    )
  }

  /** What `kingbus source switch --dry-run` would say. */
  async #tryServer(lacking: GtidSet, missing: GtidSet): Promise<void> {
    this.#isQuiet = true
    const running = await this.#isRunning()
    const holdings = await holdingsOf(running.journal)
    const trial = await trySource(running.sourceOptions, holdings, running.stop.signal)
    // A connection may be cut off.
    if (trial.lacking === undefined || trial.missing === undefined) return
    if (trial.lacking.equals(lacking) && trial.missing.equals(missing)) return
    const found = `lack ${trial.lacking.toLine()} and to have purged ${trial.missing.toLine()}`
    throw new Violation('states say what happened', `it is said to ${found}`)
  }

  /** The operator brings the old server back, or lets the new one get what it lacks. */
  async #remedy(old: SourceHistory, lacking: GtidSet): Promise<void> {
    if (lacking.isEmpty || this.random.chance(0.5)) {
      this.#server.shutDown('stop')
      this.#server = this.#serverOf(old)
      this.#eras.pop()
    } else {
      fetch(this.#history, old, lacking)
    }
    const running = await this.#isRunning()
    running.link.retryNow()
    const isTried = (): boolean => this.#node.running?.link.state.value.phase !== 'failed'
    await this.until(isTried, SETTLE_MS)
    await this.#catchUp()
  }

  async #catchUp(): Promise<void> {
    const wanted = this.#history.executed()
    const has = (): boolean => {
      if (this.#node.running?.link.state.value.phase === 'failed') this.#mustNotFail()
      return this.#seen.contains(wanted)
    }
    if (await this.until(has, SETTLE_MS)) return
    const state = this.#node.running?.link.state.value
    const lacking = wanted.subtract(this.#seen).toLine()
    throw new Violation(
      'the node catches up',
      `it lacks ${lacking}; ${state?.phase}: ${state?.reason}`,
    )
  }

  #mustNotFail(): void {
    const { code, reason } = this.#node.running?.link.state.value ?? {}
    throw new Violation('states say what happened', `${code}: ${reason}`)
  }

  /** All files from the first on: every transaction once, true, and in the order of the server that it came from. */
  async #checkAll(): Promise<void> {
    const running = await this.#isRunning()
    const probe = this.#newClient('probe')
    await probe.run(running.dumps, this.#nextId(), true)
    const isRead = (): boolean => probe.held.equals(this.#seen) || probe.violation !== undefined
    await this.until(isRead, SETTLE_MS)
    if (probe.violation !== undefined) throw probe.violation
    const lost = this.#seen.subtract(probe.held)
    if (!lost.isEmpty) {
      const message = `${lost.toLine()} is said to be there and is in no file`
      throw new Violation('GTIDs agree with the files', message)
    }
    this.#checkOrder(probe.gtids)
  }

  #checkOrder(gtids: readonly string[]): void {
    let before = 0
    for (const { history, upTo } of [...this.#eras, { history: this.#history, upTo: this.#seen }]) {
      const end = Number(upTo.count())
      const wrong = outOfOrder(gtids.slice(before, end), history)
      before = end
      if (wrong === undefined) continue
      const message = `${wrong} stands before what ${history.uuid} has before it`
      throw new Violation('clients are shown true bytes, in order, once', message)
    }
  }

  #nextId(): number {
    this.#connectionId += 1
    return this.#connectionId
  }

  async #isRunning(): Promise<NonNullable<SimulatedNode['running']>> {
    for (;;) {
      await this.until(() => this.#node.running !== undefined && !this.#isStarting, SETTLE_MS)
      const { running } = this.#node
      if (running !== undefined) return running
    }
  }

  async #write(): Promise<void> {
    while (!this.#isOver) {
      await this.clock.sleep(this.random.between(1, 60))
      if (this.#isQuiet || !this.#server.isUp) continue
      if (this.random.chance(0.06)) this.#history.rotate()
      for (let left = this.random.between(0, 4); left > 0; left -= 1) this.#commit(this.#history)
      this.#server.wrote()
    }
  }

  #commit(history: SourceHistory): void {
    history.commit()
    this.#truth.learn(history)
    this.count('transaction')
  }

  async #befall(): Promise<void> {
    while (!this.#isOver) {
      await this.clock.sleep(this.random.between(100, 900))
      if (this.#isQuiet) continue
      const what = this.random.pick(['kill', 'power cut', 'cut', 'client cut'] as const)
      this.note(what)
      this.count(what)
      if (what === 'cut') this.#server.cut()
      else if (what === 'client cut') this.#client.disconnect()
      else this.#die(what)
    }
  }

  #die(death: 'kill' | 'power cut'): void {
    this.#node.die(death)
    this.#client.disconnect()
    this.#ends.set(this.#ends.value + 1)
  }

  async #tend(): Promise<void> {
    while (!this.#isOver) {
      if (this.#node.running === undefined) await this.#start()
      await this.clock.sleep(5)
    }
  }

  async #start(): Promise<void> {
    this.#isStarting = true
    const death = this.#ends.changed()
    try {
      await Promise.race([this.#node.start(() => this.#die('kill')), death])
      this.count('start')
    } finally {
      this.#isStarting = false
    }
  }

  async #read(): Promise<void> {
    while (!this.#isOver) {
      await this.clock.sleep(this.random.between(1, 100))
      const { running } = this.#node
      if (running === undefined || this.#isStarting || this.#isOver) continue
      const session: Promise<DumpEnd | undefined> = this.#client.run(running.dumps, this.#nextId())
      const end = await Promise.race([session, this.#ends.changed()])
      const error = typeof end === 'object' ? end.error : undefined
      if (error === undefined || error.code === 1105) continue
      throw new Violation('clients are shown true bytes, in order, once', error.message)
    }
  }
}

export async function runSourceChange(options: SourceChangeOptions): Promise<SeedResult> {
  const world = new SourceChangeWorld(options)
  const violation = await world.run()
  const { counts, trace } = world
  return { seed: options.seed, violation, digest: trace.digest(), counts }
}
