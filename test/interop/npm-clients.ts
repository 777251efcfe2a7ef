import { fileURLToPath } from 'node:url'
import type { ClientProgram } from './client.ts'

/** A client of npm's, by the name of its package. */
export function npmClient(name: '@powersync/mysql-zongji' | '@rodrigogs/zongji'): ClientProgram {
  const file = fileURLToPath(new URL('clients/npm/follow.mjs', import.meta.url))
  return { name: name.replace(/\W/g, '-'), program: process.execPath, args: [file, name] }
}
