import { afterEach, expect, test } from 'vitest'
import { beginToWait, startWaitingSource } from '../crashes/world/waiting-source.ts'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { compareBinlogs } from './harness/compare.ts'
import { OwnDisk } from './harness/disks/own-disk.ts'
import { ThinDisk } from './harness/disks/thin-disk.ts'
import type { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { AckChecker } from './harness/semi-sync/ack-checker.ts'
import { ProcessTrace } from './harness/semi-sync/process-trace.ts'
import { waitFor } from './harness/wait.ts'

afterEach(endEverything)

/** A node whose disk fails is given up by the others within this time. */
const OTHERS_GO_ON_MS = 30_000
const COMES_BACK_MS = 60_000

const obstacle = await OwnDisk.obstacle()
if (obstacle === undefined) {
  test('a cluster goes on without a node whose disk fails, and has it again when the disk is well', async () => {
    const source = await startWaitingSource()
    const disks = [1, 2, 3].map((number) => new ThinDisk(`node${number}`))
    const traces = disks.map(() => new ProcessTrace())
    const checker = await AckChecker.start({ port: source.port, traces, nodes: 2 })
    const cluster = await KingbusCluster.start({
      source,
      sourceUrl: checker.sourceUrl,
      flags: { 'source-semi-sync': 'true', 'source-tls': 'disabled', 'disk-min-free': '1' },
      disks: disks.map(({ folder }) => folder),
      envs: traces.map(({ env }) => env),
    })
    await cluster.catchUpWith(source)
    await beginToWait(source)
    const load = await Load.start(source, { seed: 91, restMs: 5, bigShare: 0.01 })
    const expectMore = async (): Promise<void> => {
      const goal = load.committed + 20
      await waitFor({ what: 'commits', timeoutMs: OTHERS_GO_ON_MS }, async () => {
        expect(checker.violations).toEqual([])
        return load.committed >= goal
      })
    }
    const leader = await cluster.leader()
    const follower = cluster.nodes.find((node) => node !== leader)
    for (const sick of [leader, follower ?? leader]) {
      await expectMore()
      const disk = disks[cluster.nodes.indexOf(sick)]
      disk?.exhaust()
      // Its disk may never be asked to store a record again: where its etcd ends first, it takes no part.
      const healthy = cluster.nodes.find((node) => node !== sick)
      const name = cluster.nameOf(cluster.nodes.indexOf(sick))
      const what = `${name} to take no part`
      await waitFor({ what, timeoutMs: OTHERS_GO_ON_MS }, async () => {
        const { leader: leads, nodes } = await cluster.status(healthy)
        const isCounted = nodes.some((node) => node.name === name && node.role === 'in-sync')
        return leads !== null && leads !== name && !isCounted
      })
      await expectMore()
      expect(await cluster.leader()).not.toBe(sick)
      const { gtidExecuted } = await sick.status()
      expect(gtidExecuted).not.toBe('')
      disk?.makeRoom()
      await waitForDisk(sick, 'ok')
      await waitFor({ what: 'the node to be in sync', timeoutMs: COMES_BACK_MS }, async () => {
        const { nodes } = await cluster.status(await cluster.leader())
        return nodes.some((node) => node.name === name && node.role === 'in-sync')
      })
    }
    await expectMore()
    await load.stop()
    await cluster.catchUpWith(source)
    for (const node of cluster.nodes) {
      expect((await compareBinlogs(source, node)).differences).toEqual([])
    }
    expect(checker.violations).toEqual([])
  }, 150_000)
} else {
  test.skip(`${obstacle}: the disks of a cluster's nodes`)
  console.warn(`${obstacle}: the disks of a cluster's nodes are left out`)
}

async function waitForDisk(node: Kingbus, state: string): Promise<void> {
  const explain = (): string => node.logTail()
  const what = `the disk to be ${state}`
  await waitFor({ what, timeoutMs: COMES_BACK_MS, explain }, async () => {
    return ((await node.status())['disk'] as { readonly state: string }).state === state
  })
}
