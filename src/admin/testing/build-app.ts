import { silentLogger } from '../../lib/index.ts'
import type { NodeFace } from '../node-face.ts'
import { type AdminApp, type AdminOptions, buildAdmin } from '../server.ts'
import { exampleNode } from './example-node.ts'

/** The example node, changed in the named parts, without token and TLS. */
export function exampleOptions(node: Partial<NodeFace> = {}): AdminOptions {
  return {
    node: { ...exampleNode, ...node },
    version: '1.2.3',
    log: silentLogger,
    token: undefined,
    tls: undefined,
    onBug: (bug) => {
      throw bug
    },
  }
}

/** Its API; whoever builds it closes it. */
export async function buildExampleApp(node: Partial<NodeFace> = {}): Promise<AdminApp> {
  return await buildAdmin(exampleOptions(node))
}
