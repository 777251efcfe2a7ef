/*
  Violations planted into the protocol, one for each part of its rules: a check that does not notice its violation
  checks nothing. A method of one of the protocol's classes is replaced by a wrong one, or what stands around it
  is made wrong. docs/internals/testing.md lists them.
*/
import {
  Candidate,
  Facts,
  Follower,
  isMember,
  keyOf,
  Leader,
  type Message,
  ProtocolNode,
  Register,
  Removals,
  without,
  withSets,
} from '../../src/cluster/index.ts'
import type { Checker } from '../simulation/violation.ts'
import type { Stream } from './network.ts'
import { original, type Planted, replace } from './planted.ts'
import type { World } from './world.ts'

export interface PlantedViolation extends Planted {
  readonly name: string
  /** of docs/internals/cluster.md; `etcd` is its part on the register */
  readonly rule: string
  readonly caughtBy: readonly Checker[]
  /** a seed that shows it, tried first */
  readonly seed: number
}

const LOST: Checker = 'committed records are on every in-sync store'
const REPLACED: Checker = 'what is committed is never replaced'
const APART: Checker = 'logs with the same record are the same up to it'
const WHOLE: Checker = 'the transactions come once, in order, whole'
const SHOWN: Checker = 'what is shown is committed'
const ACKNOWLEDGED: Checker = 'an acknowledgement is for what is committed'
const REMOVED: Checker = 'bytes go by what is committed'
const BROKEN: Checker = 'no promise of the code breaks'
const STANDS: Checker = 'ingest goes on'

const takeOffer = original(Follower, 'takeOffer')
const append = original(Follower, 'append')
const takenOver = original(Candidate, 'takenOver')
const begin = original(Leader, 'begin')
const nextState = original(Leader, 'nextState')

/** The promise is whatever was accepted last. */
const promisesAnything = replace(Facts, {
  promise(epoch) {
    this.now = { ...this.now, promised: epoch }
    this.write()
  },
})

/** How the log ended when a take-over was sent. */
const endsAtWrite = new WeakMap<object, number>()

/** A report of a stream that is closed here counts as if it were open. */
function believeDeadReport(world: World, stream: Stream, message: Message): void {
  const { leader } = world.node(stream.leader.node).core ?? {}
  if (message.kind !== 'report' || leader === undefined) return
  const { member } = world.node(stream.follower.node)
  const peer = leader.peers.get(keyOf(member))
  const { end, round } = message
  if (peer === undefined) {
    leader.peers.set(keyOf(member), { member, stream: 0, point: undefined, end, round })
  } else {
    peer.end = end
  }
}

const COMMITTING: readonly PlantedViolation[] = [
  {
    name: 'while a change is in flight only the set of before is counted',
    rule: '7',
    caughtBy: [LOST],
    seed: 150,
    methods: replace(Leader, {
      counted() {
        return this.base.inSync
      },
    }),
  },
  {
    name: 'a removed node is not counted from the moment the write is sent',
    rule: '9',
    caughtBy: [LOST],
    seed: 1,
    methods: replace(Leader, {
      counted() {
        return (this.tried.at(-1) ?? this.base).inSync
      },
    }),
  },
  {
    name: 'a read that shows the compared revision settles a write',
    rule: 'etcd',
    caughtBy: [LOST],
    seed: 1853,
    methods: replace(Register, { hasMoved: () => true }),
  },
  {
    name: 'writes of the state do not compare',
    rule: 'etcd',
    caughtBy: ['one leader per epoch', LOST, APART, REPLACED],
    seed: 1,
    sabotage: { comparesNothing: true },
  },
  {
    name: 'grow looks at the committed end only',
    rule: '8',
    caughtBy: [LOST, REPLACED],
    seed: 49,
    methods: replace(Leader, {
      readyEnd() {
        return Math.max(this.committed, 1)
      },
    }),
  },
  {
    name: 'grow looks at the end at the beginning of the epoch only',
    rule: '8',
    caughtBy: [LOST],
    seed: 1,
    methods: replace(Leader, {
      readyEnd() {
        return Math.max(this.startEnd, 1)
      },
    }),
  },
  {
    name: 'nothing ever grows again',
    rule: '8',
    caughtBy: [STANDS],
    seed: 6,
    methods: replace(Leader, { isReady: () => false }),
  },
  {
    name: 'in-sync shrinks below a majority of the voters',
    rule: '9',
    caughtBy: ['in-sync is a majority of the voters'],
    seed: 2,
    methods: replace(Leader, {
      nextState() {
        const { self, state, isSilent } = this.standing()
        const others = state.inSync.filter((member) => keyOf(member) !== keyOf(self))
        const silent = others.find((member) => isSilent(member))
        if (silent === undefined) return nextState.call(this)
        return withSets(state, { voters: state.voters, inSync: without(state.inSync, silent) })
      },
    }),
  },
  {
    name: 'the leader counts its own records before they are synced',
    rule: '7',
    caughtBy: [LOST],
    seed: 14,
    methods: replace(Leader, {
      ownEnd() {
        return this.context.log.written
      },
    }),
  },
]

