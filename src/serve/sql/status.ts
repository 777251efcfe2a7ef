import type { Scope } from './scope.ts'

/** Name and value of what SHOW STATUS shows, sorted by name. */
export function statusVariables(scope: Scope): [string, string][] {
  const { facts, session, sessions, nowMs } = scope
  const uptime = String(Math.max(0, Math.floor((nowMs - facts.startedMs) / 1000)))
  const dumping = sessions.all().filter(({ state }) => state.command.startsWith('Binlog Dump'))
  return [
    ['Binlog_dump_threads', String(dumping.length)],
    ...compressionVariables(scope),
    ['Questions', String(sessions.questions)],
    ...semiSyncVariables(scope),
    ['Ssl_cipher', session.tlsCipher ?? ''],
    ['Ssl_version', session.tlsVersion ?? ''],
    ['Threads_connected', String(sessions.count)],
    ['Uptime', uptime],
    ['Uptime_since_flush_status', uptime],
  ]
}

function compressionVariables({ facts, session }: Scope): [string, string][] {
  const { compression } = session
  const isOn: [string, string] = ['Compression', compression === undefined ? 'OFF' : 'ON']
  if (facts.flavor === 'mariadb') return [isOn]
  return [
    isOn,
    ['Compression_algorithm', compression?.algorithm ?? ''],
    ['Compression_level', String(compression?.level ?? 0)],
  ]
}

/** Under the names of either age: what is counted here, and of nothing more. */
function semiSyncVariables({ facts, replicas }: Scope): [string, string][] {
  if (facts.flavor !== 'mysql') return []
  const clients = replicas.list([]).filter(({ semiSync }) => semiSync !== undefined)
  return ['master', 'source'].flatMap((name): [string, string][] => [
    [`Rpl_semi_sync_${name}_clients`, String(clients.length)],
    [`Rpl_semi_sync_${name}_net_waits`, String(replicas.acks.count.value)],
    [`Rpl_semi_sync_${name}_status`, 'ON'],
  ])
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
