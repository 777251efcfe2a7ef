import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it, test } from 'vitest'
import { buildProgram } from '../../src/cli/program.ts'
import { terminal } from '../../src/cli/terminal.ts'
import { clusterConfig, loadConfig } from '../../src/config/index.ts'
import { systemDisk } from '../../src/platform/index.ts'
import { readCompose } from '../e2e/harness/compose/compose-file.ts'
import { filesBelow, ROOT, type SourceFile } from './source-tree.ts'

/* What people copy out of the guides and examples: commands that the program takes, configurations that hold. */

const readme = { path: 'README.md', text: readFileSync(join(ROOT, 'README.md'), 'utf8') }
const guides = filesBelow('docs/guides', ['.md'])
const examples = filesBelow('examples', ['.yaml'])

/** What stands behind `kingbus` in the shell blocks of a page, a line each. */
function commandsOf({ text }: SourceFile): string[] {
  const blocks = [...text.matchAll(/^```(?:sh)?\n([^]*?)^```$/gm)].map(([, block]) => block ?? '')
  return blocks
    .flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
    .flatMap((line) => /(?:^|\s|\/)kingbus ([a-z][^#|]*)/.exec(line)?.[1]?.trim() ?? [])
}

/** Why the program does not take a command; undefined when it does. Values are not looked at. */
function refusal(line: string): string | undefined {
  let command: Command = buildProgram(terminal, { exitCode: 0 })
  const words = line.split(/\s+/)
  while (command.commands.length > 0) {
    const name = words.shift()
    const next = command.commands.find((child) => child.name() === name)
    if (next === undefined) return `${command.name()} has no command ${name}`
    command = next
  }
  const options = words.flatMap((word) => /^(--[\w-]+)/.exec(word)?.[1] ?? [])
  const unknown = options.find((flag) => !command.options.some(({ long }) => long === flag))
  return unknown === undefined ? undefined : `${command.name()} has no option ${unknown}`
}

describe('the commands of the guides', () => {
  it.each([readme, ...guides])('are ones that there are: $path', (page) => {
    const refusals = commandsOf(page).flatMap((line) => refusal(line) ?? [])
    expect(refusals).toEqual([])
  })

  it('are looked at', () => {
    expect(guides.flatMap(commandsOf).length).toBeGreaterThan(15)
    expect(refusal('members ad node4 https://a:1')).toBe('members has no command ad')
    expect(refusal('status --jsn')).toBe('status has no option --jsn')
  })
})

test('the quick start makes every password that the compose file wants', () => {
  const page = readFileSync(join(ROOT, 'docs/guides/quickstart.md'), 'utf8')
  const env = /cat > \.env <<EOF\n([^]*?)^EOF$/m.exec(page)?.[1] ?? ''
  const names = [...env.matchAll(/^(\w+)=/gm)].map(([, name]) => name ?? '')
  expect(readCompose(Object.fromEntries(names.map((name) => [name, 'given'])))).not.toEqual([])
  expect(() => readCompose({ CLUSTER_SECRET: 'given' })).toThrow(/is not set/)
})

async function configOf(path: string) {
  const input = { file: join(ROOT, path), environment: {}, flags: new Map() }
  return await loadConfig(systemDisk, input)
}

describe('the example configurations', () => {
  it.each(examples)('hold together: $path', async ({ path }) => {
    const { config, warnings } = await configOf(path)
    expect(warnings).toEqual([])
    expect(path).toContain(`/${config.name}.yaml`)
  })

  it.each(['three-machines', 'three-regions'])('are those of one cluster: %s', async (folder) => {
    const paths = examples.map(({ path }) => path).filter((path) => path.includes(`/${folder}/`))
    const all = await Promise.all(
      paths.map(async (path) => clusterConfig((await configOf(path)).config)),
    )
    const members = all.flatMap((node) => (node === undefined || node.observer ? [] : [node]))
    expect(members).toHaveLength(3)
    const [first] = members
    for (const node of all) {
      const names = node?.initialCluster.map(({ name, url }) => ({ name, url }))
      expect(names).toEqual(first?.initialCluster.map(({ name, url }) => ({ name, url })))
      expect([node?.heartbeatMs, node?.electionMs]).toEqual([first?.heartbeatMs, first?.electionMs])
    }
    const listed = first?.initialCluster.map(({ name }) => name).toSorted()
    expect(members.map(({ name }) => name).toSorted()).toEqual(listed)
  })

  it('are started by the unit of systemd', () => {
    const unit = readFileSync(join(ROOT, 'examples/systemd/kingbus.service'), 'utf8')
    const command = /^ExecStart=\S*kingbus (.*)$/m.exec(unit)?.[1] ?? ''
    expect(refusal(command)).toBeUndefined()
    expect(command).toContain('--config /etc/kingbus/kingbus.yaml')
  })
})
