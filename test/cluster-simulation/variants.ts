import { added, Follower, grown, keyOf, Leader, shrunk } from '../../src/cluster/index.ts'
import { original, type Planted, replace } from './planted.ts'

const takeOffer = original(Follower, 'takeOffer')
const join = original(Leader, 'join')
const nextState = original(Leader, 'nextState')

export interface Variant extends Planted {
  readonly name: string
}

/** More than the rules need for safety or liveness: without it everything must pass all the same. */
export const VARIANTS: readonly Variant[] = [
  {
    name: 'rule 5: the follower promises before it cuts',
    methods: replace(Follower, {
      takeOffer(offer) {
        if (this.accepts(offer.epoch)) this.context.facts.promise(offer.epoch)
        takeOffer.call(this, offer)
      },
    }),
  },
  {
    name: 'rule 9: only grow and shrink, never both in one write',
    methods: replace(Leader, {
      nextState() {
        const standing = this.standing()
        return grown(standing) ?? shrunk({ ...standing, isReady: () => false })
      },
    }),
  },
  {
    name: 'rule 6: reports outlive their stream, in the epoch and for the same store',
    methods: replace(Leader, {
      join(stream, message) {
        const end = this.peers.get(keyOf(message.member))?.end
        join.call(this, stream, message)
        const peer = this.peers.get(keyOf(message.member))
        if (peer !== undefined) peer.end = end
      },
      drop(peer) {
        this.streams.delete(peer.stream)
        this.context.decide({ kind: 'close', stream: peer.stream })
      },
    }),
  },
  {
    name: 'rule 3: no epoch-start record',
    methods: replace(Leader, { appendStart() {} }),
  },
  {
    name: 'rule 12: any number of voters is added by one write',
    methods: replace(Leader, {
      nextState() {
        const standing = this.standing()
        let { state } = standing
        for (const { member } of this.peers.values()) {
          state = added({ ...standing, state }, member) ?? state
        }
        if (state === standing.state) return nextState.call(this)
        return { ...state, version: standing.state.version + 1 }
      },
    }),
  },
]
