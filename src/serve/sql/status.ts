import type { Scope } from './scope.ts'

/** Name and value of what SHOW STATUS shows, sorted by name. */
export function statusVariables({ facts, session, sessions, nowMs }: Scope): [string, string][] {
  const uptime = String(Math.max(0, Math.floor((nowMs - facts.startedMs) / 1000)))
  const dumping = sessions.all().filter(({ state }) => state.command.startsWith('Binlog Dump'))
  return [
    ['Binlog_dump_threads', String(dumping.length)],
    ['Questions', String(sessions.questions)],
    ['Ssl_cipher', session.tlsCipher ?? ''],
    ['Ssl_version', session.tlsVersion ?? ''],
    ['Threads_connected', String(sessions.count)],
    ['Uptime', uptime],
    ['Uptime_since_flush_status', uptime],
  ]
}

/** The text that COM_STATISTICS answers. */
export function statisticsText(scope: Scope): string {
  const values = new Map(statusVariables(scope))
  const uptime = Number(values.get('Uptime'))
  const perSecond = (scope.sessions.questions / Math.max(1, uptime)).toFixed(3)
  return [
    `Uptime: ${uptime}`,
    `Threads: ${scope.sessions.count}`,
    `Questions: ${scope.sessions.questions}`,
    'Slow queries: 0',
    'Opens: 0',
    'Flush tables: 0',
    'Open tables: 0',
    `Queries per second avg: ${perSecond}`,
  ].join('  ')
}