const LEADING: readonly PlantedViolation[] = [
  {
    name: 'any voter takes over',
    rule: '1',
    caughtBy: [LOST, REPLACED, 'in-sync is a majority of the voters'],
    seed: 56,
    methods: replace(Candidate, {
      mayTakeOver(state) {
        return isMember(this.context.self, state.voters)
      },
      takenOver(state) {
        const next = takenOver.call(this, state)
        const { self } = this.context
        const isIn = isMember(self, next.inSync)
        return isIn ? next : { ...next, inSync: [...next.inSync, self] }
      },
    }),
  },
  {
    name: 'it leads when the write has succeeded, and goes on following',
    rule: '1',
    caughtBy: [LOST, APART, REPLACED, BROKEN],
    seed: 20,
    methods: [
      ...replace(Candidate, {
        proceed() {
          const { won } = this
          if (won !== undefined) this.giveUp()
          return won
        },
      }),
      ...replace(ProtocolNode, { leavesOld() {} }),
    ],
  },
  {
    name: 'it leads an epoch that it won although it has accepted a higher one',
    rule: '1',
    caughtBy: [LOST, APART, REPLACED, BROKEN],
    seed: 1712,
    methods: [...replace(Candidate, { mayPromise: () => true }), ...promisesAnything],
  },
  {
    name: 'a leader that restarts goes on in its epoch',
    rule: '1',
    caughtBy: [APART, REPLACED, LOST],
    seed: 50,
    sabotage: {
      afterStart({ member, incarnation }, core, { etcd }) {
        const { state, revision } = etcd
        const was = { ...member, incarnation: incarnation - 1 }
        const { leader } = state
        const isOwn = leader !== undefined && keyOf(leader) === keyOf(was)
        if (!isOwn || leader.incarnation !== was.incarnation) return
        if (core.context.facts.now.promised !== state.epoch) return
        core.leader = new Leader(core.context, { state, revision })
      },
    },
  },
  {
    name: 'the beginning of the epoch is taken to be when the take-over is sent',
    rule: '8',
    caughtBy: [LOST, REPLACED],
    seed: 1344,
    methods: [
      ...replace(Candidate, {
        takenOver(state) {
          endsAtWrite.set(this.context, this.context.log.written)
          return takenOver.call(this, state)
        },
      }),
      ...replace(Leader, {
        begin() {
          const end = endsAtWrite.get(this.context) ?? this.startEnd
          this.startEnd = Math.min(end, this.startEnd)
          begin.call(this)
        },
      }),
    ],
  },
]

const FOLLOWING: readonly PlantedViolation[] = [
  {
    name: 'records of a lower epoch are taken and reported',
    rule: '4',
    caughtBy: [LOST, REPLACED, APART],
    seed: 328,
    methods: [
      ...replace(Follower, { accepts: () => true, hasPromised: () => true }),
      ...replace(ProtocolNode, { isDeposedBy: () => false }),
      ...promisesAnything,
    ],
  },
  {
    name: 'the promise is not durable',
    rule: '4',
    caughtBy: [LOST, REPLACED, APART],
    seed: 14081,
    sabotage: {
      afterDeath({ store }) {
        store.facts = { ...store.facts, promised: 0 }
      },
    },
  },
  {
    name: 'the follower compares lengths, not lineages',
    rule: '5',
    caughtBy: [APART, REPLACED, LOST, SHOWN, REMOVED],
    seed: 1,
    methods: [
      ...replace(Leader, {
        shared(lineage) {
          const sequence = Math.min(lineage.at(-1)?.sequence ?? 0, this.context.log.written)
          return { epoch: 0, sequence }
        },
      }),
      ...replace(Follower, { agrees: () => true }),
    ],
  },
  {
    name: "the leader's committed end is believed before the own log is cut",
    rule: '5, 10',
    caughtBy: [SHOWN],
    seed: 14,
    methods: replace(Follower, {
      takeOffer(offer) {
        this.context.facts.hear(offer.committed)
        takeOffer.call(this, offer)
      },
    }),
  },
  {
    name: 'the end that is reported is what is written',
    rule: '6',
    caughtBy: ['a report speaks of what is durable'],
    seed: 1,
    methods: replace(Follower, {
      reportedEnd() {
        return this.context.log.written
      },
      append(message) {
        append.call(this, message)
        this.report()
      },
    }),
  },
  {
    name: 'reports of dead streams count',
    rule: '6',
    caughtBy: [LOST, REPLACED],
    seed: 200,
    methods: replace(Leader, {
      drop(peer) {
        this.streams.delete(peer.stream)
        this.context.decide({ kind: 'close', stream: peer.stream })
      },
    }),
    sabotage: { lateMessage: believeDeadReport },
  },
  {
    name: 'records are taken before the log is cut to what is shared',
    rule: '5',
    caughtBy: [REMOVED, APART, LOST, BROKEN],
    seed: 6,
    methods: replace(Follower, {
      cut() {
        this.promise()
      },
    }),
  },
]

