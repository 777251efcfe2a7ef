import { keyOf } from '../../src/cluster/index.ts'
import { Violation } from '../simulation/violation.ts'
import type { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

/** So long after the last fault, in simulated time, everybody has everything. */
const CATCH_UP_MS = 90_000

/** The last faults are over: ingest goes on, and everybody comes to have everything. */
export async function calm(world: World): Promise<void> {
  world.note('-- calm --')
  heal(world)
  const { history } = world.source
  history.commit()
  world.source.wrote()
  const isDone = (): boolean => hasAll(world) && isQuiet(world)
  if (!(await world.until(isDone, CATCH_UP_MS))) {
    throw new Violation('ingest goes on', describe(world))
  }
  for (const node of world.nodes) await world.witness.readAll(node)
}

function heal({ nodes, network, register, source }: World): void {
  for (const node of nodes) {
    node.isHeldDown = false
    node.disk.comeBack()
    node.disk.disarm()
    node.disk.freeBytes = Number.POSITIVE_INFINITY
    node.disk.isReadOnly = false
    node.disk.answerAgain()
    node.process?.clock.resume()
  }
  network.healAll()
  register.cutOff.clear()
  source.isUp = true
}

/** Every node shows the end of the source, or of what is committed when the source has lost that. */
function hasAll({ nodes, source, witness }: World): boolean {
  const { active } = source.history
  const end = witness.isRefused ? witness.place : { file: active.name, position: active.size }
  return nodes.every(({ log }) => {
    const visible = log?.visible.value
    return visible?.file === end?.file && visible?.position === end?.position
  })
}

/** All wanted nodes are voters, and all voters are in-sync. */
function isQuiet({ nodes, etcd }: World): boolean {
  const { inSync } = etcd.state
  const names = new Set(inSync.map(keyOf))
  return nodes.every((node) => names.has(keyOf(node.member)))
}

function describe({ nodes, source, etcd, witness }: World): string {
  const { active } = source.history
  const end = witness.isRefused ? witness.place : { file: active.name, position: active.size }
  const states = nodes.map((node: SimulatedNode) => {
    const { driver, log, process } = node
    const visible = log?.visible.value
    const role = driver === undefined ? 'no life' : driver.node.leader ? 'leads' : 'follows'
    const trouble = process?.trouble === undefined ? '' : ' in trouble'
    const stage = driver?.node.follower.stage
    return `${node.name} ${role}${trouble} ${stage} shows ${visible?.file}:${visible?.position} of ${log?.end}`
  })
  const { voters, inSync, leader } = etcd.state
  const sets = `in-sync ${inSync.map(keyOf).join()} of ${voters.map(keyOf).join()}, leader ${leader?.node}`
  return `the end is ${end?.file}:${end?.position}; ${states.join('; ')}; ${sets}`
}
