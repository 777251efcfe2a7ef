import { expect, test } from 'vitest'
import { silentLogger, Watch } from '../../../lib/index.ts'
import { systemClock, systemRandom } from '../../../platform/index.ts'
import type { NodeRecord, Register } from '../../etcd/index.ts'
import type { ClusterState } from '../../protocol/state/cluster-state.ts'
import { awaitState } from './bootstrap.ts'

/** @param ends the end of each node's log, by its name, as etcd shows them */
async function begin(ends: Readonly<Record<string, number>>): Promise<ClusterState | undefined> {
  let state: ClusterState | undefined
  const register = {
    state: { read: async () => state },
    async bootstrap(first: ClusterState) {
      state = first
    },
  }
  const names = Object.keys(ends)
  const record = (name: string): NodeRecord => {
    const peerUrl = `http://${name}:3391`
    return { store: `store of ${name}`, incarnation: 1, version: '1', peerUrl, end: ends[name] }
  }
  const options = {
    register: register as unknown as Register,
    nodes: new Watch(new Map(names.map((name) => [name, record(name)]))),
    first: new Map(names.map((name) => [name, { peerUrl: `http://${name}`, isObserver: false }])),
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  }
  await awaitState(options, new AbortController().signal)
  return state
}

test('a node that has files, as after an import, begins a cluster alone', async () => {
  expect((await begin({ a: 900 }))?.voters.map(({ node }) => node)).toEqual(['a'])
})

test('nodes without files begin together', async () => {
  expect((await begin({ a: 0, b: 0, c: 0 }))?.inSync).toHaveLength(3)
})

test('of nodes that begin together none may have files, as after an import into one of them', async () => {
  await expect(begin({ a: 0, b: 900, c: 0 })).rejects.toMatchObject({
    code: 'E_CLUSTER_NOT_EMPTY',
    message: expect.stringMatching(/^b has binlogs already: begin .* with that node alone/),
  })
})
