import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { buildExampleApp } from '../../src/admin/testing/build-app.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { terminal } from '../../src/cli/terminal.ts'
import { keysTable, OTHER_VARIABLES } from '../../src/config/index.ts'
import { CHECKS } from '../../src/doctor/index.ts'
import { ERROR_CATALOGUE } from '../../src/lib/index.ts'
import { METRICS } from '../../src/observe/index.ts'
import { STATEMENTS } from '../../src/serve/sql/statements.ts'
import { filesBelow, ROOT } from './source-tree.ts'

const TABLE = /(<!-- table: [^\n]*-->\n)([^]*?)(<!-- end of table -->)/

const pathOf = (name: string): string => join(ROOT, 'docs', 'reference', name)
const read = (name: string): string => readFileSync(pathOf(name), 'utf8')

/** The generated part of a document; REWRITE=1 puts the new one in its place first. */
function tableOf(name: string, fresh: string): string {
  if (process.env['REWRITE'] === '1') {
    writeFileSync(
      pathOf(name),
      read(name).replace(TABLE, (_, head, __, end) => head + fresh + end),
    )
  }
  return TABLE.exec(read(name))?.[2] ?? 'no table'
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => void (text += part), getOutHelpWidth: () => 100 })
  command.outputHelp()
  return text.trimEnd()
}

/** Every command with its own help, the ones without subcommands only. */
function commandsBelow(command: Command, path: string): { path: string; help: string }[] {
  const name = `${path}${command.name()}`
  const below = command.commands.flatMap((child) => commandsBelow(child, `${name} `))
  return below.length > 0 ? below : [{ path: name, help: helpOf(command) }]
}

async function routes(): Promise<string[][]> {
  const app = await buildExampleApp()
  const document = (await app.inject('/api/v1/openapi.json')).json()
  await app.close()
  const paths = document.paths as Record<string, Record<string, { summary: string }>>
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { summary }]) => [
      `\`${method.toUpperCase()} ${path}\``,
      summary,
    ]),
  )
}

describe('the reference says what the code does', () => {
  test('about every key', () => {
    const table = `${keysTable()}\n`
    expect(tableOf('config.md', table)).toBe(table)
  })

  test('about every variable that is no key', () => {
    for (const name of Object.keys(OTHER_VARIABLES)) {
      expect(read('config.md')).toContain(`| \`${name}\` |`)
    }
  })

  test('about every metric', () => {
    const rows = Object.entries(METRICS).map(([name, { kind, labels, help }]) => {
      return [`\`${name}\``, kind, labels.map((label) => `\`${label}\``).join(', '), help]
    })
    const table = markdown(['metric', 'kind', 'labels', 'meaning'], rows)
    expect(tableOf('metrics.md', table)).toBe(table)
  })

  test('about every check of the doctor', () => {
    const rows = Object.entries(CHECKS).map(([id, why]) => [`\`${id}\``, why])
    const table = markdown(['check', 'why it is made'], rows)
    expect(tableOf('doctor.md', table)).toBe(table)
  })

  test('about every command', () => {
    const program = buildProgram(terminal, { exitCode: 0 })
    const parts = commandsBelow(program, '').map(
      ({ path, help }) => `## ${path}\n\n\`\`\`text\n${help}\n\`\`\`\n`,
    )
    const table = `\n${parts.join('\n')}\n`
    expect(parts.length).toBeGreaterThan(8)
    expect(tableOf('cli.md', table)).toBe(table)
  })

  test('about every route', async () => {
    const table = markdown(['route', 'what it does'], await routes())
    expect(tableOf('http-api.md', table)).toBe(table)
  })

  test('about every statement, and about none that is not understood', () => {
    const part = /<!-- every row [^\n]*-->\n([^]*?)\n\n/.exec(read('sql.md'))?.[1] ?? ''
    const documented = [...part.matchAll(/^\| `(.+?)` \|/gm)].map(([, words = '']) => words)
    const known = STATEMENTS.map(([words]) => words.replaceAll('|', '\\|'))
    expect(documented).toEqual(known)
  })

  test('about every error code, and about none that is gone', () => {
    const rows = [...read('errors.md').matchAll(/^\| `(E_\w+)` \| (\w+) \| (\d+) \| .{20,} \|$/gm)]
    const documented = rows.map(([, code, reaction, exit]) => `${code} ${reaction} ${exit}`)
    const known = Object.entries(ERROR_CATALOGUE).map(
      ([code, { reaction, exitCode }]) => `${code} ${reaction} ${exitCode}`,
    )
    expect(documented).toEqual(known)
  })

  test('about no error code that nothing uses', () => {
    const code = filesBelow('src', ['.ts']).filter(({ path }) => !path.includes('.test.'))
    const users = code.filter(({ path }) => path !== 'src/lib/errors.ts')
    const unused = Object.keys(ERROR_CATALOGUE).filter(
      (name) => !users.some(({ text }) => text.includes(`'${name}'`)),
    )
    expect(unused).toEqual([])
  })

  test('with a table that is compared, not skipped', () => {
    expect(TABLE.exec('<!-- table: x -->\nold\n<!-- end of table -->')?.[2]).toBe('old\n')
    expect(tableOf('errors.md', '')).toBe('no table')
  })
})
