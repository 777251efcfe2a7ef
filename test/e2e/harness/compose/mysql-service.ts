import { execFileSync } from 'node:child_process'
import { Mysqld, replicationUser, rootPassword } from '../mysqld.ts'
import { makeRunFolder, mysqlProgram } from '../project.ts'
import type { ComposeService } from './compose-file.ts'
import { placed } from './container.ts'

const setupFolder = '/docker-entrypoint-initdb.d/'

/** A mysql service of the compose file: the options of its command, and its setup script run once. */
export async function startMysqlService(
  service: ComposeService,
  serverId: number,
  namespace: string,
): Promise<Mysqld> {
  const given = (service.command ?? []).map((option) => option.replace(/^--/, '').split('='))
  const options = { ...Object.fromEntries(given), 'bind-address': '0.0.0.0' }
  const server = await Mysqld.start({ serverId, options, namespace, port: 3306 })
  // The image has no users but its own when it runs the script.
  await server.sql('SET sql_log_bin=0', `DROP USER ${replicationUser}`, 'SET sql_log_bin=1')
  setUp(service, server, namespace)
  await server.restart()
  return server
}

function setUp(service: ComposeService, server: Mysqld, namespace: string): void {
  const isSetup = ({ path }: { readonly path: string }): boolean => path.startsWith(setupFolder)
  const secrets = service.files.filter((file) => !isSetup(file))
  const client = `${mysqlProgram('mysql')} -uroot -p${rootPassword} --socket=${server.socketFile}`
  const script = [
    'mount -t tmpfs -o mode=755 none /run',
    ...placed(secrets, makeRunFolder('setup')),
    `docker_process_sql() { ${client}; }`,
    ...service.files.filter(isSetup).map(({ text }) => text),
  ]
  const args = ['netns', 'exec', namespace, 'bash', '-ec', script.join('\n')]
  execFileSync('ip', args, { stdio: 'pipe' })
}
