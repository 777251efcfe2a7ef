import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { Membership } from '../../src/cluster/etcd/index.ts'
import { systemDisk } from '../../src/platform/index.ts'
import { endEverything, ServerProcess } from './harness/child.ts'
import { EtcdCluster, EtcdNode } from './harness/cluster/etcd-cluster.ts'
import { freePort } from './harness/ports.ts'
import { etcdProgram, makeRunFolder, projectFolder } from './harness/project.ts'
import { sendSignal } from './harness/signals.ts'
import { waitFor } from './harness/wait.ts'

const clusters: EtcdCluster[] = []

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()))
  await endEverything()
})

async function startCluster(size: number): Promise<EtcdCluster> {
  const cluster = await EtcdCluster.start(size)
  clusters.push(cluster)
  return cluster
}

/** A shell script in the place of etcd. */
function fakeBinary(script: string): string {
  const path = join(makeRunFolder('fake-etcd'), 'etcd')
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return path
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function waitUntilGone(pid: number): Promise<void> {
  await waitFor({ what: `process ${pid} to be gone` }, async () => !isRunning(pid))
}

describe('a member of etcd', () => {
  test('runs with the settings that it is told, whatever the environment says', async () => {
    process.env['ETCD_NAME'] = 'from-the-environment'
    process.env['ETCD_FORCE_NEW_CLUSTER'] = 'true'
    const cluster = await startCluster(3)
    delete process.env['ETCD_NAME']
    delete process.env['ETCD_FORCE_NEW_CLUSTER']
    const [first] = cluster.nodes
    const list = await first?.etcdctl('member', 'list')
    for (const { settings } of cluster.nodes) {
      expect(list).toContain(
        `started, ${settings.name}, ${settings.peerUrl}, ${settings.clientUrl}, false`,
      )
    }
    const folder = join(first?.dataDir ?? '', 'etcd-member')
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0)
    }
    const tls = first?.log.lines.find((line) => line.includes('starting with peer TLS'))
    expect(tls).toContain(`client-cert=${join(folder, 'client.pem')}`)
    expect(tls).toContain('client-cert-auth = true')
  })

  test('is started again after it was killed, at once and with what it had', async () => {
    const cluster = await startCluster(1)
    const node = cluster.node(0)
    await node.etcdctl('put', 'kept', 'yes')
    const states = node.states
    const { pid } = node
    node.signal('SIGKILL')
    await waitFor({ what: 'another process' }, async () => {
      return node.state.phase === 'ready' && node.pid !== pid
    })
    expect(states.map(({ phase }) => phase)).toEqual(['waiting', 'starting', 'starting', 'ready'])
    expect(states[0]).toMatchObject({ error: { code: 'E_ETCD_EXITED' } })
    expect(states[0]).toHaveProperty('error.message', expect.stringContaining('by SIGKILL'))
    expect(await node.etcdctl('get', 'kept', '--print-value-only')).toBe('yes\n')
  })

  test('that cannot listen is tried again with growing pauses, says why, and heals', async () => {
    const cluster = await startCluster(1)
    const node = cluster.node(0)
    await node.stop()
    const port = Number(new URL(node.settings.clientUrl).port)
    const squatter = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
    await new Promise((resolve) => squatter.once('listening', resolve))
    void node.start()
    const states = node.states
    const waits = (): string[] => {
      return states.flatMap((state) => (state.phase === 'waiting' ? [state.error.message] : []))
    }
    await waitFor({ what: 'three attempts', explain: () => node.log.tail() }, async () => {
      return waits().length >= 3
    })
    for (const why of waits()) expect(why).toMatch(/ended with code 1: .*address already in use/)
    const pauses = node.log.lines.flatMap((line) => /"pauseMs":(\d+)/.exec(line)?.slice(1) ?? [])
    expect(Number(pauses.at(-1))).toBeGreaterThanOrEqual(2 * Number(pauses[0]) * 0.99)
    await new Promise((resolve) => squatter.close(resolve))
    await node.waitForPhase('ready')
  })

  test('ends cleanly and hands its leadership over before it does', async () => {
    const cluster = await startCluster(3)
    const leader = await cluster.leader()
    const pid = leader.pid ?? 0
    await leader.stop()
    expect(leader.state.phase).toBe('stopped')
    expect(isRunning(pid)).toBe(false)
    expect(await systemDisk.isLocked(join(leader.dataDir, 'etcd-member', 'lock'))).toBe(false)
    const left = cluster.nodes.find((node) => node !== leader)
    await left?.etcdctl('put', 'after', 'it')
    const said = leader.log.lines.filter((line) => line.includes('leadership transfer'))
    expect(said.join('\n')).toMatch(/leadership transfer/)
  })

  test('that hangs is killed when the node stops', async () => {
    const node = (await startCluster(1)).node(0)
    const pid = node.pid ?? 0
    node.signal('SIGSTOP')
    const begun = performance.now()
    // EtcdNode.stop would wake it.
    const stopped = node.abort()
    await stopped
    expect(performance.now() - begun).toBeGreaterThan(4900)
    expect(isRunning(pid)).toBe(false)
  })
})

