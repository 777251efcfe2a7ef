import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DCLinter } from 'dclint'
import { validate } from 'dockerfile-utils'
import { describe, expect, it } from 'vitest'
import { loadConfig, loadSecrets } from '../../src/config/index.ts'
import { systemDisk } from '../../src/platform/index.ts'
import { temporaryFolder } from '../../src/platform/testing/temporary-folder.ts'
import { readCompose } from '../e2e/harness/compose/compose-file.ts'
import { readImage } from '../e2e/harness/compose/image.ts'
import { filesBelow, ROOT } from './source-tree.ts'

const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
const image = readImage(dockerfile)
const services = readCompose({
  CLUSTER_SECRET: 'a secret of the cluster',
  SOURCE_PASSWORD: 'one',
  REPLICA_PASSWORD: 'two',
})
const nodes = services.filter(({ environment }) => 'KINGBUS_NAME' in environment)

/** Paths that are not sent to the builder: the file lets through what `!` names, and begins with `*`. */
function heldBack(paths: readonly string[], text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(lines[0]).toBe('*')
  const through = new Set(lines.flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : [])))
  return paths.filter((path) => !through.has(path))
}

/** What a linter finds wrong in a compose file by the schema of the compose specification. */
function schemaFaults(path: string): string[] {
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] })
  const [result] = linter.lintFiles([path], false)
  // The package's own declarations are not found by this module resolution.
  const messages = result?.messages as readonly { type: string; message: string }[] | undefined
  if (messages === undefined) return [`${path} was not looked at`]
  return messages.filter(({ type }) => type === 'error').map(({ message }) => message)
}

describe('the Dockerfile', () => {
  it('is one that a builder understands', () => {
    expect(validate(dockerfile)).toEqual([])
    expect(validate(dockerfile.replace('WORKDIR', 'WORKDR'))).not.toEqual([])
  })

  it('copies only what is there and is sent to the builder', () => {
    const paths = image.copiedFromProject
    expect(paths).toContain('proto')
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
    expect(heldBack(paths, ignored)).toEqual([])
    expect(heldBack(paths, ignored.replace('!proto\n', ''))).toEqual(['proto'])
  })

  it('holds back no source that is built', () => {
    const [, ...patterns] = ignored.split('\n').filter((line) => /^[^#!]/.test(line))
    expect(patterns).toEqual(['src/**/*.test.ts', 'src/**/testing'])
    const built = filesBelow('src', ['.ts']).filter(
      ({ path }) => !path.endsWith('.test.ts') && !path.includes('/testing/'),
    )
    expect(built.filter(({ text }) => /from '.*\/testing\//.test(text))).toEqual([])
  })

  it('copies from stages that it has', () => {
    expect(image.stagesUsed).toContain('etcd')
    expect(image.stagesUsed.filter((stage) => !image.stages.includes(stage))).toEqual([])
  })

  it('runs Kingbus as a user without rights, and asks whether it is ready', () => {
    expect(image.user).toBe('node')
    expect(image.command).toEqual(['kingbus', 'start'])
    expect(image.healthcheck.join(' ')).toContain('/readyz')
  })
})

describe('docker-compose.yml', () => {
  it('keeps the schema of the compose specification', () => {
    expect(schemaFaults(join(ROOT, 'docker-compose.yml'))).toEqual([])
    // A canary: a file of ours that is none.
    expect(schemaFaults(join(ROOT, 'biome.json'))).not.toEqual([])
  })

  it('waits only for services that there are, and has the demo in a profile', () => {
    const names = services.map(({ name }) => name)
    expect(
      services.flatMap(({ dependsOn }) => dependsOn).filter((n) => !names.includes(n)),
    ).toEqual([])
    const always = services.filter(({ profiles }) => profiles.length === 0)
    expect(always.map(({ name }) => name)).toEqual(['node1', 'node2', 'node3'])
  })

  it.each(nodes)(
    'gives $name settings that hold together, and secrets that nobody else reads',
    async (node) => {
      const folder = temporaryFolder(node.name)
      const here = (path: string): string => path.replace(/^\/run(?=\/)/, folder)
      for (const { path, text, mode, uid } of node.files) {
        expect({ path, mode, uid }).toEqual({ path, mode: 0o400, uid: 1000 })
        mkdirSync(dirname(here(path)), { recursive: true })
        writeFileSync(here(path), text, { mode })
      }
      const all = Object.entries({ ...image.environment, ...node.environment })
      const environment = Object.fromEntries(all.map(([name, value]) => [name, here(value)]))
      const loaded = await loadConfig(systemDisk, {
        file: undefined,
        environment,
        flags: new Map(),
      })
      expect(loaded.warnings).toEqual([])
      expect(loaded.config.name).toBe(node.name)
      expect(existsSync(loaded.config['serve.users-file'] ?? '')).toBe(true)
      expect([...node.volumes.values()]).toEqual([loaded.config['data-dir']])
      const secrets = await loadSecrets(systemDisk, loaded, environment)
      expect(secrets).toMatchObject({
        clusterSecret: 'a secret of the cluster',
        sourcePassword: 'one',
      })
    },
  )
})
