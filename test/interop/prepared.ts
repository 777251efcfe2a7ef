import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ClientProgram } from './client.ts'
import { INTEROP_CACHE } from './recipes.ts'

export interface Prepared {
  readonly title: string
  readonly hasNames: boolean
  readonly client: ClientProgram
  /** 'unavailable': its packages, or what builds it, cannot be had on this machine */
  readonly state: 'ready' | 'unavailable' | 'broken'
  readonly reason: string
}

export const PREPARED_FILE = join(INTEROP_CACHE, 'prepared.json')

/** What prepare.ts left. */
export function readPrepared(): readonly Prepared[] {
  if (!existsSync(PREPARED_FILE))
    throw new Error('run npm run test:interop, which prepares clients')
  return JSON.parse(readFileSync(PREPARED_FILE, 'utf8')) as Prepared[]
}
