import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { CertificateFiles } from '../../cluster/index.ts'
import { clusterConfig, formatUrl, readSecretFile } from '../../config/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { printFacts, printJson } from '../output.ts'
import { type SettingValues, settingsFrom, withSettingOptions } from '../setting-options.ts'
import type { Terminal } from '../terminal.ts'

interface CertsOptions extends SettingValues {
  readonly secretFile?: string
  readonly host?: readonly string[]
  readonly json?: true
}

const AFTER = `
Nodes need none of this: each makes its own from the secret at every start. These are for etcdctl, or another tool
that looks into etcd, and with --host for an etcd of yours (cluster.endpoints, cluster.tls.*). They are made on any
machine that has the secret, and no node is asked. Whoever has them can read and change all that the cluster keeps in
etcd; they do not expire, and only another secret makes them worthless. Files have mode 0600; none is written over.

  kingbus cluster certs certs --config /etc/kingbus/kingbus.yaml
  etcdctl --cacert certs/authority.pem --cert certs/client.pem --key certs/client-key.pem \\
    --endpoints https://kingbus-1.example:9602 endpoint status`

export function addCertsCommand(cluster: Command, terminal: Terminal): void {
  const command = cluster
    .command('certs')
    .description("make certificates from the cluster's secret, for etcdctl or an etcd of yours")
    .argument('<folder>', 'where the files are put; made when absent')
    .option(
      '--secret-file <file>',
      "file with the cluster's secret; else cluster.secret-file of the settings",
    )
    .option('--host <host...>', 'make one for a server too, with these names or addresses')
    .option('--json', 'JSON instead of a table; fields may be added, never change their meaning')
    .addHelpText('after', AFTER)
    .action(async (folder: string, options: CertsOptions) => {
      const { Authority, ClusterSecret, writeCertificates } = await import('../../cluster/index.ts')
      const { secret, endpoints } = await secretOf(options, terminal)
      const authority = await Authority.from(await ClusterSecret.from(secret))
      const files = await writeCertificates(terminal.disk, authority, {
        folder: resolve(folder),
        name: 'kingbus cluster certs',
        hosts: options.host ?? [],
      })
      if (options.json === true) printJson(terminal, jsonOf(files, endpoints))
      else show(files, endpoints, terminal)
    })
  withSettingOptions(command, [])
}

interface Known {
  readonly secret: string
  /** of etcd's members, as the settings say at first; none without settings */
  readonly endpoints: readonly string[]
}

async function secretOf(options: CertsOptions, terminal: Terminal): Promise<Known> {
  const { disk } = terminal
  const { config } = await settingsFrom(options, terminal)
  const cluster = clusterConfig(config)
  const path = options.secretFile ?? config['cluster.secret-file']
  if (path === undefined) {
    const message = 'there is no secret: give --secret-file FILE, or --config FILE of a node'
    throw new OperationalError('E_CONFIG_INVALID', message)
  }
  const what = options.secretFile === undefined ? 'cluster.secret-file' : '--secret-file'
  const hasOwn = cluster !== undefined && cluster.etcd.kind !== 'endpoints'
  return {
    secret: await readSecretFile(disk, path, what),
    endpoints: hasOwn
      ? cluster.initialCluster.map(({ etcdClientUrl }) => formatUrl(etcdClientUrl))
      : [],
  }
}

function jsonOf({ authority, client, server }: CertificateFiles, endpoints: readonly string[]) {
  return { authority, client, server: server ?? null, endpoints }
}

function show(
  { authority, client, server }: CertificateFiles,
  endpoints: readonly string[],
  terminal: Terminal,
): void {
  printFacts(terminal, [
    ['authority', authority],
    ['client', client.certificate],
    ["client's key", client.key],
    ...(server === undefined
      ? []
      : ([
          ['server', server.certificate],
          ["server's key", server.key],
        ] as const)),
    ...(endpoints.length === 0 ? [] : ([['endpoints', endpoints.join(',')]] as const)),
  ])
}