describe('what a member refuses', () => {
  async function failure(binary: string): Promise<unknown> {
    const template = (await startCluster(1)).node(0)
    const peerUrl = `https://127.0.0.1:${await freePort()}`
    const clientUrl = `https://127.0.0.1:${await freePort()}`
    const initialCluster = `n1=${peerUrl}`
    const settings = { ...template.settings, peerUrl, clientUrl, initialCluster }
    const node = new EtcdNode(settings, template.authority)
    node.binary = binary
    const thrown = await node.start()
    expect(node.state.phase).toBe('failed')
    return thrown
  }

  test('an etcd that is too old, by the version that it found', async () => {
    expect(await failure(fakeBinary('echo "etcd Version: 3.4.23"'))).toMatchObject({
      code: 'E_ETCD_BINARY',
      message: expect.stringMatching(/is etcd 3\.4\.23, .* 3\.5\.30 or later/),
    })
  })

  test.each([
    ['a program that is no etcd', () => '/bin/echo', /is no etcd/],
    ['a program that is not there', () => '/nowhere/etcd', /there is no \/nowhere\/etcd/],
    ['a program that does not run', () => fakeBinary('exit 3'), /does not run/],
  ])('%s', async (_what, binary, words) => {
    const message = expect.stringMatching(words)
    expect(await failure(binary())).toMatchObject({ code: 'E_ETCD_BINARY', message })
  })

  test('an etcd that passes over a setting', async () => {
    const real = etcdProgram('etcd')
    const forgetful = fakeBinary(
      `[ "$1" = --version ] && exec ${real} --version
       sed -i '/initial-corrupt-check/d; s/"election-timeout": 1000/"election-timeout": 1300/' "$2"
       exec ${real} "$@"`,
    )
    const { message } = (await failure(forgetful)) as Error
    expect(message).toContain('election-timeout is 1.3s instead of 1000')
    expect(message).toContain('initial-corrupt-check is false instead of true')
  })

  test('to begin anew when its data are gone, until it is a new member', async () => {
    const cluster = await startCluster(3)
    const lost = cluster.node(2)
    await lost.stop()
    rmSync(join(lost.dataDir, 'etcd'), { recursive: true })
    const thrown = await lost.start()
    expect(thrown).toMatchObject({ code: 'E_ETCD_LOST' })
    expect(existsSync(join(lost.dataDir, 'etcd'))).toBe(false)
  })
})

type Members = Awaited<ReturnType<Membership['list']>>