const SHOWING: readonly PlantedViolation[] = [
  {
    name: 'all that is durable is shown',
    rule: '10',
    caughtBy: [SHOWN],
    seed: 1,
    methods: replace(ProtocolNode, {
      showable() {
        return this.context.log.durable
      },
    }),
  },
  {
    name: 'what is committed is shown before it is durable',
    rule: '10',
    caughtBy: ['what was shown stays', SHOWN],
    seed: 2,
    methods: replace(ProtocolNode, {
      showable() {
        const { log, facts } = this.context
        return Math.min(log.written, facts.now.known)
      },
    }),
  },
  {
    name: 'the inside of a transaction is shown',
    rule: '10',
    caughtBy: ['what is shown is whole'],
    seed: 2,
    sabotage: { boundaryAt: (store, sequence) => store.header(sequence)?.end ?? 0 },
  },
]

const TRANSACTIONS: readonly PlantedViolation[] = [
  {
    name: 'bytes go when the cut arrives',
    rule: '14',
    caughtBy: [REMOVED],
    seed: 7,
    methods: replace(Removals, {
      isCommitted: () => true,
      isKept({ sequence }) {
        return this.context.log.durable >= sequence
      },
    }),
  },
  {
    name: 'bytes go before the own copy of the cut is synced',
    rule: '14',
    caughtBy: [REMOVED, LOST],
    seed: 1232,
    methods: replace(Removals, {
      isKept({ sequence }) {
        return this.context.facts.durable.known >= sequence
      },
    }),
  },
  {
    name: 'bytes go on behind a cut that is not committed',
    rule: '14',
    caughtBy: [WHOLE, REMOVED, ACKNOWLEDGED],
    seed: 3,
    methods: [
      ...replace(Leader, {
        get takesBytes() {
          return this.isLinked
        },
        isWhole: () => true,
        isAllCommitted: () => true,
      }),
    ],
    sabotage: {
      beforeAppend(store, { kind }) {
        const cut = store.headers.findLast((header) => header.kind === 'cut')
        if (kind !== 'bytes' || cut === undefined || cut.sequence <= store.removedUpTo) return
        store.remove({ kind: 'cut', sequence: cut.sequence, floor: 0 })
      },
    },
  },
  {
    name: 'half a transaction is gone on with',
    rule: '14',
    caughtBy: [ACKNOWLEDGED],
    seed: 7,
    methods: replace(Leader, { needsCut: () => false, isWhole: () => true }),
  },
  {
    name: 'bytes behind a cut do not prove that it is committed',
    rule: '14',
    caughtBy: [STANDS],
    seed: 3696,
    methods: replace(Follower, { proveCommitted() {} }),
  },
  {
    name: 'the source is told before the commit',
    rule: '15',
    caughtBy: [ACKNOWLEDGED],
    seed: 2,
    methods: replace(Leader, {
      acknowledgeable() {
        return this.context.log.written
      },
    }),
  },
  {
    name: 'a dump is asked for before everything before it is committed',
    rule: '15',
    caughtBy: [ACKNOWLEDGED],
    seed: 3,
    methods: replace(Leader, { isAllCommitted: () => true }),
  },
  {
    name: 'a dump is asked for before every counted node has answered',
    rule: '15',
    caughtBy: ['the source is asked by the newest leader'],
    seed: 4616,
    methods: replace(Leader, { isAnswered: () => true }),
  },
]

const MEMBERSHIP: readonly PlantedViolation[] = [
  {
    name: 'a node is known by its name only, so a wiped store counts',
    rule: '13',
    caughtBy: [LOST, REPLACED],
    seed: 18,
    sabotage: { keepsStoreId: true },
  },
]

const REMEMBERING: readonly PlantedViolation[] = [
  {
    name: 'whatever etcd shows is believed',
    rule: '11',
    caughtBy: ['a register that went back stops the node'],
    seed: 1,
    methods: replace(Register, { contradicts: () => false }),
  },
]

export const PLANTED_VIOLATIONS: readonly PlantedViolation[] = [
  ...LEADING,
  ...FOLLOWING,
  ...COMMITTING,
  ...SHOWING,
  ...REMEMBERING,
  ...MEMBERSHIP,
  ...TRANSACTIONS,
]
