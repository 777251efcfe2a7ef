import { afterAll, expect, test } from 'vitest'
import { allFaults } from '../cluster-faults/all-faults.ts'
import { runFaults } from '../cluster-faults/fault-run.ts'
import { endEverything } from './harness/child.ts'
import { BridgedNetwork } from './harness/network/bridged-network.ts'

afterAll(endEverything)

// Each is a kind of its own; `npm run soak -- faults` has them all.
const SELECTION = [
  'kill -9 kingbus and etcd of the leader',
  'SIGSTOP kingbus of the leader',
  'partition: the leader from the other nodes',
  'one-way: nothing of the other nodes reaches the leader',
  'the data directory of a follower wiped',
]

const obstacle = BridgedNetwork.obstacle()
if (obstacle === undefined) {
  test('a cluster on machines of its own survives a death, a hang, partitions and a lost disk', async () => {
    const faults = allFaults.filter(({ name }) => SELECTION.includes(name))
    expect(faults).toHaveLength(SELECTION.length)
    const plan = { seed: 20, rounds: faults.length, faults, replicas: 1, say: console.log }
    const { differences, committed } = await runFaults(plan)
    expect(differences).toEqual([])
    expect(committed).toBeGreaterThan(100)
  })
} else {
  console.warn(`${obstacle}: the faults of a cluster are left out`)
}
