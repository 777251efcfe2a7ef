import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { freePort } from './harness/ports.ts'

let source: Mysqld

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1 })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
})

afterAll(endEverything)

const urlOf = (port: number): string => `mysql://${replicationUser}@127.0.0.1:${port}`

test('a source that was stopped stays so over a kill -9 and a restart, until it is started', async () => {
  const kingbus = await Kingbus.start({ sourceUrl: urlOf(source.port) })
  const { gtidExecuted } = await kingbus.catchUpWith(source)
  await kingbus.stopSource()
  await kingbus.kill9()
  await source.sql('INSERT INTO d.t VALUES (1)')
  await kingbus.launch()
  const { source: link, gtidExecuted: after } = await kingbus.waitForState('stopped')
  expect(link.error).toBeNull()
  expect(after).toBe(gtidExecuted)
  expect(kingbus.logTail()).toContain('the source was stopped by a command')
  await kingbus.startSource()
  await kingbus.catchUpWith(source)
  await kingbus.restart()
  await kingbus.waitForState('streaming')
  await kingbus.stop()
})

test('what a command has set holds against the configuration, and the log tells it', async () => {
  const sourceUrl = urlOf(await freePort())
  const kingbus = await Kingbus.start({ sourceUrl })
  await kingbus.waitForState('waiting')
  await kingbus.stop()
  const kept = {
    formatVersion: 1,
    source: {
      host: '127.0.0.1',
      port: source.port,
      user: replicationUser,
      password: replicationPassword,
      tls: 'preferred',
      startAt: 'oldest',
      semiSync: false,
    },
  }
  writeFileSync(join(kingbus.dataFolder, 'desired.json'), JSON.stringify(kept), { mode: 0o600 })
  await kingbus.launch()
  await kingbus.catchUpWith(source)
  const log = readFileSync(kingbus.logFile, 'utf8')
  expect(log).toContain('source.url holds as it was set by a command, not as it is configured')
  expect(log).toContain(`"configured":"${sourceUrl}"`)
  expect(log).toContain(`"held":"${urlOf(source.port)}"`)
  expect(log).not.toContain(replicationPassword)
  await kingbus.stop()
})
