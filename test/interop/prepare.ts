/*
  tsx test/interop/prepare.ts [NAME...]: brings and builds the foreign clients, all or those named, and leaves in
  .cache/interop/prepared.json which there are, and why others cannot be had here. Exits 1 when one that could be had
  cannot be built.
*/
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { PREPARED_FILE, type Prepared } from './prepared.ts'
import { type Command, INTEROP_CACHE, RECIPES, type Recipe } from './recipes.ts'

const FETCH_MS = 600_000
const REASON_LINES = 3

/** Why the command did not do it; undefined when it did. */
function failureOf({ program, args, folder, env }: Command): string | undefined {
  const done = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: FETCH_MS,
    env: { ...process.env, ...env },
  })
  if (done.error) return `${program}: ${done.error.message}`
  if (done.status === 0) return undefined
  const said = `${done.stdout}\n${done.stderr}`.split('\n').filter((line) => line.trim() !== '')
  const errors = said.filter((line) => /error|not found|could not|forbidden/i.test(line))
  const shown = (errors.length > 0 ? errors : said).slice(0, REASON_LINES)
  return `${[program, ...args].join(' ')}: ${shown.join(' | ')}`
}

function prepare(recipe: Recipe): Prepared {
  const { client, title, hasNames, fetch, build } = recipe
  const known = { client, title, hasNames }
  for (const command of fetch) {
    const reason = failureOf(command)
    if (reason !== undefined) return { ...known, state: 'unavailable', reason }
  }
  for (const command of build) {
    const reason = failureOf(command)
    if (reason !== undefined) return { ...known, state: 'broken', reason }
  }
  return { ...known, state: 'ready', reason: '' }
}

const names = process.argv.slice(2)
const wanted = RECIPES.filter(({ client }) => names.length === 0 || names.includes(client.name))
mkdirSync(INTEROP_CACHE, { recursive: true })
const prepared = wanted.map((recipe) => {
  const result = prepare(recipe)
  const word = { ready: 'ready', unavailable: 'not run', broken: 'DOES NOT BUILD' }[result.state]
  console.log(
    `${result.client.name} (${result.title}): ${word}${result.reason && `: ${result.reason}`}`,
  )
  return result
})
writeFileSync(PREPARED_FILE, JSON.stringify(prepared, undefined, 2))
process.exit(prepared.some(({ state }) => state === 'broken') ? 1 : 0)
