/*
  Scenarios of the cluster's protocol, written by hand: blocks of commands, each followed by `----` and by what the
  nodes have then. REWRITE=1 writes the outputs anew: read the difference before keeping it.

    take-over A              A finds no leader
    write 3, ingest A 2      the source commits a transaction of 3 pieces; the leader A takes 2 pieces in one record
    settle [without X, Y]    all goes on that can without a fault and without the source; what begins with X or Y waits
    anything else            an action of the simulation, by the beginning of its text; `x3` repeats it
*/
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { keyOf } from '../../src/cluster/index.ts'
import { actionsOf } from '../cluster-simulation/actions.ts'
import { settle } from '../cluster-simulation/calm.ts'
import type { SimulatedNode } from '../cluster-simulation/node.ts'
import { World } from '../cluster-simulation/world.ts'

/** What a scenario says by itself. */
const SOURCE = new Set(['connect', 'ingest'])
const FOLDER = new URL('cluster/', import.meta.url)

function carryOut(world: World, line: string): void {
  const [command = '', name = ''] = line.split(' ')
  if (command === 'take-over') {
    world.node(name).give({ kind: 'leader-lost', delayTicks: 0, gone: [] })
  } else if (command === 'settle') {
    const waits = line.replace(/^settle( without)? ?/, '').split(', ')
    const mayHappen = (text: string): boolean =>
      !waits.some((wait) => wait !== '' && text.startsWith(wait))
    settle(world, ({ kind, text }) => !SOURCE.has(kind) && mayHappen(text))
  } else if (command === 'write') {
    world.source.write(Number(name))
  } else if (command === 'ingest') {
    const count = Number(line.split(' ').at(-1))
    world.node(name).ingest(count)
  } else {
    const [, text = '', times = '1'] = /^(.*?)(?: x(\d+))?$/.exec(line) ?? []
    for (let time = 0; time < Number(times); time += 1) doAction(world, text)
  }
}

function doAction(world: World, text: string): void {
  const action = actionsOf(world).find((one) => `${one.text} `.startsWith(`${text} `))
  if (action === undefined) throw new Error(`nothing that can happen now is called ${text}`)
  world.do(action)
}

function picture(world: World): string {
  const { state, writes } = world.etcd
  const names = (members: typeof state.voters): string => members.map(keyOf).join(' ')
  const under = writes.map((write) => `, ${write.node} asks for {${names(write.state.inSync)}}`)
  const first = `etcd: epoch ${state.epoch}, in-sync {${names(state.inSync)}}${under.join('')}`
  return [first, ...world.nodes.map(line)].join('\n')
}

function line(node: SimulatedNode): string {
  const { core, store } = node
  if (core === undefined) return `${node.name}: down`
  const log = store.headers.map(({ epoch, kind }) => `${epoch}:${kind}`).join(' ')
  const file = store.content.map((one) => (one ? `${one.transaction}.${one.index}` : '?'))
  const counts = core.leader?.counted().map(keyOf).join(' ')
  const role = core.leader ? `leads ${core.leader.epoch}, counts {${counts}}` : 'follows'
  const paused = node.isPaused ? ' (paused)' : ''
  const ends = `durable ${store.durable}, knows ${core.context.facts.now.known} committed`
  return `${node.name}${paused}: ${role}; ${ends}, shows ${node.visible}\n   [${log}] file [${file.join(' ')}]`
}

function run(text: string): string {
  const world = new World({ seed: 1, size: 3 })
  for (const node of world.nodes) node.start()
  return text
    .split('\n\n')
    .map((block) => {
      const [commands = ''] = block.split('\n----')
      const lines = commands.split('\n').filter((one) => one !== '' && !one.startsWith('#'))
      if (lines.length === 0) return block
      for (const one of lines) carryOut(world, one)
      return `${commands}\n----\n${picture(world)}`
    })
    .join('\n\n')
}

describe('a scenario of the cluster goes as written', () => {
  for (const name of readdirSync(FOLDER)) {
    it(name, () => {
      const path = new URL(name, FOLDER)
      const text = readFileSync(path, 'utf8').trimEnd()
      const found = run(text)
      if (process.env['REWRITE'] === '1') writeFileSync(path, `${found}\n`)
      else expect(found, `${name}; REWRITE=1 writes it anew`).toBe(text)
    })
  }
})
