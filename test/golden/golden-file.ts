import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'

/**
 * Compares an output with the golden file `name`, which holds prose, a command, `----` and the
 * output. With REWRITE=1 in the environment the file is written instead: read the difference before
 * keeping it.
 */
export function expectGolden(name: string, prose: string, command: string, output: string): void {
  const path = new URL(name, import.meta.url)
  const found = `# ${prose}\n\n${command}\n----\n${output}`
  if (process.env['REWRITE'] === '1') writeFileSync(path, found)
  const wanted = existsSync(path) ? readFileSync(path, 'utf8') : ''
  expect(found, `golden file ${name}; REWRITE=1 writes it anew`).toBe(wanted)
}
