import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { fileDifference, serverDifferences } from './harness/compare.ts'
import { readCompose } from './harness/compose/compose-file.ts'
import { Container } from './harness/compose/container.ts'
import { HostNetwork } from './harness/compose/host-network.ts'
import { readImage } from './harness/compose/image.ts'
import { startMysqlService } from './harness/compose/mysql-service.ts'
import { Load } from './harness/load.ts'
import type { Mysqld } from './harness/mysqld.ts'
import { NetworkNamespace } from './harness/namespace.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

/*
  docker-compose.yml without a container engine: what it gives to each service, as machines of their own in network
  namespaces that are joined by a bridge.
*/

const variables = {
  CLUSTER_SECRET: randomBytes(32).toString('base64'),
  SOURCE_PASSWORD: randomBytes(8).toString('hex'),
  REPLICA_PASSWORD: randomBytes(8).toString('hex'),
}

interface ClusterAnswer {
  readonly leader: string | null
  readonly nodes: readonly { readonly name: string; readonly role: string }[]
}

function playComposeFile(): void {
  const services = readCompose(variables)
  const image = readImage()
  const nodes = new Map<string, Container>()
  let network: HostNetwork
  let source: Mysqld
  let replica: Replica

  beforeAll(() => {
    network = new HostNetwork(services.map(({ name }) => name))
  })
  afterAll(endEverything)

  function node(name: string): Container {
    const found = nodes.get(name)
    if (found === undefined) throw new Error(`there is no node ${name}`)
    return found
  }

  async function mysql(name: string, serverId: number): Promise<Mysqld> {
    const service = services.find((one) => one.name === name)
    if (service === undefined) throw new Error(`there is no service ${name}`)
    return await startMysqlService(service, serverId, network.namespaceOf(name))
  }

  /** The cluster as a node sees it, by the command that a user of the containers has. */
  async function clusterAt(name: string): Promise<ClusterAnswer> {
    const command = ['kingbus', 'cluster', 'status', '--json']
    // It ends with 1 when nobody leads, and prints the same.
    const text = await node(name)
      .execute(['sh', '-c', `${command.join(' ')} || true`])
      .catch(() => '{"leader":null,"nodes":[]}')
    return JSON.parse(text) as ClusterAnswer
  }

  async function roles(name: string, wanted: readonly string[]): Promise<ClusterAnswer> {
    let last: ClusterAnswer | undefined
    const explain = (): string => `but ${JSON.stringify(last)}\n${node(name).logTail()}`
    const patience = { what: `the roles ${wanted.join()}`, timeoutMs: 60_000, stepMs: 200, explain }
    return await waitFor(patience, async () => {
      last = await clusterAt(name)
      const seen = last.nodes.map(({ role }) => role).toSorted()
      return seen.join() === wanted.toSorted().join() ? last : undefined
    })
  }

  async function expectTheSameFiles(): Promise<void> {
    const last = (await source.binlogs()).at(-1)
    for (const [name, container] of nodes) {
      const binlogs = join(container.volume(name), 'binlogs')
      const patience = { what: `the end of ${last?.name} on ${name}` }
      await waitFor(patience, async () => {
        const held = readdirSync(binlogs).includes(last?.name ?? '')
        return (
          held &&
          fileDifference(join(binlogs, last?.name ?? ''), last?.path ?? '', false) === undefined
        )
      })
      for (const file of await source.binlogs()) {
        expect(
          fileDifference(join(binlogs, file.name), file.path, false),
          file.name,
        ).toBeUndefined()
      }
    }
  }

  test('three nodes become healthy by themselves, and one leads', async () => {
    for (const service of services.filter(({ profiles }) => profiles.length === 0)) {
      const namespace = network.namespaceOf(service.name)
      nodes.set(service.name, new Container({ image, service, namespace }))
    }
    expect([...nodes.keys()]).toEqual(['node1', 'node2', 'node3'])
    for (const container of nodes.values()) container.start()
    await Promise.all([...nodes.values()].map((container) => container.healthy()))
    await roles('node3', ['leader', 'in-sync', 'in-sync'])
  })

  test('the source of the demo arrives at its replica, in the same bytes on all nodes', async () => {
    source = await mysql('source', 1)
    const load = await Load.start(source, { seed: 41 })
    replica = new Replica(await mysql('replica', 2))
    await waitFor({ what: 'a load' }, async () => load.committed > 200)
    await load.stop()
    await replica.catchUpWith(source)
    expect(await serverDifferences(source, replica.server)).toEqual([])
    await expectTheSameFiles()
  })

  test('the leader’s cable is pulled under load: another leads, and it is one of them when it is back', async () => {
    const { leader } = await roles('node2', ['leader', 'in-sync', 'in-sync'])
    const others = [...nodes.keys()].filter((name) => name !== leader)
    const [witness = ''] = others
    const load = await Load.start(source, { seed: 42, schema: 'cable' })
    await waitFor({ what: 'a load' }, async () => load.committed > 100)
    network.pullCable(leader ?? '')
    const after = await roles(witness, ['away', 'in-sync', 'leader'])
    expect(others).toContain(after.leader)
    const { committed } = load
    await waitFor({ what: 'more of it' }, async () => load.committed > committed + 100)
    network.plugIn(leader ?? '')
    await roles(witness, ['leader', 'in-sync', 'in-sync'])
    await load.stop()
    await replica.catchUpWith(source, 60_000)
    expect(await serverDifferences(source, replica.server)).toEqual([])
    await expectTheSameFiles()
    await Promise.all([...nodes.values()].map((container) => container.stop()))
  })
}

// Only root may make namespaces; the file itself is looked at by test/project/container.test.ts everywhere.
if (NetworkNamespace.isPossible()) {
  describe('the compose file, as machines in namespaces', playComposeFile)
} else {
  test('the compose file names three nodes', () => {
    console.warn('not root or no `ip`: the services of docker-compose.yml are not run')
    expect(readCompose(variables).filter(({ profiles }) => profiles.length === 0)).toHaveLength(3)
  })
}
