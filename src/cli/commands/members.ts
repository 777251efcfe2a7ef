import type { Command } from 'commander'
import type { MemberStatus } from '../../admin/index.ts'
import { type NodeOptions, nodeClient, withNodeOptions } from '../node-options.ts'
import { printJson, printTable } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface AddOptions extends NodeOptions {
  readonly observer?: true
}

const NAME = ['<name>', 'name of the node'] as const
const PEER_URL = [
  '<peer-url>',
  'its cluster.peer-url, such as https://kingbus-4.example:9600',
] as const

const AFTER_ADD = `
Add it first, then start it, with cluster.initial-cluster-state existing.`

const AFTER_LEAD = `
Returns when that node leads. Nothing is lost, and replicas notice nothing.`

export function addMembersCommands(program: Command, terminal: Terminal): void {
  const members = program.command('members').description('the nodes of the cluster')
  withNodeOptions(members.command('list').description('list the nodes')).action(
    async (options: NodeOptions) => {
      show(await (await nodeClient(options, terminal)).members(), options, terminal)
    },
  )
  withNodeOptions(
    members
      .command('add')
      .argument(...NAME)
      .argument(...PEER_URL)
      .description('let a node join the cluster')
      .option('--observer', 'it follows without a vote'),
  )
    .addHelpText('after', AFTER_ADD)
    .action(async (name: string, peerUrl: string, options: AddOptions) => {
      const client = await nodeClient(options, terminal)
      const observer = options.observer === true
      show(await client.addMember(name, peerUrl, observer), options, terminal)
    })
  withNodeOptions(
    members
      .command('remove')
      .argument(...NAME)
      .description('take a node out of the cluster, for good'),
  ).action(async (name: string, options: NodeOptions) => {
    show(await (await nodeClient(options, terminal)).removeMember(name), options, terminal)
  })
  withNodeOptions(
    members
      .command('update')
      .argument(...NAME)
      .argument(...PEER_URL)
      .description('change where the others reach a node'),
  ).action(async (name: string, peerUrl: string, options: NodeOptions) => {
    show(await (await nodeClient(options, terminal)).updateMember(name, peerUrl), options, terminal)
  })
  withNodeOptions(
    members
      .command('lead')
      .argument(...NAME)
      .description('hand the leadership over to a node'),
  )
    .addHelpText('after', AFTER_LEAD)
    .action(async (name: string, options: NodeOptions) => {
      show(await (await nodeClient(options, terminal)).leadMember(name), options, terminal)
    })
}

function show(members: readonly MemberStatus[], options: NodeOptions, terminal: Terminal): void {
  if (options.json === true) return printJson(terminal, members)
  const rows = members.map(({ id, name, role, isLeader, peerUrl, adminUrl }) => {
    return [id, name, role, peerUrl, adminUrl, isLeader ? 'leader' : '']
  })
  return printTable(terminal, ['ID', 'NAME', 'ROLE', 'PEER URL', 'ADMIN URL', ''], rows)
}
