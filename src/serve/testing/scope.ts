import { systemClock } from '../../platform/index.ts'
import { REAL_FILES } from '../dump/testing/captures.ts'
import { MemoryBinlogs } from '../dump/testing/memory-binlogs.ts'
import { Replicas } from '../replicas.ts'
import { SessionList } from '../session/session-list.ts'
import type { SessionState } from '../session/session-state.ts'
import type { Scope } from '../sql/scope.ts'
import { FakeAdministration } from './fake-administration.ts'
import { FACTS } from './fake-server.ts'

/** What a statement of the one session of a server sees; `changes` to a replica's session under TLS. */
export function makeScope(changes: Partial<SessionState> = {}): Scope {
  const session: SessionState = {
    connectionId: 5,
    user: 'repl',
    host: '10.0.0.7',
    port: 51244,
    rights: ['replicate'],
    tlsVersion: 'TLSv1.3',
    tlsCipher: 'TLS_AES_256_GCM_SHA384',
    compression: undefined,
    database: undefined,
    userVariables: new Map(),
    warnings: [],
    systemVariables: new Map(),
    command: 'Query',
    statement: undefined,
    sinceMs: 0,
    ...changes,
  }
  const sessions = new SessionList()
  sessions.add({ state: session, kill: () => {}, interrupt: () => {} })
  return {
    facts: FACTS,
    session,
    sessions,
    replicas: new Replicas(systemClock),
    binlogs: new MemoryBinlogs(REAL_FILES),
    administration: new FakeAdministration(),
    clock: systemClock,
    beginWait: () => new AbortController().signal,
    nowMs: Date.parse('2026-05-01T10:11:12Z'),
    monotonicMs: 0,
    uuid: () => 'ffffffff-2c16-11e6-a073-0242ac110001',
  }
}
