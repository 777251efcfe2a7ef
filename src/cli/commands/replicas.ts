import type { Command } from 'commander'
import type { AbsentReplica, AdminClient, ReplicaStatus } from '../../admin/index.ts'
import { OperationalError } from '../../lib/index.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import { printJson, printTable } from '../output.ts'
import type { Terminal } from '../terminal.ts'

const HEAD = [
  'ID',
  'USER',
  'ADDRESS',
  'SERVER ID',
  'UUID',
  'FILE',
  'POSITION',
  'STATE',
  'BYTES BEHIND',
  'ACKNOWLEDGED',
]
const ABSENT_HEAD = ['AWAY: UUID', 'SERVER ID', 'USER', 'HOST', 'NODE', 'NEEDS', 'KEPT UNTIL']

const AFTER = `
First those that are connected to this node; then those with a server_uuid that are away, from every node of a cluster:
what they need is kept until then (retention.keep-for-absent-replicas).`

const AFTER_FORGET = `
Files that only this replica needs go as the limits of retention say. It is remembered again when it comes back.`

export function addReplicasCommands(program: Command, terminal: Terminal): void {
  const replicas = program
    .command('replicas')
    .description('who reads from a running node, how far, and who is away')
  withNodeOptions(replicas)
    .addHelpText('after', AFTER)
    .action(async (options: NodeOptions) => {
      const client = await nodeClient(options, terminal)
      const connected = await client.replicas()
      const absent = await absentOf(client)
      if (options.json === true) {
        const isKnown = !(absent instanceof OperationalError)
        return printJson(terminal, { connected, absent: isKnown ? absent : null })
      }
      printTable(terminal, HEAD, connected.map(rowOf))
      if (absent instanceof OperationalError) {
        terminal.out(`\nWho is away is not known: ${absent.message}\n`)
      } else if (absent.length > 0) {
        terminal.out('\n')
        showAbsent(absent, terminal)
      }
    })
  withNodeOptions(
    replicas
      .command('forget')
      .argument('<replica>', 'its server_uuid, or its host where no other has it')
      .description('keep nothing any more for a replica that is away'),
  )
    .addHelpText('after', AFTER_FORGET)
    .action(async (name: string, _: unknown, command: Command) => {
      const options: NodeOptions = command.optsWithGlobals()
      const absent = await (await nodeClient(options, terminal)).forgetReplica(name)
      if (options.json === true) printJson(terminal, absent)
      else showAbsent(absent, terminal)
    })
}

async function absentOf(client: AdminClient): Promise<AbsentReplica[] | OperationalError> {
  try {
    return await client.absentReplicas()
  } catch (thrown) {
    if (thrown instanceof OperationalError) return thrown
    throw thrown
  }
}

function rowOf(replica: ReplicaStatus) {
  return [
    replica.id,
    replica.user,
    replica.address,
    replica.serverId,
    replica.uuid,
    replica.file,
    replica.position,
    replica.state,
    replica.lagBytes,
    acknowledgedText(replica),
  ]
}

/** null for a replica that is not a semi-sync one */
function acknowledgedText({ semiSync }: ReplicaStatus): string | null {
  if (semiSync === null) return null
  const { acknowledged } = semiSync
  return acknowledged === null ? 'nothing yet' : `${acknowledged.file}:${acknowledged.position}`
}

function showAbsent(absent: readonly AbsentReplica[], terminal: Terminal): void {
  const rows = absent.map((replica) => [
    replica.uuid,
    replica.serverId,
    replica.user,
    replica.host,
    replica.node,
    replica.needs,
    replica.keptUntil ?? 'given up: its files are gone',
  ])
  printTable(terminal, ABSENT_HEAD, rows)
}
