import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, rootPassword, rootUser } from './harness/mysqld.ts'
import { makeRunFolder, mysqlProgram } from './harness/project.ts'
import { Replica } from './harness/replica.ts'

afterEach(endEverything)

interface Redirection {
  readonly from?: string
  readonly to?: string
}

/** Runs one of MySQL's programs as root of the server, with its input or output in a file. */
async function run(
  name: string,
  server: Mysqld,
  args: readonly string[],
  { from, to }: Redirection,
): Promise<void> {
  const input = from === undefined ? 'ignore' : openSync(from, 'r')
  const output = to === undefined ? 'ignore' : openSync(to, 'w')
  const account = [
    `--socket=${server.socketFile}`,
    `--user=${rootUser}`,
    `--password=${rootPassword}`,
  ]
  const program = spawn(mysqlProgram(name), ['--no-defaults', ...account, ...args], {
    stdio: [input, output, 'pipe'],
  })
  let said = ''
  program.stderr?.on('data', (text: Buffer) => {
    said += text.toString()
  })
  const [code] = (await once(program, 'close')) as [number]
  for (const file of [input, output]) if (typeof file === 'number') closeSync(file)
  if (code !== 0) throw new Error(`${name} ends with ${code}: ${said}`)
}

test('a replica seeded by mysqldump from the source goes on at Kingbus', async () => {
  const source = await Mysqld.start({ serverId: 91 })
  await source.sql('CREATE DATABASE app', 'CREATE TABLE app.t (id INT PRIMARY KEY, v TEXT)')
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await source.sql("INSERT INTO app.t VALUES (1, 'before the dump')")

  const dump = join(makeRunFolder('dump'), 'app.sql')
  const wanted = [
    '--single-transaction',
    '--source-data=2',
    '--set-gtid-purged=ON',
    '--databases',
    'app',
  ]
  await run('mysqldump', source, wanted, { to: dump })
  await source.sql("INSERT INTO app.t VALUES (2, 'behind the dump')", 'FLUSH BINARY LOGS')

  const replica = new Replica(await Mysqld.start({ serverId: 92 }))
  await run('mysql', replica.server, [], { from: dump })
  expect(await replica.server.value('SELECT COUNT(*) FROM app.t')).toBe('1')
  await replica.attach({ port: kingbus.port }, { clauses: ['SOURCE_CONNECT_RETRY=1'] })
  await source.sql("UPDATE app.t SET v = 'changed' WHERE id = 1")
  await kingbus.restart()
  await source.sql("INSERT INTO app.t VALUES (3, 'behind a restart of Kingbus')")
  await replica.catchUpWith(source)
  expect(await serverDifferences(source, replica.server)).toEqual([])
  expect(await replica.server.value('SELECT COUNT(*) FROM app.t')).toBe('3')
})