describe('membership', () => {
  let membership: Membership

  test('a lost member is removed and replaced by a learner that is promoted', async () => {
    const cluster = await startCluster(3)
    membership = new Membership(await cluster.client())
    const gone = cluster.node(2)
    const listed = (await membership.list()).find(({ name }) => name === gone.settings.name)
    const left = await made(
      () => membership.remove(listed?.id ?? ''),
      (all) => !all.some(({ id }) => id === listed?.id),
    )
    expect(left).toHaveLength(2)
    await gone.waitForPhase('removed')

    const peerUrl = `https://127.0.0.1:${await freePort()}`
    const grown = await made(
      () => membership.addLearner([peerUrl]),
      (all) => all.some(({ peerUrls }) => peerUrls.includes(peerUrl)),
    )
    expect(grown).toHaveLength(3)
    const urls = grown.map(({ name, peerUrls }) => `${name || 'n4'}=${peerUrls[0]}`)
    const settings = {
      ...gone.settings,
      name: 'n4',
      peerUrl,
      clientUrl: `https://127.0.0.1:${await freePort()}`,
      initialCluster: urls.join(','),
      initialClusterState: 'existing' as const,
    }
    const fresh = new EtcdNode(settings, cluster.authority)
    void fresh.start()
    await fresh.waitForPhase('ready')
    const learner = grown.find(({ peerUrls }) => peerUrls.includes(peerUrl))?.id ?? ''
    await made(
      () => membership.promote(learner),
      (all) => all.some(({ id, isLearner }) => id === learner && !isLearner),
    )
    await fresh.etcdctl('put', 'by', 'n4')
    await fresh.stop()
  })

  /**
   * The list when a change shows in it. etcd refuses changes for a while after a member came or went, and when its
   * leader changes meanwhile the answer is lost.
   */
  async function made(
    change: () => Promise<{ kind: 'answered' | 'unknown' }>,
    shows: (all: Members) => boolean,
  ): Promise<Members> {
    let last: unknown
    const patience = { what: 'a change of members', explain: () => String(last) }
    return await waitFor(patience, async () => {
      try {
        await change()
      } catch (thrown) {
        last = thrown
        expect(thrown).toMatchObject({ code: 'E_ETCD_REFUSED' })
      }
      const all = await membership.list()
      return shows(all) ? all : undefined
    })
  }
})

describe('an etcd that outlives its node', () => {
  /** A supervisor in a process of its own, with one member; that member's pid. */
  async function startSupervisor(node: EtcdNode): Promise<{ node: ServerProcess; etcd: number }> {
    const supervisor = new ServerProcess({
      program: process.execPath,
      args: ['--import', 'tsx', join(projectFolder, 'test/e2e/harness/cluster/etcd-supervisor.ts')],
      logFile: join(node.dataDir, 'supervisor.log'),
      env: { SUPERVISED: JSON.stringify({ settings: node.settings, dataDir: node.dataDir }) },
    })
    const patience = { what: 'the supervised etcd', explain: () => supervisor.logTail() }
    const etcd = await waitFor(patience, async () => {
      return Number(/ready (\d+)/.exec(supervisor.logTail())?.[1] ?? 0) || undefined
    })
    return { node: supervisor, etcd }
  }

  test.each([
    ['is ended, and another one started', 'SIGCONT' as const, 0],
    ['is killed when it hangs', 'SIGSTOP' as const, 4900],
  ])('%s', async (_what, signal, leastMs) => {
    const node = (await startCluster(1)).node(0)
    await node.etcdctl('put', 'kept', 'yes')
    await node.stop()
    const { node: supervisor, etcd } = await startSupervisor(node)
    sendSignal(etcd, signal)
    await supervisor.end('SIGKILL')
    expect(isRunning(etcd)).toBe(true)

    const begun = performance.now()
    void node.start()
    await node.waitForPhase('ready')
    expect(performance.now() - begun).toBeGreaterThan(leastMs)
    expect(node.pid).not.toBe(etcd)
    await waitUntilGone(etcd)
    expect(node.log.lines.join('\n')).toContain(`{"pids":[${etcd}]}`)
    expect(await node.etcdctl('get', 'kept', '--print-value-only')).toBe('yes\n')
  })

  test('has its lock, so that a second supervisor cannot start another beside it', async () => {
    const node = (await startCluster(1)).node(0)
    const lock = join(node.dataDir, 'etcd-member', 'lock')
    expect(await systemDisk.isLocked(lock)).toBe(true)
    await node.stop()
    expect(await systemDisk.isLocked(lock)).toBe(false)
  })
})
